import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuditLine } from '../../src/ledger/audit/audit-report.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { type Breaker, type BreakerScope, scopesOf } from '../../src/ledger/holds/breaker.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import type { Intent, SubmissionAttempt } from '../../src/ledger/submissions/submission.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, runStatement, type TestDatabase } from '../support/postgres.js';

const FROZEN = { class: 'account', code: 'FailedOperation.UserStatusInavlid', message: 'frozen', requestId: 'r-1' };
const DENIED = { class: 'account', code: 'UnauthorizedOperation', message: 'not allowed', requestId: 'r-2' };
const ANN = { by: 'ann', reason: 'the bill is paid' };

let database: TestDatabase;
let ledger: Ledger;
let files = 0;

beforeAll(async () => {
  database = await createTestDatabase('breaker');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});
beforeEach(() =>
  runStatement(database.url, 'delete from submission; delete from breaker; delete from hold; delete from audit'),
);

const begin = (fields: Partial<Intent> & { subAppId?: number } = {}) => {
  files += 1;
  return ledger.submissions.begin(intentOf(`file-${files}`, { costUsd: 0.1, ...fields }));
};

async function armed(fields: Partial<Intent> & { subAppId?: number } = {}): Promise<SubmissionAttempt> {
  const begun = await begin(fields);
  if (begun.kind !== 'send') throw new Error(`expected a submit to send, got ${begun.kind}`);
  return begun.submission;
}

/** A refusal that opens a breaker, or finds it open. */
async function refusal(scope: BreakerScope, error = FROZEN): Promise<Breaker> {
  const breaker = await ledger.submissions.refused(await armed({ subAppId: 9 }), error, { trips: scope });
  if (breaker === null) throw new Error('no breaker was opened');
  return breaker;
}

async function audited(): Promise<Pick<AuditLine, 'action' | 'subject' | 'by' | 'reason'>[]> {
  const lines = [];
  for await (const { action, subject, by, reason } of ledger.audit.lines({})) {
    if (action.startsWith('breaker-')) lines.push({ action, subject, by, reason });
  }
  return lines;
}

describe('breakers', () => {
  it('cover a submit by account and by sub-application', () => {
    expect(scopesOf(1500000001)).toEqual(['account', 'sub-app/1500000001']);
  });

  it('let everything pass while they are closed, and one of another sub-application too', async () => {
    expect(await begin()).toMatchObject({ kind: 'send' });
    await refusal('sub-app/2');
    expect(await begin()).toMatchObject({ kind: 'send' });
  });

  it.each([
    ['an erase that is new', {}],
    ['one that an operator retries', { operatorRetryUpTo: 3 }],
    ['one whose price is not known', { costUsd: null }],
  ])('stop %s while one is open', async (_what, fields) => {
    const account = await refusal('account');
    expect(await begin(fields)).toEqual({ kind: 'blocked', breaker: account });
    await ledger.breakers.close(account, ANN);
    const one = await refusal('sub-app/1', DENIED);
    expect(await begin(fields)).toEqual({ kind: 'blocked', breaker: one });
  });

  it('stop by that of the account first', async () => {
    const [first, second] = [await armed({ subAppId: 1 }), await armed({ subAppId: 1 })];
    await ledger.submissions.refused(first, DENIED, { trips: 'sub-app/1' });
    await ledger.submissions.refused(second, FROZEN, { trips: 'account' });
    expect(await begin()).toMatchObject({ kind: 'blocked', breaker: { scope: 'account' } });
    expect(await ledger.breakers.findOpen(1)).toMatchObject({ scope: 'account' });
  });
});

describe('a refusal of the account', () => {
  it('that finds the breaker open is told which it is, and leaves it its first reason', async () => {
    const [first, second] = [await armed(), await armed()];
    const opened = await ledger.submissions.refused(first, FROZEN, { trips: 'account' });
    const found = await ledger.submissions.refused(second, { ...FROZEN, code: 'AuthFailure' }, { trips: 'account' });
    expect(opened).toMatchObject({ scope: 'account', code: FROZEN.code, requestId: 'r-1' });
    expect(found).toEqual(opened);
    expect(await ledger.breakers.list()).toEqual([opened]);
    expect(await audited()).toEqual([expect.objectContaining({ action: 'breaker-opened', subject: 'account' })]);
  });

  it('that is written twice opens nothing again: not after an operator closed it', async () => {
    const submission = await armed();
    const breaker = await ledger.submissions.refused(submission, FROZEN, { trips: 'account' });
    expect(await ledger.submissions.refused(submission, FROZEN, { trips: 'account' })).toEqual(breaker);
    await ledger.breakers.close(breaker as Breaker, ANN);
    expect(await ledger.submissions.refused(submission, FROZEN, { trips: 'account' })).toBeNull();
    expect(await ledger.breakers.list()).toEqual([]);
  });

  it.each(['input', 'cancelled', 'throttled'])(
    'is not what a refusal of class %s is: no breaker opens or closes',
    async (c) => {
      const [first, second] = [await armed(), await armed()];
      expect(await ledger.submissions.refused(first, { ...FROZEN, class: c })).toBeNull();
      expect(await ledger.breakers.list()).toEqual([]);
      const open = await refusal('account');
      await ledger.submissions.refused(second, { ...FROZEN, class: c });
      expect(await ledger.breakers.list()).toEqual([open]);
    },
  );
});

