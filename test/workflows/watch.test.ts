import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import { type RunningCli, startCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { eraseParams, SUB_APP_ID, submitErase, vodClient } from '../support/simulator.js';

const WATCH_ID = `watch/${SUB_APP_ID}`;
/** No poll within the time of a test: what is noticed here is noticed by the watch. */
const WATCHED = {
  SMART_ERASE_WATCH: 'on',
  VOD_WATCH_INTERVAL_SECONDS: '0.3',
  VOD_POLL_FIRST_SECONDS: '300',
  VOD_POLL_MAX_SECONDS: '600',
};
/** Minutes in production. */
const HOUR_MS = 3_600_000;
const QUICK = { ensureEveryMs: 500, unownedGraceMs: 300, notifiedGraceMs: 2_000 };
const SWEPT = { ...QUICK, sweepEveryMs: 300, sweepFirstMs: 500 };

const calls = async (stack: EraseStack, action: string) => (await stack.outcomes(action)).length;

async function inPhase(handle: EraseHandle, phase: string): Promise<void> {
  await eventually(phase, async () => ((await handle.status()).phase === phase ? true : undefined));
}

/** Its await-task has begun, and waits for what the watch will say. */
async function waiting(stack: EraseStack, count: number): Promise<void> {
  await eventually(`${count} waiters`, async () => {
    const { rows } = await stack.query('select count(*)::integer as n from waiter');
    return rows[0].n >= count ? true : undefined;
  });
}

async function startWorkerProcess(stack: EraseStack): Promise<RunningCli> {
  const started = startCli(['worker', '-o', 'json'], stack.env, { timeoutMs: 110_000 });
  await eventually('the worker to be ready', () => (started.stdout().includes('"ready":true') ? true : undefined));
  return started;
}

async function outcomeOf(stack: EraseStack, taskId: string): Promise<string> {
  return await eventually(`the outcome of ${taskId}`, async () => {
    const record = await stack.ledger.submissions.findByTask(taskId);
    return record?.outcome ?? undefined;
  });
}

async function startMany(stack: EraseStack, count: number): Promise<EraseHandle[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => stack.client.start(await stack.request({ deadlineHours: 24 }))),
  );
}

describe('a watched erase', () => {
  let stack: EraseStack;
  beforeAll(async () => {
    stack = await EraseStack.start({ simulator: { taskDurationMs: 1_500 }, env: WATCHED });
    await stack.startWorker({}, { watchTimings: QUICK });
  });
  afterAll(() => stack.stop());

  it('is noticed without a poll, in few events and actions', async () => {
    const handles = await startMany(stack, 20);
    for (const handle of handles) expect(await handle.result()).toMatchObject({ status: 'succeeded', reused: false });
    expect(await calls(stack, 'ProcessMediaByMPS')).toBe(20);
    // One a task, to read how it ended.
    expect(await calls(stack, 'DescribeTaskDetail')).toBe(20);
    for (const handle of handles) {
      const cost = await costOf(stack, handle.workflowId);
      expect(cost.retriedAttempts).toBe(0);
      expect(cost.events).toBeLessThanOrEqual(26);
      expect(cost.actions).toBeLessThanOrEqual(7);
    }
  });

  it('with a publish costs a little more', async () => {
    const request = await stack.request({ publish: { name: 'new name', inherit: ['tags'], procedure: 'flow' } });
    const handle = await stack.client.start(request);
    await handle.result();
    const cost = await costOf(stack, handle.workflowId);
    expect(cost.retriedAttempts).toBe(0);
    expect(cost.events).toBeLessThanOrEqual(32);
    expect(cost.actions).toBeLessThanOrEqual(8);
  });

  it('shares its task with another run, and both are told', async () => {
    const request = await stack.request();
    const first = await stack.client.start(request);
    await inPhase(first, 'waiting');
    const second = await stack.client.start({ ...request, key: `second-${request.fileId}` });
    const results = await Promise.all([first.result(), second.result()]);
    expect(results[1]).toMatchObject({ reused: true, taskId: results[0].taskId });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['ok']);
  });

  it('shows in the details of the watch', async () => {
    const [handle] = await startMany(stack, 1);
    await handle?.result();
    const details = await eventually('a row of details', async () => {
      const text = await watchDetails(stack);
      return text.includes('| Sub-application | 1500000001 |') || text.includes('first list') ? text : undefined;
    });
    expect(details).toMatch(/Last good list|first list/);
  });
});

/**
 * What Temporal bills as actions (its cloud's price page): a start, each activity with each retried attempt, each timer, each
 * upsert of search attributes, each child, signal and update. Upserts of the memo are none, nor are heartbeats of these
 * activities, which are over before the first one.
 */
