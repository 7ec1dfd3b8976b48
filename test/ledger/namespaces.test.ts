import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eraseWorkflowId, recipeHash } from '../../src/contract/identity.js';
import { openBatchStaging } from '../../src/ledger/batches/postgres-batch-staging.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { HoldRecord } from '../../src/ledger/holds/hold-store.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { normalized } from '../support/batch.js';
import { newBatch, newItem, SETTINGS } from '../support/batches.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

/** Two installations, each in a Temporal namespace of its own, on one ledger. */
let database: TestDatabase;
let one: Ledger;
let two: Ledger;
let sql: pg.Pool;
let made = 0;

beforeAll(async () => {
  database = await createTestDatabase('namespaces');
  await migrateLedger(database.url);
  one = openLedger(database.url, { namespace: 'one' });
  two = openLedger(database.url, { namespace: 'two' });
  sql = new pg.Pool({ connectionString: database.url, max: 1 });
});
afterAll(async () => {
  await Promise.all([one.close(), two.close(), sql.end()]);
  await database.drop();
});

const GRACES = { notifiedMs: 600_000, unownedMs: 0 };
const RUN = { workflowId: 'erase/same', runId: 'run-1' };

async function submitted(by: Ledger, fields: Parameters<typeof intentOf>[1] = {}) {
  const subAppId = 1_700_000_000 + ++made;
  const fileId = String(subAppId);
  const begun = await by.submissions.begin(intentOf(fileId, { subAppId, ...fields }));
  if (begun.kind !== 'send') throw new Error(`expected an intent to send, got ${begun.kind}`);
  const taskId = `task-${fileId}`;
  const record = await by.submissions.accepted(begun.submission, { taskId, requestId: null, adopted: false });
  if (record === 'taken') throw new Error('taken');
  return { subAppId, fileId, taskId, record, key: begun.submission };
}

describe('a submission', () => {
  it('says in which namespace it was submitted, and is found from both', async () => {
    const { taskId, record } = await submitted(two, RUN);
    expect(record).toMatchObject({ namespace: 'two', ...RUN });
    expect(await one.submissions.findByTask(taskId)).toMatchObject({ namespace: 'two', ...RUN });
  });

  it('is paid for once by the same run id of two namespaces', async () => {
    const { fileId, subAppId } = await submitted(one, RUN);
    expect(await two.submissions.begin(intentOf(fileId, { subAppId, ...RUN }))).toMatchObject({
      kind: 'running',
      record: { namespace: 'one' },
    });
  });

  it('that was refused is the next one’s who arms it', async () => {
    const begun = await one.submissions.begin(intentOf('refused', RUN));
    if (begun.kind !== 'send') throw new Error(begun.kind);
    await one.submissions.refused(begun.submission, { class: 'retry', code: 'c', message: 'm', requestId: null });
    const again = await two.submissions.begin(intentOf('refused', RUN));
    if (again.kind !== 'send') throw new Error(again.kind);
    expect(again.submission.number).toBe(begun.submission.number);
    expect(await one.submissions.findLatest(intentOf('refused').identity)).toMatchObject({ namespace: 'two' });
  });

  it('that failed is followed by one more of another namespace, as of any other run', async () => {
    const { taskId, fileId, subAppId } = await submitted(one, RUN);
    await one.submissions.recordOutcome(taskId, {
      outcome: 'failed',
      code: 'c',
      message: 'm',
      resultFileId: null,
      result: null,
    });
    expect(await one.submissions.begin(intentOf(fileId, { subAppId, ...RUN }))).toMatchObject({ kind: 'failed' });
    expect(await two.submissions.begin(intentOf(fileId, { subAppId, ...RUN }))).toMatchObject({ kind: 'send' });
  });
});

describe('a hold', () => {
  const hold = (fields: Partial<HoldRecord> = {}) => ({
    ...RUN,
    subAppId: 1,
    fileId: 'f',
    batchId: 'shared',
    stage: 'submit' as const,
    class: 'account',
    code: null,
    message: 'm',
    requestId: null,
    submission: null,
    ...fields,
  });

  it('is listed and ended in its own namespace only, also under the same run id', async () => {
    await one.holds.record(hold());
    await two.holds.record(hold({ class: 'cap' }));
    expect(await one.holds.list({ batchId: 'shared' })).toMatchObject([{ class: 'account' }]);
    expect(await two.holds.list({ workflowId: RUN.workflowId })).toMatchObject([{ class: 'cap' }]);
    await two.holds.end(RUN, { as: 'abort', by: 'ann', reason: 'r' });
    expect(await two.holds.list()).toEqual([]);
    expect(await one.holds.list()).toHaveLength(1);
    expect((await one.state.read(1)).holds).toMatchObject([{ class: 'account', count: 1 }]);
    expect((await two.state.read(1)).holds).toEqual([]);
    await one.holds.end(RUN, { as: 'abort', by: 'ann', reason: 'r' });
  });
});

