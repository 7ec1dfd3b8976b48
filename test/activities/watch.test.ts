import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listedUntil, listFinished, listFrom } from '../../src/activities/completion-watch/list-finished.js';
import { RunningWatches } from '../../src/activities/completion-watch/running-watches.js';
import { nextSweepMs } from '../../src/activities/completion-watch/sweep-tasks.js';
import { WATCH_TIMINGS, type WatchTimings } from '../../src/activities/completion-watch/timings.js';
import type { WatchReport } from '../../src/activities/completion-watch/watch-completions.js';
import type { ActivityDependencies } from '../../src/activities/dependencies.js';
import { createMainActivities } from '../../src/activities/index.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import type { TaskSummary } from '../../src/tencent-vod/vod-api.js';
import { createVodClient, type VodClient } from '../../src/tencent-vod/vod-client.js';
import { createWebhookSender } from '../../src/webhook/sender.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { respond, type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.parse('2031-05-01T12:00:00Z');
const MINUTES_15 = WATCH_TIMINGS.watchedLookMs;

let database: TestDatabase;
let server: ScriptedServer;
let vod: VodClient;
let ledger: Ledger;
let admin: pg.Pool;
let subAppId = 1_700_000_000;

beforeAll(async () => {
  [database, server] = await Promise.all([createTestDatabase('watch'), startScriptedServer()]);
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
  admin = new pg.Pool({ connectionString: database.url, max: 1 });
  vod = createVodClient({ endpoint: server.url, credentials: { secretId: 'AKIDx', secretKey: 'y' } });
});
beforeEach(() => {
  subAppId += 1;
});
afterAll(async () => {
  vod.close();
  await Promise.all([ledger.close(), admin.end()]);
  await Promise.all([database.drop(), server.close()]);
});

/** An accepted task of the test's own sub-application. */
async function acceptedTask(
  fileId = '5285485487985271487',
  { adopted = false, runId = 'run-1' } = {},
): Promise<string> {
  const begun = await ledger.submissions.begin(intentOf(fileId, { subAppId, workflowId: 'erase/1', runId }));
  if (begun.kind !== 'send') throw new Error(`expected an intent to send, got ${begun.kind}`);
  const taskId = `${subAppId}-ProcessMediaByMPS-${fileId}`;
  await ledger.submissions.accepted(begun.submission, { taskId, requestId: null, adopted });
  return taskId;
}

/** As where the ledger could not be reached when the answer came. */
async function answeredAfter(taskId: string, ms: number): Promise<void> {
  await admin.query(
    `update submission set answered_at = place_at + interval '${ms} milliseconds' where task_id = '${taskId}'`,
  );
}

function dependencies(timings: Partial<WatchTimings> = {}, enabled = true): ActivityDependencies {
  const all = { ...WATCH_TIMINGS, startupMs: 1, ...timings };
  return {
    vod,
    ledger,
    webhooks: createWebhookSender({ secrets: new Map(), allowHttp: false, networks: [] }),
    registeredSearchAttributes: async () => [],
    estimateUsd: async () => 0,
    limiter: { acquire: () => Promise.reject(new Error('Nothing is submitted in here.')) },
    connectForSubmit: async () => null,
    timings: { settleMs: 60_000, throttledTooLongMs: 1_800_000, pollFirstMs: 200, pollMaxMs: 500 },
    watch: { running: new RunningWatches(ledger, enabled, all), timings: all, stopping: new AbortController().signal },
  };
}

const inRun = (attempt: number) => ({ attempt, workflowExecution: { workflowId: 'erase/1', runId: 'run-1' } });

/** What one attempt says: the outcome, or how long until the next one, in milliseconds; and what it leaves for that. */
async function attempt(deps: ActivityDependencies, taskId: string, number = 1, submittedAgoMs = 0, before?: unknown) {
  const submittedAt = new Date(Date.now() - submittedAgoMs).toISOString();
  const deadlineAt = new Date(Date.now() - submittedAgoMs + 24 * HOUR_MS).toISOString();
  const callsBefore = server.calls.length;
  const environment = new MockActivityEnvironment({ ...inRun(number), heartbeatDetails: before });
  let left: unknown;
  environment.on('heartbeat', (details) => {
    left = details;
  });
  const said = await environment
    .run(createMainActivities(deps).awaitTask, { subAppId, taskId, submittedAt, deadlineAt })
    .then(
      (outcome) => ({ outcome, nextMs: null }),
      (failure: { nextRetryDelay?: number }) => ({ outcome: null, nextMs: Number(failure.nextRetryDelay) }),
    );
  return { ...said, calls: server.calls.length - callsBefore, left };
}

