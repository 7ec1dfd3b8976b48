import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMBINED_RECIPES } from '../../src/backlog/combined-recipes.js';
import { RequestMaker } from '../../src/backlog/requests.js';
import type { BatchStaging, RowProblem } from '../../src/ledger/batches/batch-staging.js';
import type { NewBatch } from '../../src/ledger/batches/batch-store.js';
import { openBatchStaging } from '../../src/ledger/batches/postgres-batch-staging.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { eventually } from '../support/processes.js';

const APP = 1500000001;
const maker = new RequestMaker({ subAppId: APP, recipe: { name: 'subtitles' } });
const staged = (fields: Record<string, unknown>, row = 2) => {
  const made = maker.make({ row, fields });
  if ('problem' in made) throw new Error(made.problem.problem);
  return made.request;
};

let database: TestDatabase;
let ledger: Ledger;
let client: pg.Client;
let staging: BatchStaging;

beforeAll(async () => {
  database = await createTestDatabase('staging');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await ledger.close();
  await database.drop();
});
beforeEach(async () => {
  staging = await openBatchStaging(database.url);
});
afterEach(() => staging.close());

const load = async (...rows: Record<string, unknown>[]) => {
  await staging.add(rows.map((fields, index) => staged(fields, index + 2)));
  await staging.loaded();
};
const problems = async () => {
  const all: RowProblem[] = [];
  for await (const page of staging.problems(2)) all.push(...page);
  return all;
};
const batch = (id: string): NewBatch => ({
  id,
  settings: { concurrency: 10, tolerate: null, minSample: 1, maxCostUsd: null, sampleSize: null, deadlineAt: null },
  source: { kind: 'csv', name: 'list.csv', sha256: 'aa', rows: 3 },
  estimatedUsd: 1,
  parent: null,
  requestedBy: 'ann',
  reason: null,
});

/** A submission as it is in the ledger. */
async function booked(
  fileId: string,
  states: [state: string, outcome: string | null, resultFileId?: string][],
  hoursAgo = 0,
) {
  const { recipeHash } = staged({ fileId });
  const { rows } = await client.query(
    `insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe) values ($1, $2, $3, '', '{}') returning id`,
    [APP, fileId, recipeHash],
  );
  for (const [index, [state, outcome, result]] of states.entries()) {
    await client.query(
      `insert into submission (erase_id, number, state, arms, intent_at, place_at, workflow_id, run_id, task_id, outcome,
         result_file_id)
       values ($1, $2, $3, 1, now(), now() - make_interval(hours => $7), 'w', 'r', $4, $5, $6)`,
      [
        rows[0].id,
        index + 1,
        state,
        state === 'accepted' ? `${fileId}-${index}` : null,
        outcome,
        result ?? null,
        hoursAgo,
      ],
    );
  }
}

describe('duplicates', () => {
  it('are rows that pay for the same: dropped, counted, named with the row of the first', async () => {
    await load(
      { fileId: '1' },
      { fileId: '2' },
      { fileId: '1', key: 'k' },
      { fileId: '1', subAppId: 7 },
      { fileId: '1' },
    );
    await staging.dropDuplicates();
    expect(await staging.totals()).toMatchObject({ items: 3, duplicates: 2, problems: 0 });
    expect(await staging.duplicates(10)).toEqual([
      { row: 4, fileId: '1', firstRow: 2 },
      { row: 6, fileId: '1', firstRow: 2 },
    ]);
  });

  it('that want something else done with the result are problems', async () => {
    await load({ fileId: '1', publish: { name: 'a' } }, { fileId: '1', publish: { name: 'b' } });
    await staging.dropDuplicates();
    expect(await problems()).toEqual([
      {
        row: 3,
        fileId: '1',
        problem: 'asks for the same erase as row 2, but with another publish, review or webhook; keep one of them.',
      },
    ]);
  });

  it('of a key, for two erases, are problems', async () => {
    await load({ fileId: '1', key: 'k' }, { fileId: '2', key: 'k' });
    await staging.dropDuplicates();
    expect(await problems()).toEqual([
      {
        row: 3,
        fileId: '2',
        problem: 'key k is the key of row 2 as well, which is another erase; give each its own, or none.',
      },
    ]);
  });
});

