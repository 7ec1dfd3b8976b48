import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LedgerError } from '../../src/ledger/db/ledger-error.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { MIGRATIONS } from '../../src/ledger/db/migrations/index.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import type { Intent, SubmissionKey, SubmissionRecord } from '../../src/ledger/submissions/submission.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
let ledger: Ledger;
let files = 5285485487985271000n;

beforeAll(async () => {
  database = await createTestDatabase('ledger');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

function intentFor(fields: Partial<Intent> = {}): Intent {
  files += 1n;
  return intentOf(String(files), { subAppId: 1500000001, costUsd: 0.1, ...fields });
}

async function send(intent: Intent) {
  const begun = await ledger.submissions.begin(intent);
  if (begun.kind !== 'send') throw new Error(`expected an intent to send, got ${begun.kind}`);
  return begun.submission;
}

/** Its row, after any number of attempts. */
const rowOf = ({ eraseId, number }: SubmissionKey): SubmissionKey => ({ eraseId, number });

describe('the books of one erase', () => {
  it('keep an accepted submit and its result for whoever asks next', async () => {
    const intent = intentFor();
    const submission = await send(intent);
    const accepted = await ledger.submissions.accepted(submission, {
      taskId: `task-${files}`,
      requestId: 'r-1',
      adopted: false,
    });
    const found = await ledger.submissions.findByTask(`task-${files}`);
    expect(accepted).toEqual({ ...found, scheduledAtHere: expect.any(Date) });
    expect(await ledger.submissions.begin({ ...intent, workflowId: 'other', runId: 'run-9' })).toMatchObject({
      kind: 'running',
      record: { taskId: `task-${files}`, workflowId: intent.workflowId, runId: 'run-1', requestId: 'r-1' },
    });
    const outcome = {
      outcome: 'succeeded' as const,
      code: null,
      message: null,
      resultFileId: '3877702313900000001',
      result: { files: [], finishedAt: '2026-03-01T12:00:00Z', requestId: 'r-2' },
    };
    await ledger.submissions.recordOutcome(`task-${files}`, outcome);
    expect(await ledger.submissions.begin(intent)).toMatchObject({
      kind: 'done',
      record: { resultFileId: '3877702313900000001', result: outcome.result },
    });
  });

  it('keep the first outcome of a task', async () => {
    const submission = await send(intentFor());
    await ledger.submissions.accepted(submission, { taskId: `task-${files}`, requestId: null, adopted: false });
    const none = { code: null, message: null, resultFileId: null, result: null };
    await ledger.submissions.recordOutcome(`task-${files}`, { ...none, outcome: 'succeeded', resultFileId: '1' });
    await ledger.submissions.recordOutcome(`task-${files}`, { ...none, outcome: 'failed' });
    expect(await ledger.submissions.findByTask(`task-${files}`)).toMatchObject({
      outcome: 'succeeded',
      resultFileId: '1',
    });
  });

  it('say the same when a write is repeated', async () => {
    const intent = intentFor();
    const submission = await send(intent);
    const task = { taskId: `task-${files}`, requestId: 'r-1', adopted: false };
    await ledger.submissions.accepted(submission, task);
    expect(await ledger.submissions.accepted(submission, task)).toMatchObject({
      state: 'accepted',
      taskId: task.taskId,
    });
    await ledger.submissions.refused(submission, { class: 'retry', code: 'late', message: 'late', requestId: null });
    expect(await ledger.submissions.findLatest(intent.identity)).toMatchObject({ state: 'accepted', error: null });
  });

  it('refuse a second task for one submission, loudly', async () => {
    const submission = await send(intentFor());
    await ledger.submissions.accepted(submission, { taskId: `task-${files}`, requestId: null, adopted: false });
    await expect(
      ledger.submissions.accepted(submission, { taskId: `task-${files}-again`, requestId: null, adopted: false }),
    ).rejects.toThrow(/already has the task .* duplicate that was paid for/);
  });

  it('give a task to one submission only', async () => {
    const taskId = `task-shared-${files}`;
    const [mine, other] = [await send(intentFor()), await send(intentFor())];
    expect(await ledger.submissions.accepted(mine, { taskId, requestId: null, adopted: true })).toMatchObject({
      adopted: true,
    });
    expect(await ledger.submissions.accepted(other, { taskId, requestId: null, adopted: true })).toBe('taken');
    expect(await ledger.submissions.knownTasks([taskId, 'nobody’s'])).toEqual(new Map([[taskId, rowOf(mine)]]));
  });

  it('arm a refused submit in its own row', async () => {
    const intent = intentFor();
    const first = await send(intent);
    await ledger.submissions.refused(first, {
      class: 'throttled',
      code: 'RequestLimitExceeded',
      message: 'slow',
      requestId: 'r',
    });
    expect(await ledger.submissions.findLatest(intent.identity)).toMatchObject({
      state: 'refused',
      error: { class: 'throttled', code: 'RequestLimitExceeded' },
    });
    expect(await send(intent)).toMatchObject(rowOf(first));
    expect(await ledger.submissions.findLatest(intent.identity)).toMatchObject({ state: 'sending', error: null });
  });

  it('do not take a late or repeated refusal for one of the submit that was armed since', async () => {
    const intent = intentFor();
    const first = await send(intent);
    const error = { class: 'throttled', code: 'RequestLimitExceeded', message: 'slow', requestId: 'r' };
    await ledger.submissions.refused(first, error);
    const second = await send({ ...intent, workflowId: 'another', runId: 'run-2' });
    // The connection broke after the commit: the first run writes its refusal again, while the second is calling.
    await ledger.submissions.refused(first, error);
    await ledger.submissions.markUnknown(first, { ...error, saidDuplicate: true });
    await expect(ledger.submissions.reschedule(first, new Date())).rejects.toThrow(/resolved by somebody else/);
    expect(await ledger.submissions.findLatest(intent.identity)).toMatchObject({ state: 'sending', error: null });
    await ledger.submissions.refused(second, error);
    expect(await ledger.submissions.findLatest(intent.identity)).toMatchObject({ state: 'refused' });
  });

  it('look for a submit in doubt, then give it up in a row that stays', async () => {
    const intent = intentFor();
    const first = await send(intent);
    await ledger.submissions.markUnknown(first, {
      class: 'ambiguous',
      code: 'ECONNRESET',
      message: 'reset',
      requestId: null,
      saidDuplicate: false,
    });
    const looked = await ledger.submissions.begin({ ...intent, settleMs: 60_000 });
    expect(looked).toMatchObject({ kind: 'look', record: { key: rowOf(first), error: { code: 'ECONNRESET' } } });
    expect((looked as { settlesInMs: number }).settlesInMs).toBeGreaterThan(50_000);
    const { scheduledAt } = (looked as { record: SubmissionRecord }).record;
    const settled = { ...intent, lookedFor: { number: 1, scheduledAt }, settleMs: -60_000 };
    expect(await ledger.submissions.begin(settled)).toMatchObject({ kind: 'send', submission: { number: 2 } });
    // The answer of the first comes after all: the ledger records it, and no run submits a third.
    await ledger.submissions.accepted(first, { taskId: `task-${files}`, requestId: null, adopted: false });
    expect(await ledger.submissions.begin(intent)).toMatchObject({ kind: 'running', record: { key: rowOf(first) } });
  });

  it('give up a submit in doubt for good, once it has settled', async () => {
    const intent = intentFor();
    const armed = await send(intent);
    expect(await ledger.submissions.giveUp(armed, 60_000)).toBe(false);
    expect(await ledger.submissions.giveUp(armed, -60_000)).toBe(true);
    // The attempt that was suspended since finds that its turn is over.
    await expect(ledger.submissions.reschedule(armed, new Date())).rejects.toThrow('resolved by somebody else');
    expect(await ledger.submissions.giveUp(armed, -60_000)).toBe(false);
    await ledger.submissions.accepted(armed, { taskId: `task-${files}`, requestId: null, adopted: false });
    expect(await ledger.submissions.begin(intent)).toMatchObject({ kind: 'running', record: { key: rowOf(armed) } });
  });

  it('know a payment with a token as another payment', async () => {
    const intent = intentFor();
    await ledger.submissions.accepted(await send(intent), { taskId: `task-${files}`, requestId: null, adopted: false });
    const again = { ...intent, identity: { ...intent.identity, payToken: 'order-1' } };
    expect(await ledger.submissions.begin(again)).toMatchObject({ kind: 'send' });
    expect(await ledger.submissions.begin(again)).toMatchObject({ kind: 'look' });
  });
});

describe('runs that ask at the same moment', () => {
  it('are given one intent between them', async () => {
    const intent = intentFor({ settleMs: 60_000 });
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        ledger.submissions.begin({ ...intent, workflowId: `w-${i}`, runId: `r-${i}` }),
      ),
    );
    expect(all.map((b) => b.kind).sort()).toEqual([...Array(11).fill('look'), 'send']);
  });
});

