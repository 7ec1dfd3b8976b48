import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import { batchWorkflowId } from '../../src/contract/batch.js';
import { namesWith } from '../../src/contract/names.js';
import { startFeederOn } from '../../src/temporal/feeder-start.js';
import { countsOf, ended, newRequests, startFed, until, writeBatch } from '../support/batch.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { vodClient } from '../support/simulator.js';

/** Two installations, each in a Temporal namespace of its own, with one ledger and one account at the vendor. */
let one: EraseStack;
let two: EraseStack;

async function start(simulator: Parameters<typeof EraseStack.start>[0] = {}): Promise<void> {
  one = await EraseStack.start(simulator);
  two = await EraseStack.start({ ...simulator, beside: one });
}
async function stop(): Promise<void> {
  await two?.stop();
  await one?.stop();
}

async function reached(handle: EraseHandle, phase: string): Promise<void> {
  await eventually(`phase ${phase}`, async () => ((await handle.status()).phase === phase ? true : undefined));
}

const exists = async (stack: EraseStack, workflowId: string) =>
  await stack.temporal.workflow
    .getHandle(workflowId)
    .describe()
    .then(() => true)
    .catch(() => undefined);

/** From the end of its task to the end of its run, in milliseconds. */
async function lateMs(handle: EraseHandle, stack: EraseStack): Promise<number> {
  const { finishedAt } = await handle.result();
  const { closeTime } = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
  return (closeTime?.getTime() ?? Number.POSITIVE_INFINITY) - Date.parse(finishedAt ?? '');
}

/** Far less than a poll, or than a watch without a notification. On a slow machine. */
const SOON_MS = 15_000;

describe('a batch and waits of one namespace, while workers of another start', () => {
  beforeAll(async () => {
    // No poll within the time of the test: a wait ends by a watch, or not.
    const env = {
      SMART_ERASE_WATCH: 'on',
      VOD_WATCH_INTERVAL_SECONDS: '0.5',
      VOD_POLL_FIRST_SECONDS: '300',
      VOD_POLL_MAX_SECONDS: '600',
    };
    await start({ simulator: { taskDurationMs: 12_000 }, env });
  });
  afterAll(stop);

  it('go on: no feeder of the other, no wait ended by it, and each watch tells its own', async () => {
    // It has no dispatcher yet. The newer one comes first in every search for batches without one.
    const theirs = await writeBatch(two, await newRequests(two, 1));
    await one.startWorker();
    const ours = await startFed(one, await newRequests(one, 3));
    await until(one, ours, 'its tasks', ({ counts }) => counts.running === 3);
    const waiting = async (count: number) =>
      await eventually(`${count} waits`, async () => {
        const { rows } = await one.query('select count(*)::integer as n from waiter');
        return rows[0].n >= count ? true : undefined;
      });
    await waiting(3);

    await two.startWorker();
    await eventually('a feeder of its own batch', () => exists(two, batchWorkflowId(theirs)));
    expect(await exists(two, batchWorkflowId(ours))).toBeUndefined();
    // One of its own, and one that waits for a task of the first.
    const items = await one.ledger.batches.items(ours, { limit: 10 });
    const joined = await two.client.start(await two.request({ fileId: items[0]?.fileId ?? '', media: undefined }));
    const own = await two.client.start(await two.request());
    expect(await lateMs(joined, two)).toBeLessThan(SOON_MS);
    expect(await lateMs(own, two)).toBeLessThan(SOON_MS);
    expect(await joined.result()).toMatchObject({ reused: true });

    expect(countsOf(await ended(one, ours))).toEqual({ succeeded: 3 });
    for (const { workflowId } of items) {
      expect(await lateMs(one.client.getHandle(workflowId), one)).toBeLessThan(SOON_MS);
    }
    expect(countsOf(await ended(two, theirs))).toEqual({ succeeded: 1 });
    // Nothing was paid for twice: three of the batch, one of the other, and one erase.
    expect(await one.outcomes('ProcessMediaByMPS')).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    const { rows } = await one.query('select distinct namespace from watch order by 1');
    expect(rows.map((row) => row.namespace)).toEqual([one.ledger.namespace, two.ledger.namespace].toSorted());
  });

  it('a feeder of the other, started by hand, refuses by name', async () => {
    const ours = await startFed(one, await newRequests(one, 2));
    // With runs that a dispatcher elsewhere would consider missing.
    await until(one, ours, 'its runs', ({ counts }) => counts.running === 2);
    await one.sql("update batch_item set started_at = started_at - interval '1 hour', checked_at = null");
    await startFeederOn(two.temporal, ours, namesWith(''));
    const failure = await two.temporal.workflow
      .getHandle(batchWorkflowId(ours))
      .result()
      .catch((error: unknown) => error);
    const { cause } = failure as { cause?: { details?: unknown[]; message?: string } };
    expect(cause?.message).toContain(`belongs to the namespace "${one.ledger.namespace}"`);
    expect(cause?.details?.[0]).toMatchObject({ code: 'OtherNamespace' });
    expect(countsOf(await ended(one, ours))).toEqual({ succeeded: 2 });
  });
});