it('refuses one file with two recipes, and proposes the one that does both', async () => {
  await load(
    { fileId: '1' },
    { fileId: '1', recipe: { name: 'logo' } },
    { fileId: '2' },
    { fileId: '2', recipe: { name: 'faces-blur' } },
    { fileId: '3', subAppId: 7 },
    { fileId: '3', recipe: { name: 'logo' } },
    { fileId: '4', recipe: { name: 'logo', areas: [{ left: 0, top: 0, right: 0.5, bottom: 0.5 }] } },
    { fileId: '4', recipe: { name: 'logo' } },
  );
  await staging.refuseVariants(COMBINED_RECIPES);
  expect(await problems()).toEqual([
    {
      row: 3,
      fileId: '1',
      problem:
        'asks for logo, and row 2 for subtitles of the same file: two new files, each paid for. ' +
        'Ask for subtitles-and-logo, which does both in one pass; or give --allow-variants.',
    },
    { row: 5, fileId: '2', problem: expect.stringContaining('Keep one of them, or give --allow-variants.') },
    { row: 9, fileId: '4', problem: expect.stringContaining('asks for logo with other options, and row 8 for logo') },
  ]);
});

describe('what was paid for before', () => {
  const files = {
    done: '11',
    again: '12',
    running: '13',
    lost: '14',
    failed: '15',
    aborted: '16',
    refused: '17',
    doubt: '18',
    oldDoubt: '19',
  };

  beforeAll(async () => {
    await booked(files.done, [['accepted', 'succeeded', '999']]);
    await booked(files.again, [
      ['accepted', 'succeeded', '998'],
      ['accepted', 'failed'],
    ]);
    await booked(files.running, [['accepted', null]]);
    await booked(files.lost, [['accepted', 'expired']]);
    await booked(files.failed, [['accepted', 'failed']]);
    await booked(files.aborted, [['accepted', 'aborted']]);
    await booked(files.refused, [['refused', null]]);
    await booked(files.doubt, [['sending', null]]);
    // The vendor no longer lists tasks of that age: whether it was paid for is unknown.
    await booked(files.oldDoubt, [['sending', null]], 72);
  });

  it('is dropped, and counted apart; what is in doubt, failed or was never executed stays', async () => {
    await load(...Object.values(files).map((fileId) => ({ fileId })));
    await staging.dropPaid({ keep: false });
    expect(await staging.totals()).toMatchObject({
      items: 4,
      kept: 0,
      paidAgain: 1,
      paidBefore: { done: 2, underWay: 1, lost: 2, failed: 1 },
    });
  });

  it('and failed is dropped where nobody said to pay again, and named with its task', async () => {
    await load(...Object.values(files).map((fileId) => ({ fileId })));
    await staging.dropPaid({ keep: true });
    await staging.dropFailed();
    for await (const page of staging.unpriced(3)) await staging.price(page.map(({ number }) => ({ number, usd: 0.5 })));
    expect(await staging.totals()).toMatchObject({
      items: 6,
      kept: 3,
      paidAgain: 0,
      estimatedUsd: 1.5,
      paidBefore: { failed: 1 },
    });
    expect(await staging.leftOut(10)).toEqual([
      { row: 5, fileId: files.lost, kind: 'lost', taskId: `${files.lost}-0` },
      { row: 6, fileId: files.failed, kind: 'failed', taskId: `${files.failed}-0` },
      { row: 10, fileId: files.oldDoubt, kind: 'lost', taskId: null },
    ]);
    expect(await staging.leftOut(1)).toHaveLength(1);
  });

  it('by another recipe, or with other options, is named; what was never executed is not', async () => {
    const areas = [{ left: 0, top: 0, right: 0.5, bottom: 0.5 }];
    await client.query(`update erase set recipe = '{"name": "subtitles"}' where file_id in ('11', '15', '16')`);
    await load(
      { fileId: files.done, recipe: { name: 'logo' } },
      { fileId: files.failed, recipe: { name: 'subtitles', areas } },
      { fileId: files.aborted, recipe: { name: 'subtitles', areas } },
      { fileId: files.refused, recipe: { name: 'logo' } },
      { fileId: files.done, subAppId: 7 },
      { fileId: '99' },
    );
    expect(await staging.paidOtherwise(10)).toEqual({
      items: 2,
      sameRecipe: 1,
      first: [
        { row: 3, fileId: files.failed, recipe: 'subtitles', before: 'subtitles' },
        { row: 2, fileId: files.done, recipe: 'logo', before: 'subtitles' },
      ],
    });
  });

  it('is kept at no price where that is wished, but for what is lost', async () => {
    await load(...Object.values(files).map((fileId) => ({ fileId })));
    await staging.dropPaid({ keep: true });
    for await (const page of staging.unpriced(3)) await staging.price(page.map(({ number }) => ({ number, usd: 0.5 })));
    expect(await staging.totals()).toMatchObject({ items: 7, kept: 3, estimatedUsd: 2 });
  });

  it('is told when a reviewer rejected it, and taken up only to be reviewed again', async () => {
    await booked('21', [['accepted', 'succeeded', '996']]);
    await client.query(`update submission set rejected_at = now() where result_file_id = '996'`);
    const rows = [{ fileId: '21' }, { fileId: '21', subAppId: 7 }];
    await load(...rows);
    await staging.dropPaid({ keep: true });
    expect(await staging.totals()).toMatchObject({ items: 1, kept: 0, paidBefore: { rejected: 1, done: 0 } });
    await staging.close();
    staging = await openBatchStaging(database.url);
    await load(...rows.map((row) => ({ ...row, review: { timeoutHours: 1 } })));
    await staging.dropPaid({ keep: true });
    expect(await staging.totals()).toMatchObject({ items: 2, kept: 1, paidBefore: { rejected: 1 } });
  });

  it('is not the source of another sub-application, nor of another recipe', async () => {
    await load({ fileId: files.done, subAppId: 7 }, { fileId: files.done, recipe: { name: 'logo' } });
    await staging.dropPaid({ keep: false });
    expect(await staging.totals()).toMatchObject({ items: 2, paidBefore: { done: 0 } });
  });

  it('knows the files that it made', async () => {
    await load({ fileId: '999' }, { fileId: '999', subAppId: 7 }, { fileId: '997' });
    expect(await staging.namedResults()).toBe(1);
    await staging.dropOwnResults();
    expect(await staging.totals()).toMatchObject({ items: 2, ownResults: 1 });
    expect(await staging.namedResults()).toBe(0);
  });
});

