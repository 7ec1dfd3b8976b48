import { readFileSync } from 'node:fs';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { batchWorkflowId } from '../../src/contract/batch.js';
import { namesWith } from '../../src/contract/names.js';
import { startFeederOn } from '../../src/temporal/feeder-start.js';
import {
  countsOf,
  ended,
  feederHistory,
  newRequests,
  startBatch,
  startFed,
  submitsOf,
  until,
  writeBatch,
} from '../support/batch.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { sharedTemporal } from '../support/temporal.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({
    simulator: { taskDurationMs: 300, submitsPerSecond: 0 },
    env: { VOD_SUBMIT_RPS: '50', VOD_WATCH_INTERVAL_SECONDS: '0.3' },
  });
  await stack.startWorker({}, { feederTimings: { minRoundMs: 1_000 } });
});
beforeEach(() => stack.clear());
afterAll(() => stack.stop());

const by = { by: 'tester', reason: 'to see' };
/** What a control promises. */
const CONTROL_ACTS_WITHIN_MS = 5_000;
const review = { timeoutHours: 24 };
const change = (id: string, action: 'pause' | 'resume' | 'drain' | 'cancel' | 'go') =>
  stack.ledger.batches.change(id, { action, ...by });

/** Items that stay in review after their task: runs that go on for as long as a test wants. */
async function inReview(count: number): Promise<string> {
  const requests = (await newRequests(stack, count)).map((request) => ({
    ...request,
    review: { timeoutHours: review.timeoutHours, onTimeout: 'hold' as const },
  }));
  return await startFed(stack, requests);
}

/** The id of a batch of so many new files, when all is done. */
async function endedBatch(count: number): Promise<string> {
  const id = await startBatch(stack, count);
  await ended(stack, id);
  return id;
}

describe('a batch', () => {
  it('runs to its exact end: each item once', async () => {
    const id = await startBatch(stack, 200);
    const end = await ended(stack, id, 120_000);
    expect(end).toMatchObject({ endedAs: 'completed', counts: { succeeded: 200, total: 200 } });
    const submits = await submitsOf(stack, id);
    expect(submits).toHaveLength(200);
    expect(new Set(submits.map(({ fileId }) => fileId)).size).toBe(200);
    for (const item of await stack.ledger.batches.items(id, { limit: 1_000 })) {
      expect(item).toMatchObject({ state: 'succeeded', attempts: 1, errorClass: null });
      expect(item.taskId).toMatch(/ProcessMediaByMPS/);
      expect(item.resultFileId).toMatch(/^\d+$/);
      expect(item.costUsd).toBeGreaterThan(0);
    }
  }, 150_000);

  it('reuses what was paid for, and says why an item failed', async () => {
    const requests = await newRequests(stack, 6);
    const [paid, failing] = requests;
    await stack.client.execute({
      ...paid,
      recipe: { name: 'subtitles' },
      fileId: paid?.fileId ?? '',
      subAppId: 1500000001,
    });
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'task-failure',
      code: 'SourceFileError.NotExist',
      fileId: failing?.fileId,
    });
    const id = await startFed(stack, requests);
    const end = await ended(stack, id);
    expect([end.endedAs, countsOf(end)]).toEqual(['completed', { reused: 1, failed: 1, succeeded: 4 }]);
    const [reused, failed] = await stack.ledger.batches.items(id, { limit: 2 });
    expect(reused).toMatchObject({ state: 'reused', costUsd: 0, attempts: 0 });
    expect(reused?.resultFileId).toMatch(/^\d+$/);
    expect(failed).toMatchObject({ state: 'failed', errorClass: 'taskFailed', errorCode: 'SourceFileError.NotExist' });
    expect(failed?.taskId).toMatch(/ProcessMediaByMPS/);
  });

  it('goes on without a file that was deleted since it was planned, and says which', async () => {
    const requests = await newRequests(stack, 12);
    const id = await writeBatch(stack, requests);
    await stack.admin.removeMedia(requests[4]?.fileId ?? '');
    await startFeederOn(stack.temporal, id, namesWith(''));
    const end = await ended(stack, id);
    expect([end.endedAs, countsOf(end)]).toEqual(['completed', { failed: 1, succeeded: 11 }]);
    const failed = (await stack.ledger.batches.items(id, { limit: 12 })).filter(({ state }) => state === 'failed');
    expect(failed).toEqual([
      expect.objectContaining({
        number: 5,
        errorClass: 'input',
        errorCode: 'InvalidParameterValue.FileId',
        costUsd: 0,
      }),
    ]);
    expect(failed[0]?.errorMessage).toContain('there is no such file');
    expect(await submitsOf(stack, id)).toHaveLength(11);
  });

  it('knows of a run that was terminated by hand, and continues as new meanwhile', async () => {
    const requests = (await newRequests(stack, 2)).map((request) => ({
      ...request,
      review: { timeoutHours: 24, onTimeout: 'hold' as const },
    }));
    const id = await writeBatch(stack, requests);
    const feeder = await stack.temporal.workflow.start('batch', {
      taskQueue: 'smart-erase',
      workflowId: batchWorkflowId(id),
      args: [{ batchId: id, roundsARun: 1 }],
    });
    await until(stack, id, 'both run', ({ counts }) => counts.running === 2);
    const first = feeder.firstExecutionRunId;
    await eventually('a further run of the feeder', async () => {
      const { runId } = await stack.temporal.workflow.getHandle(batchWorkflowId(id)).describe();
      return runId !== first || undefined;
    });
    const items = await stack.ledger.batches.items(id, { limit: 2 });
    for (const { workflowId } of items) await stack.temporal.workflow.getHandle(workflowId).terminate('by hand');
    const end = await ended(stack, id);
    expect(countsOf(end)).toEqual({ failed: 2 });
    const [item] = await stack.ledger.batches.items(id, { limit: 1 });
    expect(item).toMatchObject({ errorClass: 'aborted', errorCode: 'Terminated' });
    const history = await stack.temporal.workflow.getHandle(batchWorkflowId(id), first).fetchHistory();
    expect(history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes).toBeTruthy();
    await Worker.runReplayHistory(
      { workflowBundle: { codePath: sharedTemporal().workflowBundle } },
      history,
      batchWorkflowId(id),
    );
    expect(readFileSync(sharedTemporal().workflowBundle, 'utf8')).not.toBe('');
  });
});

