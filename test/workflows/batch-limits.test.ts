import { afterEach, describe, expect, it } from 'vitest';
import { namesWith } from '../../src/contract/names.js';
import { startFeederOn } from '../../src/temporal/feeder-start.js';
import { countsOf, ended, newRequests, startBatch, startFed, submitsOf, until, writeBatch } from '../support/batch.js';
import { EraseStack, type EraseStackOptions } from '../support/erase-stack.js';

let stack: EraseStack | undefined;
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
});

async function stackWith(options: EraseStackOptions): Promise<EraseStack> {
  stack = await EraseStack.start(options);
  await stack.startWorker();
  return stack;
}

describe('two batches', () => {
  it('share the rate evenly', async () => {
    const both = await stackWith({
      simulator: { taskDurationMs: 200 },
      env: { VOD_SUBMIT_RPS: '8', VOD_WATCH_INTERVAL_SECONDS: '0.5' },
    });
    const first = await writeBatch(both, await newRequests(both, 30));
    const second = await writeBatch(both, await newRequests(both, 30));
    await Promise.all([first, second].map((id) => startFeederOn(both.temporal, id, namesWith(''))));
    await Promise.all([first, second].map((id) => ended(both, id, 100_000)));
    const [a, b] = [await submitsOf(both, first), await submitsOf(both, second)];
    expect([a.length, b.length]).toEqual([30, 30]);
    // While both had something to submit, neither got less than a third.
    const until = Math.min(Math.max(...a.map(({ at }) => at)), Math.max(...b.map(({ at }) => at)));
    const share = a.filter(({ at }) => at <= until).length / (a.concat(b).filter(({ at }) => at <= until).length || 1);
    expect(share).toBeGreaterThan(1 / 3);
    expect(share).toBeLessThan(2 / 3);
  }, 120_000);
});

describe('a batch at a vendor that is slower than the submits', () => {
  it('waits for it, and no task expires', async () => {
    const slow = await stackWith({
      simulator: { taskDurationMs: 500, maxConcurrentTasks: 2 },
      env: {
        VOD_SUBMIT_RPS: '10',
        VOD_WATCH_INTERVAL_SECONDS: '0.5',
        SMART_ERASE_BATCH_OLDEST_TASK_HOURS: String(1.5 / 3_600),
      },
    });
    // More than the first window and what may wait for a submit: some are left when the first tasks are old.
    const id = await startBatch(slow, 120);
    const waits = await until(slow, id, 'it waits', ({ waitingFor }) => waitingFor === 'vendor');
    expect(waits.counts.pending).toBeGreaterThan(0);
    expect(waits.waitingDetail).toContain('slower than the submits');
    expect(countsOf(await ended(slow, id, 120_000))).toEqual({ succeeded: 120 });
  }, 200_000);
});

describe('a batch whose account is refused', () => {
  it('is held, starts nothing more, and goes on once it is resumed', async () => {
    const held = await stackWith({
      simulator: { taskDurationMs: 200 },
      env: { VOD_SUBMIT_RPS: '10', VOD_WATCH_INTERVAL_SECONDS: '0.5' },
    });
    await held.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'UnauthorizedOperation',
      times: 1_000,
    });
    const id = await startFed(held, await newRequests(held, 50));
    const stopped = await until(
      held,
      id,
      'it is held',
      ({ state, counts }) => state === 'held' && counts.running === 0 && counts.held > 0,
    );
    expect(stopped).toMatchObject({ waitingFor: 'breaker', breaker: { state: 'open', code: 'UnauthorizedOperation' } });
    expect(stopped.counts.pending).toBeGreaterThan(0);
    expect(stopped.holds).toEqual({ account: stopped.counts.held });
    expect(await submitsOf(held, id)).toEqual([]);
    await held.admin.clearFaults();
    for (const hold of await held.ledger.holds.list()) {
      await held.client.getHandle(hold.workflowId).retry({ by: 'tester', reason: 'put right' });
    }
    expect(countsOf(await ended(held, id, 100_000))).toEqual({ succeeded: 50 });
  }, 150_000);
});