async function costOf(stack: EraseStack, workflowId: string) {
  const { events } = await stack.temporal.workflow.getHandle(workflowId).fetchHistory();
  const all = events ?? [];
  const count = (holds: (event: (typeof all)[number]) => unknown) => all.filter(holds).length;
  const retriedAttempts = all.reduce((sum, { activityTaskStartedEventAttributes: started }) => {
    // An activity that is completed from outside while it waits for its next attempt is written with the number of that
    // attempt, which no worker ever took.
    const attempts = (started?.attempt ?? 1) - (started && !started.requestId ? 1 : 0);
    return sum + attempts - 1;
  }, 0);
  const actions =
    1 +
    retriedAttempts +
    count((e) => e.activityTaskScheduledEventAttributes) +
    count((e) => e.timerStartedEventAttributes) +
    count((e) => e.upsertWorkflowSearchAttributesEventAttributes) +
    count((e) => e.startChildWorkflowExecutionInitiatedEventAttributes) +
    count((e) => e.workflowExecutionUpdateAcceptedEventAttributes) +
    count((e) => e.workflowExecutionSignaledEventAttributes);
  return { events: all.length, actions, retriedAttempts };
}

async function watchDetails(stack: EraseStack): Promise<string> {
  const metadata = await stack.temporal.workflow
    .getHandle(WATCH_ID)
    .query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails ?? '';
}

describe('a watch', () => {
  let stack: EraseStack;
  beforeAll(async () => {
    // The vendor's clock is four minutes ahead of ours; nothing here ends by itself.
    stack = await EraseStack.start({
      simulator: {
        taskDurationMs: 3_600_000,
        clockSkewMs: 240_000,
        submitsPerSecond: 0,
        acceptUnknownFiles: true,
      },
      env: { ...WATCHED, VOD_SUBMIT_RPS: '200', SMART_ERASE_SUBMIT_CONCURRENCY: '30' },
    });
  });
  afterAll(() => stack.stop());

  it('that was down for an hour tells everybody of what ended meanwhile, page by page, among tasks of others', async () => {
    await stack.startWorker({}, { watchTimings: QUICK });
    const handles = await startMany(stack, 30);
    await waiting(stack, 30);
    await stack.temporal.workflow.getHandle(WATCH_ID).terminate('for an hour');
    await stack.stopWorkers();
    // A colleague's: more than two pages of them, many in the same second.
    const colleague = vodClient(stack.simulator.url);
    for (let at = 0; at < 220; at += 20) {
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          submitErase(colleague, String(7285000000000000000n + BigInt(at + i)), eraseParams()),
        ),
      );
    }
    await stack.admin.age(3_600_000);
    await stack.sql(
      `update watch set listed_until = listed_until - interval '1 hour', good_at = good_at - interval '1 hour'`,
    );
    const listedBefore = await calls(stack, 'DescribeTasks');

    await stack.startWorker({}, { watchTimings: QUICK });
    for (const handle of handles) expect(await handle.result()).toMatchObject({ status: 'succeeded' });
    expect((await calls(stack, 'DescribeTasks')) - listedBefore).toBeGreaterThanOrEqual(3);
    expect(await calls(stack, 'DescribeTaskDetail')).toBe(30);
    await eventually('no waiter', async () => {
      const { rowCount } = await stack.query('select from waiter');
      return rowCount === 0 ? true : undefined;
    });
  });

  it('whose worker is killed while it lists goes on in another one', { timeout: 120_000 }, async () => {
    await stack.stopWorkers();
    let worker = await startWorkerProcess(stack);
    try {
      const handles = await startMany(stack, 3);
      await waiting(stack, 3);
      await stack.admin.addFault({ action: 'DescribeTasks', kind: 'delay', ms: 5_000, execute: false, times: 1 });
      const listed = await calls(stack, 'DescribeTasks');
      await eventually('a list under way', async () => ((await stack.admin.faults()).length === 0 ? true : undefined));
      await stack.admin.age(3_600_000);
      const gone = once(worker.process, 'exit');
      worker.process.kill('SIGKILL');
      await gone;
      worker = await startWorkerProcess(stack);
      for (const handle of handles) expect(await handle.result()).toMatchObject({ status: 'succeeded', reused: false });
      expect(await calls(stack, 'DescribeTasks')).toBeGreaterThan(listed);
    } finally {
      worker.process.kill('SIGKILL');
      await worker.ended;
    }
  });

  it('that was terminated is started again, by the workers that run', async () => {
    await stack.startWorker({}, { watchTimings: QUICK });
    const [handle] = await startMany(stack, 1);
    await waiting(stack, 1);
    const before = await stack.temporal.workflow.getHandle(WATCH_ID).describe();
    await stack.temporal.workflow.getHandle(WATCH_ID).terminate('by somebody');
    await eventually('another run of the watch', async () => {
      // Instead of a minute in which nothing was listed.
      await stack.sql(`update watch set good_at = good_at - interval '2 minutes'`);
      const { runId } = await stack.temporal.workflow.getHandle(WATCH_ID).describe();
      return runId === before.runId ? undefined : true;
    });
    await stack.admin.age(3_600_000);
    expect(await handle?.result()).toMatchObject({ status: 'succeeded' });
  });
});

