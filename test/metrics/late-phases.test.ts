import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LedgerGauges } from '../../src/metrics/ledger-gauges.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const REVIEW = { timeoutHours: 1 };
const by = { by: 'test', reason: 'a test' };

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());

/** The gauge, as a worker tells it that has not told it before. */
async function erases(phase: string): Promise<number> {
  const registry = new Registry();
  await new LedgerGauges(registry, stack.ledger.state, 72 * 3_600).refresh();
  const found = (await registry.metrics()).match(new RegExp(`^smart_erase_erases\\{phase="${phase}"\\} (\\d+)$`, 'm'));
  return Number(found?.[1]);
}

const becomes = (phase: string, count: number) =>
  eventually(`${count} in ${phase}`, async () => ((await erases(phase)) === count ? true : undefined));

async function inReview() {
  const handle = await stack.client.start(await stack.request({ review: REVIEW, publish: { name: 'clean' } }));
  await eventually('a review', async () => ((await handle.status()).phase === 'review' ? true : undefined));
  return handle;
}

it('an erase is counted in review, then in publishing, then no more', async () => {
  expect([await erases('review'), await erases('publishing')]).toEqual([0, 0]);
  const handle = await inReview();
  expect(await erases('review')).toBe(1);
  const [fault] = [{ action: 'ModifyMediaInfo', kind: 'error', code: 'RequestLimitExceeded' } as const];
  await stack.admin.addFault({ ...fault, times: 1_000 });
  await handle.approve(by);
  await becomes('publishing', 1);
  expect(await erases('review')).toBe(0);
  await stack.admin.clearFaults();
  await handle.result();
  expect(await erases('publishing')).toBe(0);
});

it('one that is held in publishing is counted as held', async () => {
  await stack.admin.addFault({ action: 'ModifyMediaInfo', kind: 'error', code: 'UnauthorizedOperation', times: 1 });
  const handle = await stack.client.start(await stack.request({ publish: { name: 'clean' } }));
  await eventually('a hold', async () => ((await handle.status()).phase === 'held' ? true : undefined));
  expect([await erases('held'), await erases('publishing')]).toEqual([1, 0]);
  await handle.retry(by);
  await handle.result();
  expect([await erases('held'), await erases('publishing')]).toEqual([0, 0]);
});

it('one that is rejected, or cancelled, in review is counted no more', async () => {
  const [rejected, cancelled] = [await inReview(), await inReview()];
  expect(await erases('review')).toBe(2);
  await rejected.reject(by);
  await expect(rejected.result()).rejects.toMatchObject({ class: 'rejected' });
  expect(await erases('review')).toBe(1);
  await cancelled.cancel('a test');
  await expect(cancelled.result()).rejects.toMatchObject({ class: 'cancelled' });
  expect(await erases('review')).toBe(0);
});

it('one that was terminated is found out by a worker; one that is open stays', async () => {
  const [gone, open] = [await inReview(), await inReview()];
  await stack.temporal.workflow.getHandle(gone.workflowId).terminate('a test');
  expect(await erases('review')).toBe(2);
  await stack.sql("update run_phase set seen_at = clock_timestamp() - interval '301 s'");
  // A worker looks when it starts, and then every minute.
  await stack.startWorker();
  await becomes('review', 1);
  await open.approve(by);
  await open.result();
  expect(await erases('review')).toBe(0);
});