describe('a batch stops by itself', () => {
  it('when more failed than is tolerated', async () => {
    const requests = await newRequests(stack, 30);
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'task-failure',
      code: 'SourceFileError.NotExist',
      times: 30,
    });
    const id = await startFed(stack, requests, { settings: { tolerate: { count: 2 }, concurrency: 4 } });
    const end = await ended(stack, id);
    const { failed, skipped } = end.counts;
    expect([end.endedAs, failed + skipped]).toEqual(['failed', 30]);
    expect(failed).toBeGreaterThan(2);
    expect(failed).toBeLessThanOrEqual(2 + 4);
    const [last] = (await stack.ledger.batches.items(id, { limit: 30 })).slice(-1);
    expect(last).toMatchObject({ state: 'skipped', errorCode: 'NotStarted' });
    expect(await submitsOf(stack, id)).toHaveLength(failed);
  });

  it('after its sample, until somebody lets the others go', async () => {
    const id = await startBatch(stack, 8, { settings: { sampleSize: 3 } });
    const waits = await until(
      stack,
      id,
      'the sample',
      // What it waits for is worked out by the tick after the one that counted the last of them.
      ({ waitingFor, waitingDetail }) => waitingFor === 'sample' && waitingDetail?.includes(`batch go ${id}`) === true,
    );
    expect(countsOf(waits)).toEqual({ succeeded: 3, pending: 5 });
    await change(id, 'go');
    expect(countsOf(await ended(stack, id))).toEqual({ succeeded: 8 });
  });

  it('at its budget, until it is raised', async () => {
    // Each is estimated at one dollar, and costs some cents: five are done when a sixth could pass the budget.
    const id = await startBatch(stack, 8, { settings: { maxCostUsd: 1.2 }, estimatedUsd: 1 });
    const waits = await until(
      stack,
      id,
      'the budget',
      // Between an end and the dispatcher's next update it may seem to wait with nothing running, too.
      ({ waitingFor, counts }) => waitingFor === 'budget' && counts.running === 0 && counts.succeeded > 1,
    );
    expect(waits.counts.pending).toBeGreaterThan(0);
    expect(waits.spentUsd).toBeLessThanOrEqual(1.2);
    await stack.ledger.batches.change(id, { action: 'set', ...by, settings: { maxCostUsd: 100 } });
    expect(countsOf(await ended(stack, id))).toEqual({ succeeded: 8 });
  });

  it('at its budget when a failed task would be paid for once more', async () => {
    const requests = await newRequests(stack, 2);
    const [one] = await stack.ledger.batches.items(await endedBatch(1), { limit: 1 });
    const priceUsd = one?.costUsd ?? 0;
    expect(priceUsd).toBeGreaterThan(0);
    const fail = (fileId: string | undefined) =>
      stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'task-failure', code: 'InternalError', fileId });
    await fail(requests[0]?.fileId);
    const poor = await startFed(stack, requests.slice(0, 1), {
      settings: { maxCostUsd: priceUsd * 1.5 },
      estimatedUsd: priceUsd,
    });
    expect(countsOf(await ended(stack, poor))).toEqual({ failed: 1 });
    const [item] = await stack.ledger.batches.items(poor, { limit: 1 });
    expect(item).toMatchObject({ errorClass: 'taskFailed', errorCode: 'InternalError', costUsd: priceUsd });
    expect(item?.errorMessage).toContain('would go past the budget of its batch');
    expect(await submitsOf(stack, poor)).toHaveLength(1);

    await fail(requests[1]?.fileId);
    const rich = await startFed(stack, requests.slice(1), {
      settings: { maxCostUsd: priceUsd * 2 },
      estimatedUsd: priceUsd,
    });
    expect(countsOf(await ended(stack, rich))).toEqual({ succeeded: 1 });
    expect(await submitsOf(stack, rich)).toHaveLength(2);
  });

  it('at its deadline', async () => {
    const id = await startBatch(stack, 5, { settings: { deadlineAt: new Date(Date.now() - 1_000).toISOString() } });
    const end = await ended(stack, id);
    expect([end.endedAs, countsOf(end), await submitsOf(stack, id)]).toEqual(['deadline', { skipped: 5 }, []]);
  });
});

