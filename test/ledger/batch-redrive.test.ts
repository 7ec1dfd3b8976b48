import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEEDS_LEAVE } from '../../src/cli/batch/redrive.js';
import type { EraseRequest } from '../../src/contract/request.js';
import { NEEDS_PAY_AGAIN, type RedriveSelection } from '../../src/ledger/batches/batch-redrive.js';
import type { NewBatchItem } from '../../src/ledger/batches/batch-store.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { newBatch, newItem, SETTINGS } from '../support/batches.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const PARENT = 'first';

let database: TestDatabase;
let ledger: Ledger;

type End = NonNullable<NewBatchItem['done']>;
const ended = (state: End['state'], errorClass: string, errorCode: string): Partial<NewBatchItem> => ({
  done: { state, errorClass, errorCode },
});

/** The ledger's rows of an item's payment identity. */
interface Booked {
  state: 'accepted' | 'sending' | 'refused' | 'unknown';
  outcome?: 'succeeded' | 'failed' | 'aborted' | 'expired';
  hoursAgo?: number;
  /** The result was found to be deleted, or was rejected. */
  gone?: true;
  rejected?: true;
}

const CASES: [
  what: string,
  kind: string,
  item: Partial<NewBatchItem>,
  booked: Booked | null,
  request?: Partial<EraseRequest>,
][] = [
  ['succeeded', 'never', { done: { state: 'succeeded' } }, { state: 'accepted', outcome: 'succeeded' }],
  ['publish was refused', 'done', ended('failed', 'publishFailed', 'X'), { state: 'accepted', outcome: 'succeeded' }],
  [
    'its result was deleted',
    'lost',
    ended('failed', 'badResult', 'ResultDeleted'),
    { state: 'accepted', outcome: 'succeeded', gone: true },
  ],
  [
    'its result was rejected',
    'rejected',
    ended('failed', 'rejected', 'Rejected'),
    { state: 'accepted', outcome: 'succeeded', rejected: true },
  ],
  [
    'its result was rejected, and is reviewed again',
    'done',
    ended('failed', 'rejected', 'Rejected'),
    { state: 'accepted', outcome: 'succeeded', rejected: true },
    { review: { timeoutHours: 1 } },
  ],
  ['cancelled, task may run', 'running', ended('cancelled', 'cancelled', 'TaskRuns'), { state: 'accepted' }],
  [
    'cancelled, task forgotten',
    'lost',
    ended('cancelled', 'cancelled', 'TaskRuns'),
    { state: 'accepted', hoursAgo: 80 },
  ],
  ['past its deadline', 'running', ended('timedOut', 'expired', 'DeadlinePassed'), { state: 'accepted', hoursAgo: 30 }],
  [
    'expired unread',
    'lost',
    ended('timedOut', 'expired', 'ResourceNotFound'),
    { state: 'accepted', outcome: 'expired' },
  ],
  [
    'the task failed',
    'failed',
    ended('failed', 'taskFailed', 'SourceFileError'),
    { state: 'accepted', outcome: 'failed' },
  ],
  ['aborted in time', 'unpaid', ended('failed', 'aborted', 'Aborted'), { state: 'accepted', outcome: 'aborted' }],
  ['refused', 'unpaid', ended('failed', 'input', 'InvalidParameter'), { state: 'refused' }],
  ['in doubt', 'inDoubt', ended('cancelled', 'cancelled', 'InDoubt'), { state: 'sending' }],
  ['in doubt for long', 'lost', ended('timedOut', 'expired', 'SubmitUncertain'), { state: 'unknown', hoursAgo: 80 }],
  ['never started', 'unpaid', ended('skipped', 'skipped', 'NotStarted'), null],
  ['may not pay', 'forbidden', ended('failed', 'input', 'NeverPay'), null, { neverPay: true }],
];

