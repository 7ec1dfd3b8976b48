import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/ledger/db/database.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import type { CapScope } from '../../src/ledger/money/cap.js';
import type { BeginOutcome, Intent, SubmissionAttempt } from '../../src/ledger/submissions/submission.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const SUB_APP = 1500000001;
const OTHER_SUB_APP = 1500000002;
const COST = 0.0373;
const NO_ERROR = { message: 'x', requestId: null };
const NO_RESULT = { code: null, message: null, resultFileId: null, result: null };

let database: TestDatabase;
let ledger: Ledger;
let files = 5285485487985271000n;

beforeAll(async () => {
  database = await createTestDatabase('caps');
  await migrateLedger(database.url);
  ledger = openLedger(database.url, { maxConnections: 20 });
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});
beforeEach(() => sql('delete from submission; delete from cap; delete from breaker; delete from audit'));

async function sql(statements: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}

function intentFor(fields: Partial<Intent> & { subAppId?: number } = {}): Intent {
  files += 1n;
  return intentOf(String(files), { subAppId: SUB_APP, costUsd: COST, ...fields });
}

function sent(outcome: BeginOutcome) {
  if (outcome.kind !== 'send') throw new Error(`expected an intent to send, got ${outcome.kind}`);
  return outcome.submission;
}

const send = async (intent: Intent = intentFor()) => sent(await ledger.submissions.begin(intent));

const cap = (limitUsd: number | null, { scope = 'all' as CapScope, period = 'total' as 'day' | 'total' } = {}) =>
  ledger.caps.change({ scope, period, limitUsd, by: 'alice', reason: 'a test' });

/** Spent by the total counter; a limit far above makes it visible. */
async function spent(scope: CapScope = 'all', period: 'day' | 'total' = 'total'): Promise<number | undefined> {
  const before = (await ledger.caps.list()).find((c) => c.scope === scope && c.period === period);
  if (before !== undefined) return before.spentUsd;
  await cap(1_000_000, { scope, period });
  const found = (await ledger.caps.list()).find((c) => c.scope === scope && c.period === period)?.spentUsd;
  await cap(null, { scope, period });
  return found;
}

describe('a cap', () => {
  it('for 10 lets exactly 10 of 50 pass that come at once, from two processes', async () => {
    await cap(10 * COST);
    const second = openLedger(database.url, { maxConnections: 20 });
    try {
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? ledger : second).submissions.begin(intentFor())),
      );
      expect(outcomes.filter(({ kind }) => kind === 'send')).toHaveLength(10);
      const capped = outcomes.filter(({ kind }) => kind === 'capped');
      expect(capped).toHaveLength(40);
      expect(capped[0]).toMatchObject({
        costUsd: COST,
        cap: { scope: 'all', period: 'total', limitUsd: 0.373, leftUsd: 0 },
      });
      expect(await spent()).toBe(0.373);
    } finally {
      await second.close();
    }
  });

  it.each([
    ['all', 'day'],
    ['all', 'total'],
    [`sub-app/${SUB_APP}`, 'day'],
    [`sub-app/${SUB_APP}`, 'total'],
  ] as const)('of %s by %s holds at once', async (scope, period) => {
    await cap(2 * COST, { scope, period });
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => ledger.submissions.begin(intentFor())));
    expect(outcomes.filter(({ kind }) => kind === 'send')).toHaveLength(2);
    const other = await ledger.submissions.begin(intentFor({ subAppId: OTHER_SUB_APP }));
    expect(other.kind).toBe(scope === 'all' ? 'capped' : 'send');
  });

  it('leaves nothing behind of a submit that it stopped, and lets it go once it is raised', async () => {
    await cap(COST);
    await send();
    const intent = intentFor();
    expect(await ledger.submissions.begin(intent)).toMatchObject({ kind: 'capped' });
    expect(await ledger.submissions.findLatest(intent.identity)).toBeNull();
    expect(await spent(`sub-app/${SUB_APP}`)).toBe(COST);
    await cap(2 * COST);
    await send(intent);
    expect(await ledger.submissions.begin(intentFor())).toMatchObject({ kind: 'capped' });
  });

  it('does not stand before what was paid for', async () => {
    const intent = intentFor();
    await ledger.submissions.accepted(await send(intent), { taskId: `task-${files}`, requestId: null, adopted: false });
    await cap(0);
    expect(await ledger.submissions.begin({ ...intent, costUsd: null })).toMatchObject({ kind: 'running' });
  });

  it('knows what was spent before it was set', async () => {
    for (let at = 0; at < 3; at += 1) await send();
    await cap(3 * COST);
    expect(await ledger.submissions.begin(intentFor())).toMatchObject({ kind: 'capped', cap: { leftUsd: 0 } });
    expect(await ledger.caps.list()).toEqual([
      { scope: 'all', period: 'total', limitUsd: 0.1119, spentUsd: 0.1119, leftUsd: 0 },
    ]);
  });

  it('is set, changed and removed with who and why', async () => {
    expect(await cap(1)).toBe(true);
    expect(await cap(2)).toBe(true);
    expect(await cap(null)).toBe(true);
    expect(await cap(null)).toBe(false);
    const db = openDatabase(database.url, { maxConnections: 1 });
    const audit = await db.selectFrom('audit').selectAll().orderBy('id').execute();
    await db.destroy();
    expect(audit).toMatchObject([
      { action: 'cap-set', subject: 'all/total', by: 'alice', details: { limitUsd: 1, beforeUsd: null } },
      { action: 'cap-set', details: { limitUsd: 2, beforeUsd: 1 } },
      { action: 'cap-removed', reason: 'a test', details: { limitUsd: null, beforeUsd: 2 } },
    ]);
  });
});