describe('files', () => {
  it('are read once within the time that makes them stale', async () => {
    await ledger.media.remember(APP, [{ fileId: '31', durationSeconds: 60, width: 1280, height: 720.4 }]);
    await ledger.media.remember(APP, [{ fileId: '32', durationSeconds: null, width: null, height: null }]);
    await client.query(`update media set read_at = now() - interval '2 hours' where file_id = '32'`);
    await load({ fileId: '31' }, { fileId: '32' }, { fileId: '33' }, { fileId: '31', subAppId: 7 }, { fileId: '33' });
    const asked: unknown[] = [];
    for await (const page of staging.unreadFiles(3_600, 2)) asked.push(page);
    expect(asked).toEqual([
      { subAppId: 7, fileIds: ['31'] },
      { subAppId: APP, fileIds: ['32'] },
      { subAppId: APP, fileIds: ['33'] },
    ]);
    expect(await ledger.media.find(APP, ['31', '33'])).toEqual(
      new Map([['31', { fileId: '31', durationSeconds: 60, width: 1280, height: 720 }]]),
    );
  });

  it('that do not exist are problems of all their rows, with a word on rounded ids', async () => {
    const rounded = '5285485487985270000';
    await load({ fileId: '41' }, { fileId: rounded }, { fileId: '41', recipe: { name: 'logo' } });
    await staging.refuseMissing(APP, ['41', rounded]);
    expect((await problems()).map(({ row, problem }) => [row, problem])).toEqual([
      [2, `file 41 does not exist in sub-application ${APP}.`],
      [3, expect.stringContaining('ids that end in 0000 are often ones that a spreadsheet rounded')],
      [4, `file 41 does not exist in sub-application ${APP}.`],
    ]);
  });
});

it('takes what the vendor refuses out of what is priced, each row with its problem', async () => {
  await load(
    { fileId: '81' },
    { fileId: '82', subAppId: 7 },
    { fileId: '83' },
    { fileId: '81', recipe: { name: 'logo' } },
  );
  await staging.refuseSubApp(7, 'there is no 7.');
  await staging.refuseFiles(APP, [{ fileId: '81', problem: 'is audio.' }]);
  expect(await staging.totals()).toMatchObject({ items: 1, problems: 3, bySubApp: [{ subAppId: APP, items: 1 }] });
  expect((await problems()).map(({ row, problem }) => [row, problem])).toEqual([
    [2, 'is audio.'],
    [3, 'there is no 7.'],
    [5, 'is audio.'],
  ]);
});