describe('a wait for a task', () => {
  const running = respond({ TaskType: 'ProcessMediaByMPS', Status: 'PROCESSING' });

  it('asks the vendor nothing while the list is good, and comes back after most tasks have ended', async () => {
    const taskId = await acceptedTask();
    await ledger.watch.recordFullScan(subAppId);
    for (const number of [1, 2, 3]) {
      const { nextMs, calls } = await attempt(dependencies(), taskId, number);
      expect(calls).toBe(0);
      expect(nextMs).toBeGreaterThanOrEqual(MINUTES_15);
    }
  });

  it('asks by itself when the list is not good', async () => {
    const taskId = await acceptedTask();
    server.script(running);
    await ledger.watch.recordFullScan(subAppId);
    const { nextMs, calls } = await attempt(dependencies({ freshMs: 0 }), taskId, 2);
    expect(calls).toBe(1);
    expect(nextMs).toBeLessThan(1_000);
  });

  it('that begins long after the submit asks nothing: had the task ended, a list would have shown it', async () => {
    const taskId = await acceptedTask();
    await ledger.watch.recordFullScan(subAppId);
    for (const agoMs of [90_000, HOUR_MS]) {
      expect(await attempt(dependencies(), taskId, 1, agoMs)).toMatchObject({ outcome: null, calls: 0 });
    }
    await ledger.watch.markOver([taskId], { notifiedMs: 0, unownedMs: 0 });
    expect(await attempt(dependencies(), taskId, 1, HOUR_MS)).toMatchObject({ outcome: { kind: 'ended' }, calls: 0 });
  });

  it('asks once where the task may have been on a list before the ledger knew it', async () => {
    server.script(running);
    await ledger.watch.recordFullScan(subAppId);
    const listedStillMs = WATCH_TIMINGS.longLookbackMs - WATCH_TIMINGS.longLookbackEveryMs;
    const [soon, late] = [await acceptedTask('7285000000000000001'), await acceptedTask('7285000000000000002')];
    await answeredAfter(soon, listedStillMs - 1);
    await answeredAfter(late, listedStillMs);
    const backwards = await acceptedTask('7285000000000000003');
    await answeredAfter(backwards, -2_000);
    const adopted = await acceptedTask('7285000000000000004', { adopted: true });
    // It may have been aborted in the console since: no list of finished tasks shows that.
    const ofAnotherRun = await acceptedTask('7285000000000000005', { runId: 'run-0' });
    const foreign = `${subAppId}-ProcessMediaByMPS-of-nobody`;
    const first = async (taskId: string, agoMs: number) => (await attempt(dependencies(), taskId, 1, agoMs)).calls;
    expect(await first(soon, HOUR_MS)).toBe(0);
    for (const taskId of [late, backwards, adopted, ofAnotherRun, foreign]) {
      expect([taskId, await first(taskId, HOUR_MS)]).toEqual([taskId, 1]);
      expect([taskId, await first(taskId, 0)]).toEqual([taskId, 1]);
    }
  });

  it('asks again until it was answered, and then no more', async () => {
    await ledger.watch.recordFullScan(subAppId);
    const taskId = await acceptedTask('7285000000000000001', { adopted: true });
    server.script(respond({ Error: { Code: 'RequestLimitExceeded', Message: 'too many' } }), running);
    const failed = await attempt(dependencies(), taskId, 1, HOUR_MS);
    expect(failed).toMatchObject({ calls: 1, left: undefined });
    expect(failed.nextMs).toBeLessThan(MINUTES_15);
    const answered = await attempt(dependencies(), taskId, 2, HOUR_MS);
    expect(answered).toMatchObject({ calls: 1, left: 'looked' });
    expect(answered.nextMs).toBeGreaterThanOrEqual(MINUTES_15);
    expect(await attempt(dependencies(), taskId, 3, HOUR_MS, answered.left)).toMatchObject({ calls: 0 });
  });

  it('ends at once when the task was seen to be over', async () => {
    const taskId = await acceptedTask();
    await ledger.watch.markOver([taskId], { notifiedMs: 0, unownedMs: 0 });
    expect(await attempt(dependencies(), taskId)).toMatchObject({ outcome: { kind: 'ended' }, nextMs: null, calls: 0 });
    expect(await ledger.watch.overdueWaiters(subAppId, 10)).toEqual([]);
  });

  it('without a watch comes back the later, the more tasks wait: all polls together stay within the limits', async () => {
    const taskId = await acceptedTask();
    const others = Array.from({ length: 49 }, (_, at) => String(7285000000000000000n + BigInt(at)));
    await Promise.all(others.map((fileId) => acceptedTask(fileId)));
    const waiting = await ledger.watch.waitingInAll();
    server.script(running);
    // 50 a second, whatever the polls' own times are: 50 tasks and more, a second and more.
    expect((await attempt(dependencies({}, false), taskId, 1)).nextMs).toBeCloseTo((waiting / 50) * 1_000, 0);
    const later = await attempt(dependencies({}, false), taskId, 2);
    expect(later).toMatchObject({ calls: 1 });
    expect(later.nextMs).toBeCloseTo((waiting / 50) * 1_000, 0);
  });
});