describe('a phase', () => {
  it('is left, counted and looked after in its own namespace only', async () => {
    await one.phases.enter(RUN, 'review', null);
    await two.phases.enter(RUN, 'publishing', null);
    await two.phases.leave(RUN);
    expect((await one.state.read(1)).latePhases).toEqual([{ phase: 'review', count: 1 }]);
    expect((await two.state.read(1)).latePhases).toEqual([]);
    expect(await two.phases.unseen(0, 10)).toEqual([]);
    expect(await one.phases.unseen(0, 10)).toEqual([RUN]);
    await one.phases.leave(RUN);
  });
});

describe('the watch of a namespace', () => {
  it('is given its own waits only, and a task that one has seen is told by the other too', async () => {
    const { taskId, subAppId } = await submitted(one, RUN);
    const waiter = { taskId, ...RUN };
    await one.watch.register({ ...waiter, subAppId });
    await two.watch.register({ ...waiter, subAppId });
    expect(await two.watch.markOver([taskId], GRACES)).toEqual([waiter]);
    await two.watch.removeWaiters([waiter]);
    // Neither its own list, which may come later, nor the search for missed waits skips the other.
    expect(await one.watch.overdueWaiters(subAppId, 10)).toEqual([waiter]);
    expect(await two.watch.overdueWaiters(subAppId, 10)).toEqual([]);
    expect(await one.watch.markOver([taskId], GRACES)).toEqual([waiter]);
    expect(await two.watch.markOver([taskId], GRACES)).toEqual([]);
  });

  it('knows how long its own run’s task was in doubt, not that of the same id elsewhere', async () => {
    const { taskId, subAppId } = await submitted(one, RUN);
    const waiter = { taskId, ...RUN, subAppId };
    expect((await one.watch.register(waiter)).knownAfterMs).toEqual(expect.any(Number));
    expect((await two.watch.register(waiter)).knownAfterMs).toBeNull();
  });

  it('lists for itself: how far, how good, and whether it is proven', async () => {
    const until = new Date('2026-05-01T00:00:00Z');
    await one.watch.advance(77, until);
    await one.watch.recordFullScan(77);
    await one.watch.noteList(77, 'proven');
    expect(await one.watch.state(77)).toMatchObject({ listedUntil: until, verified: true });
    expect(await two.watch.state(77)).toMatchObject({ listedUntil: null, fullScanAgeMs: null, verified: false });
    expect(await two.watch.fullScanAgeMs(77)).toBeNull();
    expect(await one.watch.fullScanAgeMs(77)).toEqual(expect.any(Number));
  });

  it('is asked for where its own runs submitted or wait, and looks at no other tasks', async () => {
    const { taskId, subAppId } = await submitted(one, RUN);
    const due = { firstMs: -60_000, limit: 10 };
    const seenBy = async (ledger: Ledger) => ({
      unwatched: (await ledger.watch.unwatched(0)).includes(subAppId),
      waiting: (await ledger.watch.state(subAppId)).waiting,
      due: (await ledger.watch.dueTasks(subAppId, due)).map((task) => task.waiters),
    });
    expect(await seenBy(one)).toEqual({ unwatched: true, waiting: 1, due: [[]] });
    expect(await seenBy(two)).toEqual({ unwatched: false, waiting: 0, due: [] });
    // The other one joins the task: to the first, its own task has no waits of its own all the same.
    await two.watch.register({ taskId, ...RUN, subAppId });
    expect(await seenBy(one)).toEqual({ unwatched: true, waiting: 1, due: [[]] });
    expect(await seenBy(two)).toEqual({ unwatched: true, waiting: 1, due: [[{ taskId, ...RUN }]] });
    await two.watch.recordFullScan(subAppId);
    expect(await two.watch.unwatched(60_000)).not.toContain(subAppId);
    expect(await one.watch.unwatched(60_000)).toContain(subAppId);
    // What all of them wait for, as the vendor counts it.
    expect(await one.watch.waitingInAll()).toBe(await two.watch.waitingInAll());
  });
});