describe('an operator', () => {
  it('pauses, resumes and drains a batch, by the ledger and by updates', async () => {
    const id = await startBatch(stack, 60, { settings: { concurrency: 3 } });
    await until(stack, id, 'some are done', ({ counts }) => counts.succeeded >= 3);
    await stack.temporal.workflow.getHandle(batchWorkflowId(id)).executeUpdate('pause', { args: [by] });
    await until(stack, id, 'nothing runs', ({ state, counts }) => state === 'paused' && counts.running === 0);
    const submitted = (await submitsOf(stack, id)).length;
    const pausedAt = (await stack.query('select clock_timestamp() as at')).rows[0].at as Date;
    await change(id, 'resume');
    await until(stack, id, 'it starts again', ({ counts }) => counts.running > 0, CONTROL_ACTS_WITHIN_MS);
    await until(stack, id, 'it goes on', ({ counts }) => counts.succeeded > submitted);
    await change(id, 'drain');
    await until(stack, id, 'the rest is given up', ({ counts }) => counts.pending === 0, CONTROL_ACTS_WITHIN_MS);
    const end = await ended(stack, id);
    const { succeeded, skipped } = end.counts;
    expect([end.endedAs, succeeded + skipped]).toEqual(['drained', 60]);
    expect(skipped).toBeGreaterThan(0);
    expect(pausedAt).toBeInstanceOf(Date);
    const { rows } = await stack.query(`select action, by from audit where subject = 'batch/${id}' order by id`);
    expect(rows.map((row) => row.action)).toEqual([
      'batch-created',
      'batch-pause',
      'batch-resume',
      'batch-drain',
      'batch-ended',
    ]);
    expect(rows[1]?.by).toBe('tester');
  });

  it('cancels a batch: what runs is ended, the rest is never started', async () => {
    const id = await inReview(6);
    await until(stack, id, 'all run', ({ counts }) => counts.running === 6);
    await change(id, 'cancel');
    await until(stack, id, 'the first is ended', ({ counts }) => counts.cancelled > 0, CONTROL_ACTS_WITHIN_MS);
    const end = await ended(stack, id);
    expect([end.endedAs, countsOf(end)]).toEqual(['cancelled', { cancelled: 6 }]);
    expect(await change(id, 'resume')).toMatchObject({ kind: 'tooLate' });
  });

  it('cancels its workflow, which cancels the batch', async () => {
    const id = await startFed(stack, await newRequests(stack, 30), { settings: { concurrency: 2 } });
    await until(stack, id, 'some run', ({ counts }) => counts.running > 0);
    await stack.temporal.workflow.getHandle(batchWorkflowId(id)).cancel();
    const end = await ended(stack, id);
    expect(end.endedAs).toBe('cancelled');
    expect(end.counts.skipped).toBeGreaterThan(0);
    await stack.temporal.workflow.getHandle(batchWorkflowId(id)).result();
    expect((await feederHistory(stack, id)).events?.length).toBeLessThan(60);
  });
});