describe('what counts as spent', () => {
  it('is asked for when money is due, and only then', async () => {
    const intent = intentFor({ costUsd: null });
    expect(await ledger.submissions.begin(intent)).toEqual({ kind: 'unpriced' });
    expect(await ledger.submissions.findLatest(intent.identity)).toBeNull();
    await ledger.breakers.open('account', await send(), { class: 'account', code: 'x', ...NO_ERROR });
    expect(await ledger.submissions.begin(intent)).toMatchObject({ kind: 'blocked' });
  });

  it.each([
    ['refused', { class: 'input', code: 'InvalidParameterValue.FileId', ...NO_ERROR }],
    ['never sent', { class: 'cancelled', code: 'NeverSent', ...NO_ERROR }],
    ['throttled', { class: 'throttled', code: 'RequestLimitExceeded', ...NO_ERROR }],
  ])('does not hold what was %s, however often that is said', async (_what, error) => {
    await send();
    const submission = await send();
    expect(await spent()).toBe(2 * COST);
    await ledger.submissions.refused(submission, error);
    await ledger.submissions.refused(submission, error);
    for (const scope of ['all', `sub-app/${SUB_APP}`] as const) {
      expect(await spent(scope, 'day')).toBe(COST);
      expect(await spent(scope, 'total')).toBe(COST);
    }
  });

  it('holds again what is armed again after a refusal, at its price of then', async () => {
    const intent = intentFor();
    await ledger.submissions.refused(await send(intent), { class: 'retry', code: 'x', ...NO_ERROR });
    expect(await spent()).toBe(0);
    await send({ ...intent, costUsd: 2 });
    expect(await spent()).toBe(2);
  });

  it('holds what is in doubt, also after it was given up', async () => {
    const intent = intentFor();
    const submission = await send(intent);
    await ledger.submissions.markUnknown(submission, {
      class: 'ambiguous',
      code: 'ECONNRESET',
      ...NO_ERROR,
      saidDuplicate: false,
    });
    expect(await spent()).toBe(COST);
    const { scheduledAt } = (await ledger.submissions.findLatest(intent.identity)) ?? {};
    if (scheduledAt === undefined) throw new Error('no submission');
    await send({ ...intent, lookedFor: { number: 1, scheduledAt } });
    expect(await spent()).toBe(2 * COST);
  });

  it.each([
    ['aborted', 0],
    ['failed', COST],
    ['succeeded', COST],
    ['expired', COST],
  ] as const)('after a task that %s is right', async (outcome, usd) => {
    await ledger.submissions.accepted(await send(), { taskId: `task-${files}`, requestId: null, adopted: false });
    await ledger.submissions.recordOutcome(`task-${files}`, { ...NO_RESULT, outcome });
    await ledger.submissions.recordOutcome(`task-${files}`, { ...NO_RESULT, outcome });
    expect(await spent()).toBe(usd);
  });

  it('holds a task that was found after its submit was taken for refused', async () => {
    const submission = await send();
    await ledger.submissions.refused(submission, { class: 'retry', code: 'x', ...NO_ERROR });
    await ledger.submissions.accepted(submission, { taskId: `task-${files}`, requestId: null, adopted: true });
    expect(await spent()).toBe(COST);
    expect(await spent('all', 'day')).toBe(COST);
  });
});

describe('a new day, in UTC', () => {
  /** As if everything had been counted a day earlier. */
  const yesterday = () => sql('update cap set day = day - 1; update submission set cost_day = cost_day - 1');

  it('begins at nothing; the total goes on', async () => {
    await cap(COST, { period: 'day' });
    await cap(2 * COST, { period: 'total' });
    await send();
    expect(await ledger.submissions.begin(intentFor())).toMatchObject({ kind: 'capped', cap: { period: 'day' } });
    await yesterday();
    expect(await ledger.caps.list()).toMatchObject([
      { period: 'day', spentUsd: 0, leftUsd: COST },
      { period: 'total', spentUsd: COST },
    ]);
    await send();
    await yesterday();
    expect(await ledger.submissions.begin(intentFor())).toMatchObject({ kind: 'capped', cap: { period: 'total' } });
  });

  it('is not given back what was spent the day before', async () => {
    const before = await send();
    await yesterday();
    await send();
    await ledger.submissions.refused(before, { class: 'retry', code: 'x', ...NO_ERROR });
    expect(await spent('all', 'day')).toBe(COST);
    expect(await spent('all', 'total')).toBe(COST);
  });
});

describe('many submits and refusals at once', () => {
  it('never wait for each other in a circle, and end with counters that agree with the books', async () => {
    await cap(1_000);
    await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        const intent = intentFor({ subAppId: at % 3 === 0 ? OTHER_SUB_APP : SUB_APP });
        const submission: SubmissionAttempt = await send(intent);
        if (at % 4 === 0) await ledger.submissions.refused(submission, { class: 'throttled', code: 'x', ...NO_ERROR });
        else if (at % 4 === 1)
          await ledger.submissions.refused(submission, { class: 'account', code: 'x', ...NO_ERROR });
        else await ledger.submissions.accepted(submission, { taskId: `many-${at}`, requestId: null, adopted: false });
      }),
    );
    const rows = await ledger.costs.report({ by: 'recipe' });
    expect(rows).toEqual([
      { group: 'subtitles', erases: 30, accepted: 30, paidAgain: 0, ambiguous: 0, usd: 1.119, ambiguousUsd: 0 },
    ]);
    expect(await spent()).toBe(1.119);
    expect(((await spent(`sub-app/${SUB_APP}`)) ?? 0) + ((await spent(`sub-app/${OTHER_SUB_APP}`)) ?? 0)).toBeCloseTo(
      1.119,
      6,
    );
  });
});