describe('a batch', () => {
  it('is fed and listed in its own namespace; the other finds it by its id, with its name', async () => {
    await one.batches.create(newBatch('of-one'), [newItem('of-one', 1)]);
    const ids = async (ledger: Ledger) => (await ledger.batches.list({ ended: false })).map(({ id }) => id);
    expect([await ids(one), await ids(two)]).toEqual([['of-one'], []]);
    expect(await two.batches.find('of-one')).toMatchObject({ namespace: 'one' });
    expect(await two.batches.create(newBatch('of-one'), [])).toBe(false);
    expect((await one.state.read(1)).batches).toMatchObject([{ state: 'running', count: 1 }]);
    expect((await two.state.read(1)).batches).toEqual([]);
    expect((await two.state.read(1)).batchItems).toEqual([]);
  });

  it('is changed in its own namespace only', async () => {
    const pause = { action: 'pause', by: 'ann', reason: 'r' } as const;
    expect(await two.batches.change('of-one', pause)).toMatchObject({ kind: 'elsewhere', batch: { namespace: 'one' } });
    expect(await one.batches.find('of-one')).toMatchObject({ state: 'running' });
    expect(await one.batches.change('of-one', pause)).toMatchObject({ kind: 'changed' });
  });

  it('takes holds, reviews and payments of its own runs, not those of the same id elsewhere', async () => {
    await one.batches.create(newBatch('runs'), [newItem('runs', 1)]);
    const [claimed] = await one.batchFeed.claim('runs', {
      limit: 1,
      roomUsd: null,
      blockedSubApps: [],
      onlyFree: false,
    });
    const run = { workflowId: claimed?.workflowId ?? '', runId: 'run-1' };
    await one.batchFeed.confirm('runs', [{ number: 1, runId: run.runId }]);
    const hold = { ...run, subAppId: 1, fileId: 'f', batchId: 'runs', stage: 'submit' as const, class: 'account' };
    const why = { code: 'c', message: 'm', requestId: null, submission: null };

    await two.holds.record({ ...hold, ...why });
    await two.phases.enter(run, 'review', null);
    await one.batchFeed.noteProgress('runs');
    expect(await one.batchFeed.facts('runs')).toMatchObject({ running: 1, held: 0, inReview: 0 });
    expect(await one.batches.snapshot('runs')).toMatchObject({ holds: {}, inReview: 0 });

    await one.phases.enter(run, 'review', null);
    expect(await one.batchFeed.facts('runs')).toMatchObject({ inReview: 1 });
    expect(await one.batches.snapshot('runs')).toMatchObject({ inReview: 1 });
    await one.holds.record({ ...hold, ...why, class: 'cap' });
    await one.batchFeed.noteProgress('runs');
    expect(await one.batches.snapshot('runs')).toMatchObject({ holds: { cap: 1 }, counts: { held: 1 } });
    const reported: unknown[] = [];
    // A report may be read from anywhere.
    for await (const item of two.reports.items('runs')) reported.push(item);
    expect(reported).toMatchObject([{ state: 'held', class: 'cap' }]);
    await one.holds.end(run, { as: 'retry', by: 'ann', reason: 'r' });
    await two.holds.end(run, { as: 'retry', by: 'ann', reason: 'r' });
    await one.batchFeed.noteProgress('runs');
    expect(await one.batches.snapshot('runs')).toMatchObject({ counts: { running: 1 } });

    // A run of the same id, of another namespace, that names this batch, may not pay in its name.
    const request = normalized({
      fileId: '5285485487985279998',
      subAppId: 1500000001,
      recipe: { name: 'subtitles' },
      batchId: 'runs',
    });
    const refused = await two.submissions.begin(intentOf(request.fileId, { ...run, request, costUsd: 3 }));
    expect(refused).toEqual({ kind: 'batchClosed', batchId: 'runs', state: 'otherNamespace' });
    await one.batchFeed.settle('runs', [
      { number: 1, state: 'failed', runId: run.runId, endedAt: null, taskId: null, resultFileId: null, ...NO_ERROR },
    ]);
    expect(await one.batches.items('runs', { limit: 1 })).toMatchObject([{ attempts: 0, costUsd: 0 }]);
  });

  it('is of the namespace of whoever stages, redrives or adopts it', async () => {
    const request = normalized({ fileId: '5285485487985279999', subAppId: 1500000001, recipe: { name: 'subtitles' } });
    const row = { row: 1, request, recipeHash: recipeHash(request.recipe), workflowId: eraseWorkflowId(request) };
    const staging = await openBatchStaging(database.url, { namespace: 'two' });
    await staging.add([row]);
    await staging.loaded();
    expect(await staging.copy(newBatch('staged'))).toBe(true);
    await staging.close();
    expect(await two.batches.find('staged')).toMatchObject({ namespace: 'two' });
    const again = await openBatchStaging(database.url, { namespace: 'one' });
    await again.add([row]);
    await again.loaded();
    expect(await again.overlapping()).toEqual([{ batchId: 'staged', namespace: 'two', items: 1 }]);
    await again.close();

    await two.batchFeed.skipPending('staged', 'given up', 10);
    await two.batchFeed.end('staged', 'cancelled');
    const selection = { batchId: 'staged', failed: false, notStarted: false, classes: [], codes: [] };
    const by = { settings: SETTINGS, requestedBy: 'ann', reason: null, payAgainReason: null };
    expect(await two.redrives.create({ ...selection, newBatchId: 'redriven', ...by })).toMatchObject({
      kind: 'created',
    });
    expect(await one.batches.find('redriven')).toMatchObject({ namespace: 'two' });

    const adopted = { ...row, taskId: 'task-adopted', placeAt: null, resultFileId: null };
    expect(await two.adoptions.adopt(newBatch('adopted'), [adopted])).toMatchObject({ kind: 'created' });
    expect(await one.batches.find('adopted')).toMatchObject({ namespace: 'two' });
    expect(await one.submissions.findByTask('task-adopted')).toMatchObject({ namespace: 'two' });
  });
});