/** One round with one list. */
function roundOf(deps: ActivityDependencies, client: Client = {} as Client): Promise<WatchReport> {
  const withAbortSignal = (_signal: AbortSignal, work: () => unknown) => work();
  const environment = new MockActivityEnvironment(inRun(1), { client: Object.assign(client, { withAbortSignal }) });
  return environment.run(createMainActivities(deps).watchCompletions, { subAppId, before: null });
}

describe('a round of the watch', () => {
  it('keeps its place when the waits cannot be ended, and ends them when they can', async () => {
    const taskId = await acceptedTask();
    await ledger.watch.register({ taskId, workflowId: 'erase/1', runId: 'run-1', subAppId });
    const finishTime = `${new Date().toISOString().slice(0, 19)}Z`;
    const task = { TaskId: taskId, Status: 'FINISH', TaskType: 'ProcessMediaByMPS', FinishTime: finishTime };
    server.script(respond({ TaskSet: [task], ScrollToken: '' }));
    const told: unknown[] = [];
    let away = true;
    // The Temporal server, away for a moment.
    const client = {
      activity: {
        complete: async (id: unknown, outcome: unknown) => {
          if (away) throw new Error('the server is away');
          told.push([id, outcome]);
        },
      },
    } as unknown as Client;
    const round = () => roundOf(dependencies({ roundMs: 0, intervalMs: 1 }), client);
    await ledger.watch.noteList(subAppId, 'proven');

    expect(await round()).toMatchObject({ failures: 1, problem: expect.stringContaining('away'), goodAt: null });
    expect(await ledger.watch.state(subAppId)).toMatchObject({ listedUntil: null, fullScanAgeMs: null });
    away = false;
    expect(await round()).toMatchObject({ failures: 0, problem: null, waiting: 1 });
    expect(told).toEqual([[{ workflowId: 'erase/1', runId: 'run-1', activityId: 'await-task' }, { kind: 'ended' }]]);
    expect(await ledger.watch.state(subAppId)).toMatchObject({ listedUntil: new Date(finishTime) });
  });

  it('is not trusted before a list has shown a task that is known to exist', async () => {
    const taskId = await acceptedTask();
    const round = () => roundOf(dependencies({ roundMs: 0, intervalMs: 1 }));
    server.script(respond({ TaskSet: null, ScrollToken: '' }));
    expect(await round()).toMatchObject({ failures: 0, goodAt: null, problem: expect.stringContaining(taskId) });
    expect(await ledger.watch.fullScanAgeMs(subAppId)).toBeNull();
    const task = { TaskId: taskId, Status: 'PROCESSING', TaskType: 'ProcessMediaByMPS' };
    // First what has ended, then the tasks of the file.
    server.script(respond({ TaskSet: null }), respond({ TaskSet: [task] }), respond({ TaskSet: null }));
    expect(await round()).toMatchObject({ goodAt: expect.any(String), problem: null });
    expect(await round()).toMatchObject({ goodAt: expect.any(String), problem: null });
    expect(server.calls.map((call) => call.body.FileId !== undefined)).toEqual([false, true, false]);
  });

  it('is trusted no more for an hour once a task has ended that no list showed', async () => {
    const taskId = await acceptedTask();
    await ledger.watch.noteList(subAppId, 'proven');
    const ended = { TaskType: 'ProcessMediaByMPS', Status: 'FINISH', FinishTime: '2026-01-01T00:00:00Z' };
    server.script(respond({ TaskSet: null }), respond(ended), respond({ TaskSet: null }));
    const deps = dependencies({ roundMs: 0, intervalMs: 1, sweepFirstMs: 0, missedAfterMs: 0 });
    expect(await roundOf(deps)).toMatchObject({ problem: expect.stringContaining(taskId) });
    expect(server.calls.map((call) => call.action)).toEqual(['DescribeTasks', 'DescribeTaskDetail']);
    expect(await roundOf(deps)).toMatchObject({ goodAt: null, problem: expect.stringContaining('not trusted') });
  });
});