describe('a task that no list shows', () => {
  beforeAll(async () => {
    const env = {
      SMART_ERASE_WATCH: 'on',
      VOD_WATCH_INTERVAL_SECONDS: '0.5',
      VOD_POLL_FIRST_SECONDS: '300',
      VOD_POLL_MAX_SECONDS: '600',
    };
    // It waits at the vendor for ever, so that it can be aborted in the console.
    await start({ simulator: { taskWaitMs: 600_000 }, env });
    await one.startWorker({}, { watchTimings: { ensureEveryMs: 500, sweepEveryMs: 300, sweepFirstMs: 500 } });
    // It reads no task on its own: the first one's read has to suffice.
    await two.startWorker({}, { watchTimings: { ensureEveryMs: 500 } });
  });
  afterAll(stop);

  it('is noticed in one namespace, and told in both', async () => {
    const request = await one.request();
    const payer = await one.client.start(request);
    await reached(payer, 'waiting');
    const joined = await two.client.start(request);
    await reached(joined, 'waiting');
    await eventually('two waits', async () => {
      const { rows } = await one.query('select count(distinct namespace)::integer as n from waiter');
      return rows[0].n === 2 ? true : undefined;
    });
    const { taskId } = await payer.status();
    await vodClient(one.simulator.url).ManageTask({
      TaskId: taskId ?? '',
      OperationType: 'Abort',
      SubAppId: request.subAppId ?? 0,
    });
    const abortedAtMs = Date.now();
    await expect(payer.result()).rejects.toMatchObject({ class: 'aborted' });
    // The one that joined lost nothing: it submits for itself.
    await eventually('its own task', async () => {
      const own = (await joined.status()).taskId;
      return own !== null && own !== taskId ? true : undefined;
    });
    expect(Date.now() - abortedAtMs).toBeLessThan(SOON_MS);
    await joined.cancel('it is not needed');
  });
});

describe('the same erase in both namespaces', () => {
  beforeAll(async () => {
    await start({ simulator: { taskWaitMs: 600_000 } });
    await Promise.all([one.startWorker(), two.startWorker()]);
  });
  afterAll(stop);

  it('is paid for once; a cancel of the run that joined leaves the task, also under the same workflow id', async () => {
    const request = await one.request();
    const [first, second] = await Promise.all([one.client.start(request), two.client.start(request)]);
    expect(first.workflowId).toBe(second.workflowId);
    await Promise.all([reached(first, 'waiting'), reached(second, 'waiting')]);
    expect(await one.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['ok']);
    const { taskId } = await first.status();
    const record = await one.ledger.submissions.findByTask(taskId ?? '');
    const [payer, joined] = record?.namespace === one.ledger.namespace ? [one, two] : [two, one];

    await joined.client.getHandle(first.workflowId).cancel('not ours');
    const error = await joined.client
      .getHandle(first.workflowId)
      .result()
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'AnotherRunsTask', moneySpent: false, taskId });
    expect((error as Error).message).toContain(`in the namespace ${payer.ledger.namespace} and was left alone`);
    expect((await one.admin.tasks()).find((task) => task.taskId === taskId)?.status).toBe('WAITING');
    await reached(payer.client.getHandle(first.workflowId), 'waiting');

    await payer.client.getHandle(first.workflowId).cancel('nor ours');
    await expect(payer.client.getHandle(first.workflowId).result()).rejects.toMatchObject({
      code: 'Aborted',
      moneySpent: false,
    });
  });
});