it('keeps problems in the order of the rows, whatever is in them', async () => {
  await staging.addProblems([
    { row: 9, fileId: 'a\0b', problem: 'late' },
    { row: 3, fileId: null, problem: 'early' },
    { row: null, fileId: 'x'.repeat(1_000), problem: 'nowhere' },
  ]);
  expect(await problems()).toEqual([
    { row: 3, fileId: null, problem: 'early' },
    { row: 9, fileId: 'a\uFFFDb', problem: 'late' },
    { row: null, fileId: 'x'.repeat(200), problem: 'nowhere' },
  ]);
});

describe('a batch', () => {
  it('takes what was not dropped, in the order of the rows, with its own id in each request', async () => {
    await load({ fileId: '51' }, { fileId: '51' }, { fileId: '52', publish: { name: 'n' } });
    await staging.dropDuplicates();
    for await (const page of staging.unpriced(1))
      await staging.price(page.map(({ number }) => ({ number, usd: 0.25 })));
    expect(await staging.copy(batch('b1'))).toBe(true);
    expect(await ledger.batches.find('b1')).toMatchObject({ total: 2, state: 'running', workflowId: 'batch/b1' });
    expect(await ledger.batches.items('b1', { limit: 10 })).toMatchObject([
      {
        number: 1,
        row: 2,
        fileId: '51',
        state: 'pending',
        estimatedUsd: 0.25,
        request: { batchId: 'b1', fileId: '51' },
      },
      { number: 2, row: 4, fileId: '52', request: { batchId: 'b1', publish: { name: 'n' } } },
    ]);
  });

  it('that exists is not touched; one that holds the same erases is named', async () => {
    await load({ fileId: '51' }, { fileId: '53' });
    expect(await staging.overlapping()).toEqual([{ batchId: 'b1', namespace: 'default', items: 1 }]);
    expect(await staging.copy(batch('b1'))).toBe(false);
    expect(await ledger.batches.find('b1')).toMatchObject({ total: 2 });
  });

  it('is written whole or not at all', async () => {
    await load({ fileId: '61' }, { fileId: '62' });
    await client.query(`create function fail() returns trigger language plpgsql as $$ begin
      if new.file_id = '62' then raise exception 'the disk is full'; end if; return new; end $$`);
    await client.query('create trigger fail before insert on batch_item for each row execute function fail()');
    await expect(staging.copy(batch('b2'))).rejects.toThrow('Cannot write the batch b2: the disk is full');
    expect(await ledger.batches.find('b2')).toBeNull();
    await client.query('drop trigger fail on batch_item');
    // The connection is usable still, and nothing that was taken in is lost.
    expect(await staging.copy(batch('b2'))).toBe(true);
    expect(await ledger.batches.find('b2')).toMatchObject({ total: 2 });
  });
});

const left = async () => (await client.query(`select 1 from pg_class where relname like 'staged%'`)).rowCount;

it('leaves nothing behind when it is closed', async () => {
  await load({ fileId: '71' });
  expect(await left()).toBeGreaterThan(0);
  await staging.close();
  expect([await left(), (await client.query('select 1 from backlog')).rowCount]).toEqual([0, 0]);
});

it('drops what a program that was killed has left, and nothing of one that is there', async () => {
  await load({ fileId: '72' });
  const abandoned = await openBatchStaging(database.url);
  await client.query(`update backlog set seen_at = now() - interval '2 hours' where id not in
    (select substr(relname, 8, 10) from pg_class where relname ~ '^staged_[0-9a-f]{10}$' and reltuples >= 1)`);
  const before = await left();
  const next = await openBatchStaging(database.url);
  expect(await left()).toBe(before);
  await expect(abandoned.totals()).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/what was read of the backlog is gone.*Nothing was started: run it again/),
  });
  expect((await staging.totals()).items).toBe(1);
  await abandoned.close();
  await next.close();
});

it('notices rows that a crash of the server took, and writes no part of a batch', async () => {
  await load({ fileId: '73' }, { fileId: '74' });
  const { rows } = await client.query('select id from backlog');
  await client.query(`truncate staged_${rows[0].id}`);
  for (const told of [staging.totals(), staging.copy(batch('b3'))]) await expect(told).rejects.toThrow(/run it again/);
  expect(await ledger.batches.find('b3')).toBeNull();
});

it('needs no session: one that the server ends while a person thinks takes nothing along', async () => {
  await load({ fileId: '75' }, { fileId: '76' });
  await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);
  // Until this process has heard of it.
  await eventually('a new session', () =>
    staging.totals().then(
      () => true,
      () => undefined,
    ),
  );
  expect(await staging.copy(batch('b4'))).toBe(true);
  expect(await ledger.batches.find('b4')).toMatchObject({ total: 2 });
});