describe('closing a breaker', () => {
  it('is about one opening: one that opened since stays open', async () => {
    const first = await refusal('account');
    await ledger.breakers.close(first, ANN);
    const second = await refusal('account', DENIED);
    expect(second.openedAt.getTime()).toBeGreaterThanOrEqual(first.openedAt.getTime());
    await runStatement(database.url, `update breaker set opened_at = opened_at + interval '1 ms'`);
    await ledger.breakers.close(first, ANN);
    expect(await ledger.breakers.list()).toMatchObject([{ scope: 'account', code: DENIED.code }]);
    expect(await audited()).toEqual([
      expect.objectContaining({ action: 'breaker-opened' }),
      { action: 'breaker-closed', subject: 'account', ...ANN },
      expect.objectContaining({ action: 'breaker-opened' }),
    ]);
  });

  it('is about one scope', async () => {
    const account = await refusal('account');
    await ledger.breakers.close({ ...account, scope: 'sub-app/9' }, ANN);
    expect(await ledger.breakers.list()).toEqual([account]);
  });

  it('by two at once is written down once, and tells both when it was closed', async () => {
    const breaker = await refusal('account');
    const times = await Promise.all([ledger.breakers.close(breaker, ANN), ledger.breakers.close(breaker, ANN)]);
    for (const at of times) expect(at.getTime()).toBeGreaterThanOrEqual(breaker.openedAt.getTime());
    expect((await audited()).filter(({ action }) => action === 'breaker-closed')).toHaveLength(1);
  });

  it('an accepted submit that was on its way does not', async () => {
    const onItsWay = await armed();
    const open = await refusal('account');
    await ledger.submissions.accepted(onItsWay, { taskId: 't-1', requestId: null, adopted: false });
    expect(await ledger.breakers.list()).toEqual([open]);
  });
});

describe('whether the vendor takes submits since', () => {
  const run = { workflowId: 'erase/first' };
  const since = async () => new Date((await ledger.check()).clock.getTime() - 1);
  const taken = (scope: BreakerScope, at: Date) => ledger.breakers.takenSince(scope, at, run);

  it('is known by one of the run, read or not, and by no other run’s that was read', async () => {
    const at = await since();
    const other = await armed();
    expect(await taken('account', at)).toBe(false);
    await ledger.submissions.accepted(other, { taskId: 't-2', requestId: null, adopted: false });
    expect(await taken('account', at)).toBe(true);
    const outcome = { outcome: 'succeeded', code: null, message: null, resultFileId: 'new', result: null } as const;
    await ledger.submissions.recordOutcome('t-2', outcome);
    expect(await taken('account', at)).toBe(false);
    await ledger.submissions.accepted(await armed(run), { taskId: 't-3', requestId: null, adopted: false });
    await ledger.submissions.recordOutcome('t-3', outcome);
    expect(await taken('account', at)).toBe(true);
  });

  it('is a matter of the sub-application', async () => {
    const at = await since();
    await ledger.submissions.accepted(await armed({ subAppId: 2 }), { taskId: 't-4', requestId: null, adopted: false });
    expect(await taken('sub-app/1', at)).toBe(false);
    expect(await taken('sub-app/2', at)).toBe(true);
    expect(await taken('account', at)).toBe(true);
  });

  it('is not known by a submit that left before, though it is answered, or found, after', async () => {
    const before = await armed(run);
    await runStatement(database.url, `update submission set place_at = place_at - interval '1 minute'`);
    const at = await since();
    await ledger.submissions.accepted(before, { taskId: 't-5', requestId: null, adopted: true });
    expect(await taken('account', at)).toBe(false);
  });

  it('is known by a lost answer of the run that was found, and not by a task that was taken over from elsewhere', async () => {
    const at = await since();
    await ledger.submissions.accepted(await armed(), { taskId: 't-6', requestId: null, adopted: true });
    expect(await taken('account', at)).toBe(false);
    await ledger.submissions.accepted(await armed(run), { taskId: 't-7', requestId: null, adopted: true });
    expect(await taken('account', at)).toBe(true);
  });

  it('is known by a request of the run that was refused as wrong, and by no other refusal', async () => {
    const at = await since();
    await ledger.submissions.refused(await armed(run), { ...FROZEN, class: 'throttled' });
    await ledger.submissions.refused(await armed(run), { ...FROZEN, class: 'cancelled' });
    await ledger.submissions.refused(await armed(), { ...FROZEN, class: 'input' });
    expect(await taken('account', at)).toBe(false);
    await ledger.submissions.refused(await armed(run), { ...FROZEN, class: 'input' });
    expect(await taken('account', at)).toBe(true);
  });
});

describe('holds that may be resumed', () => {
  it('are none whose submit an open breaker would stop', async () => {
    const hold = { batchId: null, code: null, message: 'held', requestId: null, submission: null };
    const record = (name: string, fields: { subAppId: number; stage: 'submit' | 'publish'; class: string }) =>
      ledger.holds.record({ ...hold, workflowId: name, runId: 'run', fileId: name, ...fields });
    await record('one', { subAppId: 1, stage: 'submit', class: 'account' });
    await record('two', { subAppId: 2, stage: 'submit', class: 'cap' });
    await record('publishing', { subAppId: 1, stage: 'publish', class: 'account' });
    const resumable = async () => (await ledger.holds.list({ exceptStopped: true })).map(({ fileId }) => fileId);
    expect(await resumable()).toEqual(['one', 'two', 'publishing']);
    const one = await refusal('sub-app/1');
    expect(await resumable()).toEqual(['two', 'publishing']);
    await ledger.breakers.close(one, ANN);
    await refusal('account');
    expect(await resumable()).toEqual(['publishing']);
    expect(await ledger.holds.list()).toHaveLength(3);
  });
});