describe('what is held in one namespace', () => {
  beforeAll(async () => {
    await start();
    await Promise.all([one.startWorker(), two.startWorker()]);
  });
  afterAll(stop);
  beforeEach(() => one.closeBreakers());
  afterEach(() => one.admin.clearFaults());

  const cli = (stack: EraseStack, ...args: string[]) =>
    runCli([...args, '--all', '--reason', 'r', '--by', 'ann', '-o', 'json'], stack.env);
  const held = async (stack: EraseStack) => (await stack.ledger.holds.list()).map((hold) => hold.workflowId);

  it('is neither resumed, skipped nor aborted from the other', async () => {
    const [ours, theirs] = [await one.request(), await two.request({ fileId: '5285000000000000777' })];
    const refusal = { action: 'ProcessMediaByMPS', kind: 'error', code: 'UnauthorizedOperation', times: 5 } as const;
    await one.admin.addFault(refusal);
    const [mine, other] = [await one.client.start(ours), await two.client.start(theirs)];
    await Promise.all([reached(mine, 'held'), reached(other, 'held')]);
    await one.admin.clearFaults();

    // Its only one is the probe, which goes ahead and is not counted.
    expect(JSON.parse((await cli(two, 'resume')).stdout)).toMatchObject({ resumed: 0, gone: 0 });
    expect(await other.result()).toMatchObject({ status: 'succeeded' });
    expect(await held(one)).toEqual([mine.workflowId]);
    for (const command of ['resume', 'skip', 'abort']) {
      const { stdout } = await cli(two, command);
      expect(JSON.parse(stdout)).toMatchObject({ gone: 0, ...(command === 'resume' ? { resumed: 0 } : { done: 0 }) });
    }
    const byId = ['resume', mine.workflowId, '--reason', 'r', '--by', 'ann'];
    expect(await runCli(byId, two.env)).toMatchObject({ code: 2, stderr: expect.stringContaining('is not held') });
    expect(await held(one)).toEqual([mine.workflowId]);
    expect((await mine.status()).phase).toBe('held');

    expect(JSON.parse((await cli(one, 'resume')).stdout)).toMatchObject({ resumed: 1 });
    expect(await mine.result()).toMatchObject({ status: 'succeeded' });
  });

  it('shares the caps: what one spends leaves the other less', async () => {
    const limit = async (stack: EraseStack) =>
      await runCli(['cap', 'set', '--total', '0', '--reason', 'r', '--by', 'ann'], stack.env);
    expect(await limit(one)).toMatchObject({ code: 0 });
    const handle = await two.client.start(await two.request({ fileId: '5285000000000000778' }));
    await reached(handle, 'held');
    expect(await two.ledger.holds.list()).toMatchObject([{ class: 'cap' }]);
    await one.ledger.caps.change({ scope: 'all', period: 'total', limitUsd: null, by: 'ann', reason: 'r' });
    expect(JSON.parse((await cli(two, 'resume')).stdout)).toMatchObject({ resumed: 1 });
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });

  it('keeps its reviews: a worker of the other takes none for gone', async () => {
    const handle = await one.client.start(await one.request({ review: { timeoutHours: 1 } }));
    await reached(handle, 'review');
    // A run that is gone, and checked last: when its row is removed, all others were checked.
    await two.ledger.phases.enter(
      { workflowId: 'erase/gone', runId: '01a20609-2209-7229-9cc0-64a6160657b3' },
      'review',
      null,
    );
    await one.sql(`update run_phase set seen_at = clock_timestamp() - interval '1 day'
      + case when workflow_id = 'erase/gone' then interval '1 hour' else interval '0' end`);
    await two.stopWorkers();
    await two.startWorker();
    await eventually('the run that is gone to be taken out', async () =>
      (await two.ledger.state.read(1)).latePhases.length === 0 ? true : undefined,
    );
    expect((await one.ledger.state.read(1)).latePhases).toEqual([{ phase: 'review', count: 1 }]);
    await handle.approve({ by: 'ann', reason: 'good' });
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });
});

describe('the rate', () => {
  const RATE = 4;
  beforeAll(async () => {
    await start({ env: { VOD_SUBMIT_RPS: String(RATE) } });
    await Promise.all([one.startWorker(), two.startWorker()]);
  });
  afterAll(stop);

  it('is one for both', async () => {
    const requests = await newRequests(one, 16);
    const stackOf = (at: number) => (at % 2 === 0 ? one : two);
    const handles = await Promise.all(requests.map((request, at) => stackOf(at).client.start(request)));
    for (const handle of handles) await handle.result();
    const calls = (await one.admin.calls()).filter(({ action }) => action === 'ProcessMediaByMPS');
    const times = calls.map(({ at }) => at).toSorted((a, b) => a - b);
    expect(times).toHaveLength(16);
    const inASecond = times.map((time) => times.filter((each) => each >= time && each < time + 1_000).length);
    expect(Math.max(...inASecond)).toBeLessThanOrEqual(RATE);
  });
});