describe('a ledger that cannot be used', () => {
  it('is waited for while it takes no writes, as after a change of the primary', async () => {
    const standby = await createTestDatabase('ledger_standby');
    await migrateLedger(standby.url);
    const url = new URL(standby.url);
    url.searchParams.set('options', '-c default_transaction_read_only=on');
    const readOnly = openLedger(url.href);
    try {
      await expect(readOnly.submissions.begin(intentFor())).rejects.toMatchObject({
        name: 'LedgerError',
        kind: 'unavailable',
      });
    } finally {
      await readOnly.close();
      await standby.drop();
    }
  });

  it('says that it is not migrated', async () => {
    const empty = await createTestDatabase('ledger_empty');
    const unmigrated = openLedger(empty.url);
    try {
      await expect(unmigrated.check()).rejects.toThrow(/0001-books.*smart-erase setup/);
      await expect(unmigrated.submissions.begin(intentFor())).rejects.toMatchObject({
        name: 'LedgerError',
        kind: 'schema',
      });
    } finally {
      await unmigrated.close();
      await empty.drop();
    }
  });

  it('says that it cannot be reached, without the password', async () => {
    const away = openLedger('postgres://user:hunter2@127.0.0.1:9/none');
    try {
      const error = await away.submissions.findByTask('t').catch((e: unknown) => e);
      expect(error).toBeInstanceOf(LedgerError);
      expect(error).toMatchObject({ kind: 'unavailable' });
      expect(String((error as Error).message)).not.toContain('hunter2');
    } finally {
      await away.close();
    }
  });

  it('is migrated by several processes at once, and again, without harm', async () => {
    const fresh = await createTestDatabase('ledger_fresh');
    try {
      const applied = await Promise.all([1, 2, 3].map(() => migrateLedger(fresh.url)));
      expect(applied.flat()).toEqual(Object.keys(MIGRATIONS));
      expect(await migrateLedger(fresh.url)).toEqual([]);
    } finally {
      await fresh.drop();
    }
  });
});
