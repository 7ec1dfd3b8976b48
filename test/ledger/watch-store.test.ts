import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const GRACES = { notifiedMs: 600_000, unownedMs: 0 };
/** A submit may be due some milliseconds from now. */
const BEFORE_IT_IS_DUE_MS = -60_000;
const DUE_AT_ONCE = { firstMs: 3_600_000, limit: 100 };

let database: TestDatabase;
let ledger: Ledger;
let made = 0;

beforeAll(async () => {
  database = await createTestDatabase('watch');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

/** An accepted task in a sub-application that no other test uses. */
async function acceptedTask(subAppId = 1_600_000_000 + ++made) {
  const fileId = `${subAppId}${++made}`;
  const begun = await ledger.submissions.begin(intentOf(fileId, { subAppId }));
  if (begun.kind !== 'send') throw new Error(`expected an intent to send, got ${begun.kind}`);
  const taskId = `task-${fileId}`;
  await ledger.submissions.accepted(begun.submission, { taskId, requestId: null, adopted: false });
  return { subAppId, fileId, taskId };
}

const waiterOf = (task: { taskId: string }, workflowId = 'erase/a', runId = 'run-1') => ({
  taskId: task.taskId,
  workflowId,
  runId,
});

const aborted = { outcome: 'aborted', code: null, message: null, resultFileId: null, result: null } as const;

describe('whoever waits for a task', () => {
  it('is given when the task is over, with the run that waits now', async () => {
    const task = await acceptedTask();
    const { subAppId } = task;
    expect(await ledger.watch.register({ ...waiterOf(task), subAppId })).toMatchObject({ over: false });
    await ledger.watch.register({ ...waiterOf(task, 'erase/b'), subAppId });
    await ledger.watch.register({ ...waiterOf(task, 'erase/a', 'run-2'), subAppId });
    const waiters = await ledger.watch.markOver([task.taskId, 'foreign'], GRACES);
    expect(waiters.toSorted((a, b) => a.workflowId.localeCompare(b.workflowId))).toEqual([
      waiterOf(task, 'erase/a', 'run-2'),
      waiterOf(task, 'erase/b'),
    ]);
    await ledger.watch.removeWaiters([waiterOf(task), waiterOf(task)]);
    expect(await ledger.watch.markOver([task.taskId], GRACES)).toEqual([waiterOf(task, 'erase/b')]);
  });

  it('learns at once of a task that was seen to be over, or whose outcome is known', async () => {
    const [seen, known] = [await acceptedTask(), await acceptedTask()];
    await ledger.watch.markOver([seen.taskId], GRACES);
    await ledger.submissions.recordOutcome(known.taskId, aborted);
    for (const task of [seen, known]) {
      expect(await ledger.watch.register({ ...waiterOf(task), subAppId: task.subAppId })).toMatchObject({ over: true });
    }
  });

  it('is found again as long as nobody told, also where another run booked the outcome', async () => {
    const { subAppId, ...seen } = await acceptedTask();
    const booked = await acceptedTask(subAppId);
    const open = await acceptedTask(subAppId);
    for (const task of [seen, booked, open]) await ledger.watch.register({ ...waiterOf(task), subAppId });
    await ledger.watch.markOver([seen.taskId], GRACES);
    await ledger.submissions.recordOutcome(booked.taskId, aborted);
    const found = await ledger.watch.overdueWaiters(subAppId, 10);
    expect(found.map((w) => w.taskId).toSorted()).toEqual([seen.taskId, booked.taskId].toSorted());
  });

  it('is not missed, whichever of the two comes first', async () => {
    for (let round = 0; round < 20; round++) {
      const task = await acceptedTask();
      const [registered, told] = await Promise.all([
        ledger.watch.register({ ...waiterOf(task), subAppId: task.subAppId }),
        ledger.watch.markOver([task.taskId], GRACES),
      ]);
      expect(registered.over || told.length > 0).toBe(true);
    }
  });
});

describe('the place up to which tasks were listed', () => {
  it('moves forward only, and says apart from that when the list was read to its end', async () => {
    const { subAppId } = await acceptedTask();
    expect(await ledger.watch.state(subAppId)).toMatchObject({ listedUntil: null, fullScanAgeMs: null, waiting: 1 });
    const [earlier, later] = [new Date('2031-01-01T00:00:00Z'), new Date('2031-01-01T00:00:07Z')];
    await ledger.watch.advance(subAppId, later);
    await ledger.watch.advance(subAppId, earlier);
    expect(await ledger.watch.state(subAppId)).toMatchObject({ listedUntil: later, fullScanAgeMs: null });
    expect(await ledger.watch.unwatched(60_000)).toContain(subAppId);
    await ledger.watch.recordFullScan(subAppId);
    expect(await ledger.watch.fullScanAgeMs(subAppId)).toBeGreaterThanOrEqual(0);
    expect(await ledger.watch.unwatched(60_000)).not.toContain(subAppId);
  });
});

describe('a task whose outcome is missing', () => {
  it('is due when it was planned, and no more once its outcome is known', async () => {
    const task = await acceptedTask();
    const { subAppId, taskId } = task;
    expect(await ledger.watch.dueTasks(subAppId, DUE_AT_ONCE)).toEqual([]);
    expect(await ledger.watch.dueTasks(subAppId, { firstMs: BEFORE_IT_IS_DUE_MS, limit: 1 })).toMatchObject([
      { taskId, overForMs: null, waiters: [], recipe: { name: 'subtitles' } },
    ]);
    await ledger.watch.lookAgain([taskId], 60_000);
    expect(await ledger.watch.dueTasks(subAppId, { firstMs: BEFORE_IT_IS_DUE_MS, limit: 1 })).toEqual([]);
    await ledger.watch.lookAgain([taskId], 0, { sooner: true });
    await ledger.watch.lookAgain([taskId], 60_000, { sooner: true });
    expect(await ledger.watch.dueTasks(subAppId, DUE_AT_ONCE)).toMatchObject([{ taskId }]);
    await ledger.submissions.recordOutcome(taskId, aborted);
    expect(await ledger.watch.dueTasks(subAppId, DUE_AT_ONCE)).toEqual([]);
    expect(await ledger.watch.state(subAppId)).toMatchObject({ waiting: 0, oldestMs: null });
  });

  it('is due soon after a list showed it where nobody waits, and later where somebody was told', async () => {
    const { subAppId, taskId: orphan } = await acceptedTask();
    const told = await acceptedTask(subAppId);
    await ledger.watch.register({ ...waiterOf(told), subAppId });
    await ledger.watch.markOver([orphan, told.taskId], GRACES);
    const due = await ledger.watch.dueTasks(subAppId, DUE_AT_ONCE);
    expect(due).toMatchObject([{ taskId: orphan, overForMs: expect.any(Number) }]);
    await ledger.watch.lookAgain([told.taskId], 0, { sooner: true });
    const both = await ledger.watch.dueTasks(subAppId, DUE_AT_ONCE);
    expect(both.find((task) => task.taskId === told.taskId)?.waiters).toEqual([waiterOf(told)]);
  });

  it('counts as waiting in its sub-application and in all', async () => {
    const before = await ledger.watch.waitingInAll();
    const { subAppId } = await acceptedTask();
    await acceptedTask(subAppId);
    expect(await ledger.watch.waitingInAll()).toBe(before + 2);
    expect(await ledger.watch.state(subAppId)).toMatchObject({ waiting: 2, oldestMs: expect.any(Number) });
  });
});
