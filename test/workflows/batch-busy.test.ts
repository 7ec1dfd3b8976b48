import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { busyDelayMs } from '../../src/contract/error-classes.js';
import { namesWith } from '../../src/contract/names.js';
import type { NormalizedEraseRequest } from '../../src/contract/request.js';
import { startFeederOn } from '../../src/temporal/feeder-start.js';
import { countsOf, ended, newRequests, startFed, submitsOf, until, writeBatch } from '../support/batch.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const TIMEOUT_MS = 150_000;
/** More than may wait for a submit, and than are started at first. */
const BUSY = 62;
const GOOD = 13;

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({
    simulator: { taskDurationMs: 300, submitsPerSecond: 0 },
    env: { VOD_SUBMIT_RPS: '50', VOD_WATCH_INTERVAL_SECONDS: '0.5' },
  });
  await stack.startWorker({}, { feederTimings: { minRoundMs: 1_000 } });
});
afterEach(() => stack.admin.clearFaults());
afterAll(() => stack.stop());

async function refuse(requests: readonly NormalizedEraseRequest[], code: string): Promise<void> {
  for (const { fileId } of requests) {
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code, fileId, times: 1_000 });
  }
}

describe('files that the vendor calls busy', () => {
  it('take no place from those that are not, and end when they are free', async () => {
    const requests = await newRequests(stack, BUSY + GOOD);
    await refuse(requests.slice(0, BUSY), 'ResourceInUse');
    const id = await startFed(stack, requests, { settings: { maxCostUsd: BUSY + GOOD } });
    const waits = await until(stack, id, 'the good ones', ({ counts }) => counts.succeeded === GOOD, TIMEOUT_MS);
    expect(countsOf(waits)).toMatchObject({ running: BUSY, succeeded: GOOD });
    const told = await until(
      stack,
      id,
      'what it waits for',
      ({ waitingFor }) => waitingFor === 'busyFiles',
      TIMEOUT_MS,
    );
    expect(told.waitingDetail).toMatch(/62 files are busy at the vendor \(ResourceInUse\)/);
    await stack.admin.clearFaults();
    const end = await ended(stack, id, TIMEOUT_MS);
    expect([end.endedAs, countsOf(end)]).toEqual(['completed', { succeeded: BUSY + GOOD }]);
    expect(await submitsOf(stack, id)).toHaveLength(BUSY + GOOD);
  }, 400_000);

  it('are sent again by and by less often, by a count of their own', async () => {
    const requests = await newRequests(stack, 1);
    await refuse(requests, 'ResourceInUse');
    const id = await startFed(stack, requests);
    const sentAt = async () =>
      (await stack.admin.calls()).filter((c) => c.fileId === requests[0]?.fileId && c.action === 'ProcessMediaByMPS');
    await until(stack, id, 'it waits', ({ waitingFor }) => waitingFor === 'busyFiles');
    const calls = await eventually(
      'five calls',
      async () => {
        const sent = await sentAt();
        return sent.length >= 5 ? sent.slice(0, 5) : undefined;
      },
      TIMEOUT_MS,
    );
    const waits = calls.slice(1).map(({ at }, index) => at - (calls[index]?.at ?? 0));
    for (const [index, ms] of waits.entries()) expect(ms).toBeGreaterThanOrEqual(busyDelayMs(index + 1) * 0.9);
    expect(waits).toHaveLength(4);
    await stack.admin.clearFaults();
    expect(countsOf(await ended(stack, id, TIMEOUT_MS))).toEqual({ succeeded: 1 });
  }, 250_000);

  it('that fill the concurrency are told of, and those that come after them wait', async () => {
    const requests = await newRequests(stack, 6);
    await refuse(requests.slice(0, 4), 'ResourceInUse');
    const id = await startFed(stack, requests, { settings: { concurrency: 4 } });
    const full = await until(
      stack,
      id,
      'what it waits for',
      ({ waitingFor }) => waitingFor === 'busyFiles',
      TIMEOUT_MS,
    );
    expect(countsOf(full)).toEqual({ running: 4, pending: 2 });
    await stack.ledger.batches.change(id, {
      action: 'set',
      by: 'tester',
      reason: 'to see',
      settings: { concurrency: 5 },
    });
    await until(stack, id, 'the others are done', ({ counts }) => counts.succeeded === 2, TIMEOUT_MS);
    await stack.admin.clearFaults();
    expect(countsOf(await ended(stack, id, TIMEOUT_MS))).toEqual({ succeeded: 6 });
  }, 300_000);

  it('of a batch before count only once they were refused again', async () => {
    const requests = await newRequests(stack, 3);
    await refuse(requests, 'ResourceInUse');
    const first = await startFed(stack, requests);
    await until(stack, first, 'all are busy', ({ waitingFor }) => waitingFor === 'busyFiles', TIMEOUT_MS);
    await stack.ledger.batches.change(first, { action: 'cancel', by: 'tester', reason: 'to see' });
    expect(countsOf(await ended(stack, first, TIMEOUT_MS))).toEqual({ cancelled: 3 });
    await stack.stopWorkers();
    const second = await writeBatch(stack, requests);
    await stack.ledger.batchFeed.claim(second, { limit: 3, roomUsd: null, blockedSubApps: [], onlyFree: false });
    expect(await stack.ledger.batchFeed.facts(second)).toMatchObject({ unsubmitted: 3, backingOff: 0 });
    await stack.startWorker({}, { feederTimings: { minRoundMs: 1_000 } });
    await startFeederOn(stack.temporal, second, namesWith(''));
    await until(stack, second, 'all are busy', ({ waitingFor }) => waitingFor === 'busyFiles', TIMEOUT_MS);
    expect(await stack.ledger.batchFeed.facts(second)).toMatchObject({ backingOffCode: 'ResourceInUse' });
    await stack.admin.clearFaults();
    expect(countsOf(await ended(stack, second, TIMEOUT_MS))).toEqual({ succeeded: 3 });
  }, 300_000);
});