describe('what no list shows, or nobody waits for,', () => {
  let stack: EraseStack;
  beforeAll(async () => {
    stack = await EraseStack.start({ simulator: { taskDurationMs: HOUR_MS, maxConcurrentTasks: 1 }, env: WATCHED });
    await stack.startWorker({}, { watchTimings: SWEPT });
  });
  afterAll(() => stack.stop());

  it('as a task that was aborted in the console, ends its erase all the same', async () => {
    const handles = [await stack.client.start(await stack.request())];
    await inPhase(handles[0] as EraseHandle, 'waiting');
    const second = await stack.client.start(await stack.request());
    await inPhase(second, 'waiting');
    const { taskId } = await second.status();
    await vodClient(stack.simulator.url).ManageTask({
      TaskId: taskId ?? '',
      OperationType: 'Abort',
      SubAppId: SUB_APP_ID,
    });
    await expect(second.result()).rejects.toMatchObject({ class: 'aborted', taskId });
    await stack.admin.age(HOUR_MS);
    await handles[0]?.result();
  });

  it('as the task of a run that was terminated, is booked, and not paid again', async () => {
    const request = await stack.request();
    const handle = await stack.client.start(request);
    await inPhase(handle, 'waiting');
    const { taskId } = await handle.status();
    await waiting(stack, 1);
    await stack.temporal.workflow.getHandle(handle.workflowId).terminate('by somebody');
    await stack.admin.age(HOUR_MS);
    expect(await outcomeOf(stack, taskId ?? '')).toBe('succeeded');
    expect(await stack.client.execute(request)).toMatchObject({ reused: true, taskId });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['ok']);
  });

  it('as a task that outlived its deadline, is booked, and not paid again', async () => {
    const request = await stack.request({ deadlineHours: 1_000 / 3_600_000 });
    const handle = await stack.client.start(request);
    await expect(handle.result()).rejects.toMatchObject({ class: 'expired', code: 'DeadlinePassed' });
    const { taskId } = await handle.status();
    await stack.admin.age(HOUR_MS);
    expect(await outcomeOf(stack, taskId ?? '')).toBe('succeeded');
    expect(await stack.client.execute(request)).toMatchObject({ reused: true, taskId });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['ok']);
  });
});

describe('without a good list', () => {
  let stack: EraseStack;
  beforeAll(async () => {
    stack = await EraseStack.start({
      simulator: { taskDurationMs: 500 },
      env: { SMART_ERASE_WATCH: 'on', VOD_WATCH_INTERVAL_SECONDS: '0.3' },
    });
  });
  afterAll(() => stack.stop());

  it('because the account may not list, erases look for themselves', async () => {
    await stack.admin.addFault({ action: 'DescribeTasks', kind: 'error', code: 'UnauthorizedOperation', times: 500 });
    await stack.startWorker({}, { watchTimings: { ...QUICK, startupMs: 600 } });
    for (const handle of await startMany(stack, 5))
      expect(await handle.result()).toMatchObject({ status: 'succeeded' });
    const { raw } = await stack.temporal.workflow.getHandle(WATCH_ID).describe();
    expect(JSON.stringify(raw.pendingActivities?.map((a) => decoded(a.heartbeatDetails)))).toContain(
      'UnauthorizedOperation',
    );
    // It waits for minutes instead of asking again every interval.
    expect(await calls(stack, 'DescribeTasks')).toBeLessThanOrEqual(3);
  });

  it('the watch ends when nothing waits any more, and the next submit starts it again', async () => {
    await stack.stopWorkers();
    await stack.temporal.workflow.getHandle(WATCH_ID).terminate('for the next test');
    await stack.admin.clearFaults();
    await stack.startWorker({}, { watchTimings: { ...QUICK, idleEndMs: 1_000 } });
    for (let time = 0; time < 2; time++) {
      const [handle] = await startMany(stack, 1);
      await handle?.result();
      await eventually('the end of the watch', async () => {
        const { status } = await stack.temporal.workflow.getHandle(WATCH_ID).describe();
        return status.name === 'COMPLETED' ? true : undefined;
      });
    }
    expect(await watchDetails(stack)).toContain('Ended, since nothing waits');
  });
});

function decoded(payloads: { payloads?: { data?: Uint8Array | null }[] | null } | null | undefined): string {
  return (payloads?.payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString()).join('');
}