const NO_ERROR = { errorClass: null, errorCode: null, errorMessage: null, requestId: null };

describe('how the books stand', () => {
  it('tells of own runs and tasks, and of the account’s money', async () => {
    const [before, others] = await Promise.all([one.state.read(3_600), two.state.read(3_600)]);
    const { taskId } = await submitted(one, { costUsd: 1 });
    await submitted(one);
    await one.submissions.recordOutcome(taskId, {
      outcome: 'succeeded',
      code: null,
      message: null,
      resultFileId: 'r',
      result: null,
    });
    const [after, stillTheirs] = await Promise.all([one.state.read(3_600), two.state.read(3_600)]);
    expect(after.unread.count).toBe(before.unread.count + 1);
    expect(stillTheirs.unread.count).toBe(others.unread.count);
    expect(stillTheirs.outcomes).toEqual(others.outcomes);
    expect(stillTheirs.spentUsd).toEqual(after.spentUsd);
    expect(after.spentUsd.total).toBe(before.spentUsd.total + 1);
  });
});

describe('what is the account’s', () => {
  it('is one for all: caps and breakers', async () => {
    await one.caps.change({ scope: 'all', period: 'total', limitUsd: 1_000, by: 'ann', reason: 'r' });
    const before = (await two.caps.list())[0]?.spentUsd ?? 0;
    await submitted(one, { costUsd: 2 });
    await submitted(two, { costUsd: 3 });
    expect((await two.caps.list())[0]?.spentUsd).toBe(before + 5);
    const { key } = await submitted(one);
    await one.breakers.open('account', key, { class: 'account', code: 'c', message: 'm', requestId: null });
    expect(await two.breakers.findOpen(1)).toMatchObject({ code: 'c' });
    await sql.query('delete from breaker');
  });

  it('tells which namespaces there are', async () => {
    expect(await one.state.namespaces()).toEqual(['one', 'two']);
  });
});

describe('rows from before there were namespaces', () => {
  const TABLES = ['submission', 'hold', 'waiter', 'run_phase', 'watch', 'batch'];
  const countOf = async (namespace: string) => {
    const each = TABLES.map((table) => `select '${table}' as t from ${table} where namespace = '${namespace}'`);
    const { rows } = await sql.query(`select distinct t from (${each.join(' union all ')}) as x order by 1`);
    return rows.map((row) => row.t);
  };

  it('are given to the namespace that migrates first, and stay there', async () => {
    const { taskId, subAppId } = await submitted(one, RUN);
    await one.watch.register({ taskId, ...RUN, subAppId });
    await one.phases.enter(RUN, 'review', null);
    for (const table of TABLES) await sql.query(`update ${table} set namespace = '' where namespace = 'one'`);
    await migrateLedger(database.url, { namespace: 'first' });
    await migrateLedger(database.url, { namespace: 'second' });
    expect(await countOf('')).toEqual([]);
    expect(await countOf('first')).toEqual(TABLES.toSorted());
    expect(await countOf('second')).toEqual([]);
    expect(await countOf('two')).toContain('submission');
  });

  it('are stamped by several processes at once, however many there are', async () => {
    await sql.query(`insert into waiter (task_id, workflow_id, run_id, sub_app_id)
      select 'many-' || n, 'w', 'r', 1 from generate_series(1, 25000) as n`);
    await Promise.all([1, 2, 3].map(() => migrateLedger(database.url, { namespace: 'many' })));
    const { rows } = await sql.query(`select count(*)::integer as n from waiter where namespace = 'many'`);
    expect(rows[0].n).toBe(25_000);
  });
});