beforeAll(async () => {
  database = await createTestDatabase('redrive');
  await migrateLedger(database.url);
  ledger = openLedger(database.url, { maxConnections: 4 });
  await makeBatch(PARENT, 0);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

async function query(statement: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(statement, values)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

async function makeBatch(id: string, offset: number): Promise<void> {
  const items = CASES.map(([, , fields, , request], index) =>
    newItem(id, index + 1, { fileId: String(5285485487985271000n + BigInt(offset + index)), ...request }, fields),
  );
  await ledger.batches.create(newBatch(id), items);
  await query(`update batch set state = 'ended', ended_as = 'completed', ended_at = now() where id = $1`, [id]);
  for (const [index, item] of items.entries()) {
    const booked = CASES[index]?.[3];
    if (booked) await book(item, booked);
  }
}

async function book(item: NewBatchItem, { state, outcome, hoursAgo = 1, gone, rejected }: Booked): Promise<void> {
  const at = new Date(Date.now() - hoursAgo * 3_600_000);
  const [erase] = await query(
    `insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe) values ($1, $2, $3, '', '{}') returning id`,
    [item.subAppId, item.fileId, item.recipeHash],
  );
  await query(
    `insert into submission (erase_id, number, state, arms, intent_at, place_at, task_id, workflow_id, run_id, outcome, cost_usd,
       result_gone_at, rejected_at)
     values ($1, 1, $2, 1, $3, $3, $4, $5, 'r', $6, 0.5, $7, $8)`,
    [
      ...[erase?.id, state, at, state === 'accepted' ? `task-${item.fileId}` : null, item.workflowId, outcome ?? null],
      ...[gone ? at : null, rejected ? at : null],
    ],
  );
}

const everything = (batchId: string, fields: Partial<RedriveSelection> = {}): RedriveSelection => ({
  batchId,
  failed: false,
  notStarted: false,
  classes: [],
  codes: [],
  ...fields,
});

const redrive = (batchId: string, newBatchId: string, payAgainReason: string | null, fields = {}) =>
  ledger.redrives.create({
    ...everything(batchId, fields),
    newBatchId,
    settings: SETTINGS,
    requestedBy: 'bob',
    reason: null,
    payAgainReason,
  });

const numbersOf = (...kinds: string[]) => CASES.flatMap(([, kind], index) => (kinds.includes(kind) ? [index + 1] : []));

describe('a redrive', () => {
  it('asks for leave to pay again wherever the ledger does', () => {
    expect([...NEEDS_LEAVE]).toEqual([...NEEDS_PAY_AGAIN]);
  });

  it('is planned by what the books say of each item', async () => {
    const plan = await ledger.redrives.plan(everything(PARENT), { list: 100 });
    const expected = new Map<string, number>();
    for (const [, kind] of CASES) if (kind !== 'never') expected.set(kind, (expected.get(kind) ?? 0) + 1);
    expect(Object.fromEntries(plan?.groups.map(({ kind, items }) => [kind, items]) ?? [])).toEqual(
      Object.fromEntries(expected),
    );
    expect(plan?.leftOut.map((item) => item.number)).toEqual(numbersOf('rejected', 'lost', 'failed', 'forbidden'));
    expect(plan?.groups.find(({ kind }) => kind === 'unpaid')).toMatchObject({ estimatedUsd: 1.5, unpriced: 0 });
    // It may be paid for: that is its price, and counts against a budget.
    expect(plan?.groups.find(({ kind }) => kind === 'inDoubt')).toMatchObject({ estimatedUsd: 0.5 });
    expect(plan?.groups.find(({ kind }) => kind === 'running')).toMatchObject({ estimatedUsd: 0 });
    expect(await ledger.redrives.plan(everything('nothing'), { list: 1 })).toBeNull();
  });

  it.each([
    ['failed', { failed: true }, (i: Partial<NewBatchItem>) => ['failed', 'timedOut'].includes(i.done?.state ?? '')],
    ['not started', { notStarted: true }, (i: Partial<NewBatchItem>) => i.done?.errorCode === 'NotStarted'],
    ['of a class', { classes: ['expired'] }, (i: Partial<NewBatchItem>) => i.done?.errorClass === 'expired'],
    [
      'of a code',
      { codes: ['ResultDeleted', 'InDoubt'] },
      (i: Partial<NewBatchItem>) => ['ResultDeleted', 'InDoubt'].includes(i.done?.errorCode ?? ''),
    ],
    [
      'failed and of a class',
      { failed: true, classes: ['cancelled', 'input'] },
      (i: Partial<NewBatchItem>) => i.done?.state === 'failed' && i.done.errorClass === 'input',
    ],
  ])('takes what is %s', async (_what, selection, belongs) => {
    const plan = await ledger.redrives.plan(everything(PARENT, selection), { list: 0 });
    const items = plan?.groups.reduce((sum, group) => sum + group.items, 0);
    expect(items).toBe(CASES.filter(([, , item]) => belongs(item)).length);
  });

  it('leaves out what was paid for and lost, and starts the same erases', async () => {
    await makeBatch('free', 100);
    expect(await redrive('free', 'free-redrive-1', null)).toEqual({
      kind: 'created',
      items: numbersOf('done', 'running', 'inDoubt', 'unpaid').length,
      estimatedUsd: 2,
    });
    const batch = await ledger.batches.find('free-redrive-1');
    expect(batch).toMatchObject({
      parentBatchId: 'free',
      parentRelation: 'redrive',
      requestedBy: 'bob',
      state: 'running',
    });
    const before = new Map((await ledger.batches.items('free', { limit: 100 })).map((item) => [item.row, item]));
    const items = await ledger.batches.items('free-redrive-1', { limit: 100 });
    expect(items.map((item) => (item.row ?? 0) - 1)).toEqual(numbersOf('done', 'running', 'inDoubt', 'unpaid'));
    expect(items.map((item) => item.number)).toEqual(items.map((_, index) => index + 1));
    for (const item of items) {
      const old = before.get(item.row);
      const deadline = old?.errorClass === 'expired' ? { deadlineHours: 68 } : {};
      const onlyRead = CASES[(item.row ?? 0) - 2]?.[1] === 'running' ? { neverPay: true } : {};
      expect(item).toMatchObject({ state: 'pending', workflowId: old?.workflowId, fileId: old?.fileId });
      expect(item.request).toEqual({
        ...(old?.request as object),
        batchId: 'free-redrive-1',
        ...deadline,
        ...onlyRead,
      });
    }
  });

  it('pays again for what is lost by a token of its own, and for what failed under its first name', async () => {
    await makeBatch('paid', 200);
    expect(await redrive('paid', 'paid-redrive-1', 'the vendor says so')).toMatchObject({
      kind: 'created',
      items: CASES.length - 1,
    });
    const items = await ledger.batches.items('paid-redrive-1', { limit: 100 });
    for (const item of items) {
      const [what, kind] = CASES[(item.row ?? 0) - 2] ?? [];
      const request = item.request as EraseRequest;
      const token = { token: 'paid-redrive-1', reason: 'the vendor says so' };
      const isMadeAnew = kind === 'lost' || kind === 'rejected';
      expect([what, request.payAgain]).toEqual([what, isMadeAnew ? token : undefined]);
      expect([what, item.workflowId.endsWith('/pay-again/paid-redrive-1')]).toEqual([what, isMadeAnew]);
      expect([what, request.neverPay]).toEqual([what, kind === 'running' ? true : undefined]);
    }
  });

  it('never has an item that another redrive of the batch has', async () => {
    await makeBatch('twice', 300);
    const both = await Promise.all([redrive('twice', 'twice-a', 'again'), redrive('twice', 'twice-b', 'again')]);
    expect(both.map(({ kind }) => kind).sort()).toEqual(['created', 'nothing']);
    const plan = await ledger.redrives.plan(everything('twice'), { list: 10 });
    expect(plan).toMatchObject({ groups: [], leftOut: [], redrives: 1 });
    expect(plan?.elsewhere).toEqual([{ batchId: expect.stringMatching(/^twice-[ab]$/), items: CASES.length - 1 }]);
  });

  it('takes two payments of one file, which differ in their tokens, one by one', async () => {
    const items = ['a', 'b'].map((token, index) =>
      newItem(
        'tokens',
        index + 1,
        { fileId: '5285485487985299999', payAgain: { token, reason: 'asked' } },
        {
          done: { state: 'failed', errorClass: 'input', errorCode: `X.${token}` },
        },
      ),
    );
    await ledger.batches.create(newBatch('tokens'), items);
    await query(`update batch set state = 'ended', ended_as = 'completed', ended_at = now() where id = 'tokens'`);
    expect(await redrive('tokens', 'tokens-1', null, { codes: ['X.a'] })).toMatchObject({ kind: 'created', items: 1 });
    const plan = await ledger.redrives.plan(everything('tokens'), { list: 10 });
    expect(plan).toMatchObject({
      groups: [{ kind: 'unpaid', items: 1 }],
      elsewhere: [{ batchId: 'tokens-1', items: 1 }],
    });
    expect(await redrive('tokens', 'tokens-2', null)).toMatchObject({ kind: 'created', items: 1 });
  });

  it('under a name that is taken changes nothing', async () => {
    await makeBatch('name', 400);
    expect(await redrive('name', PARENT, null)).toEqual({ kind: 'exists' });
    expect(await redrive('name', 'name-2', null)).toMatchObject({ kind: 'created' });
  });

  it('of a batch that has not ended is refused', async () => {
    await ledger.batches.create(newBatch('runs'), [newItem('runs', 1, { fileId: '77' })]);
    await expect(redrive('runs', 'runs-2', null)).rejects.toThrow('has not ended');
  });
});