describe('a task that was in doubt, and is known for a moment only', () => {
  it('was in a list when nobody knew whose it is: no list is distrusted for it', async () => {
    await acceptedTask();
    await ledger.watch.noteList(subAppId, 'proven');
    const ended = { TaskType: 'ProcessMediaByMPS', Status: 'FINISH', FinishTime: '2026-01-01T00:00:00Z' };
    server.script(respond({ TaskSet: null }), respond(ended));
    const deps = dependencies({ roundMs: 0, intervalMs: 1, sweepFirstMs: 0, missedAfterMs: HOUR_MS });
    expect(await roundOf(deps)).toMatchObject({ problem: null });
    expect(server.calls.map((call) => call.action)).toEqual(['DescribeTasks', 'DescribeTaskDetail']);
  });
});

describe('the list of what has ended', () => {
  const state = {
    listedUntil: null,
    fullScanAgeMs: null,
    verified: true,
    gapAgeMs: null,
    waiting: 1,
    oldestMs: HOUR_MS,
  };
  const task = (finishTime: string | null): TaskSummary => ({
    taskId: 't',
    isMps: true,
    status: 'FINISH',
    fileId: null,
    createTime: null,
    finishTime,
  });

  it('begins, the first time, before the oldest task that waits, by as much as clocks may differ', () => {
    expect(listFrom(state, 10_000, NOW_MS)).toEqual(new Date('2031-05-01T10:55:00Z'));
  });

  it('goes on where it ended, with an overlap', () => {
    const reached = { ...state, listedUntil: new Date('2031-05-01T11:30:00Z') };
    expect(listFrom(reached, 10_000, NOW_MS)).toEqual(new Date('2031-05-01T11:29:50Z'));
  });

  it('leaves out what ended before anything that waits was submitted, and what the vendor has forgotten', () => {
    const longAgo = { ...state, listedUntil: new Date('2031-04-01T00:00:00Z') };
    expect(listFrom(longAgo, 10_000, NOW_MS)).toEqual(new Date('2031-05-01T10:55:00Z'));
    expect(listFrom({ ...longAgo, oldestMs: 100 * HOUR_MS }, 10_000, NOW_MS)).toEqual(new Date('2031-04-28T12:00:00Z'));
    expect(listFrom({ ...longAgo, waiting: 0, oldestMs: null }, 10_000, NOW_MS)).toEqual(
      new Date('2031-05-01T11:55:00Z'),
    );
  });

  it('is not led past its end by a time in the future', () => {
    const page = [task('2031-05-01T12:03:00Z'), task('2038-01-19T03:14:07Z'), task(null), task('nonsense')];
    expect(listedUntil(page, NOW_MS)).toEqual(new Date('2031-05-01T12:03:00Z'));
    expect(listedUntil([task('2038-01-19T03:14:07Z')], NOW_MS)).toBeNull();
  });

  it('that never ends is an error, not a round without an end', async () => {
    server.script(respond({ TaskSet: null, ScrollToken: 'always-the-same' }));
    const read = async () => {
      for await (const page of listFinished(vod, { subAppId, from: new Date(0) }, new AbortController().signal)) {
        expect(page).toEqual([]);
      }
    };
    await expect(read()).rejects.toMatchObject({ class: 'badAnswer', code: 'endless-list' });
  });
});

describe('looks at a task that no list shows', () => {
  it('become rare, come once more before a run would give up, and once when the vendor has forgotten it', () => {
    const agesH: number[] = [];
    for (let ageMs = WATCH_TIMINGS.sweepFirstMs; ageMs < 80 * HOUR_MS; ageMs += nextSweepMs(ageMs, WATCH_TIMINGS)) {
      agesH.push(ageMs / HOUR_MS);
    }
    expect(agesH.slice(0, 5)).toEqual([0.5, 1, 2, 4, 8]);
    expect(agesH).toContain(67.5);
    expect(agesH.filter((h) => h > 67.5 && h < 72)).toEqual([]);
    expect(agesH.find((h) => h > 67.5)).toBeLessThan(72.5);
    expect(agesH.length).toBeLessThan(20);
  });
});
