import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseFailedError } from '../../src/client.js';
import type { BatchSnapshot } from '../../src/contract/batch.js';
import { batchScope } from '../../src/ledger/money/cap.js';
import {
  countsOf,
  ended,
  newRequests,
  normalized,
  snapshotOf,
  startFed,
  submitsOf,
  until,
  writeBatch,
} from '../support/batch.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

/** What a file of the simulator's library of these tests costs, in USD by the list. */
let priceUsd: number;
let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({ simulator: { taskDurationMs: 200 }, env: { VOD_WATCH_INTERVAL_SECONDS: '0.5' } });
  await stack.startWorker();
  const id = await startFed(stack, await newRequests(stack, 1));
  await ended(stack, id);
  const [item] = await stack.ledger.batches.items(id, { limit: 1 });
  priceUsd = item?.costUsd ?? 0;
  expect(priceUsd).toBeGreaterThan(0);
});
afterAll(() => stack.stop());
beforeEach(() => stack.admin.clearFaults());

const by = { by: 'ann', reason: 'a test' };

const fails = (fileId: string | undefined, times = 1) =>
  stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'task-failure', code: 'InternalError', fileId, times });

/** The counter, the snapshot, the submissions and the report of a batch must be of one mind. */
async function expectBalanced(id: string, budgetUsd: number): Promise<BatchSnapshot> {
  const snapshot = await snapshotOf(stack, id);
  const { rows } = await stack.query(
    `select (select spent_usd from cap where scope = '${batchScope(id)}')::float8 as counted,
      coalesce((select sum(cost_usd) from submission where batch_id = '${id}' and cost_day is not null), 0)::float8 as submitted,
      (select limit_usd from cap where scope = '${batchScope(id)}')::float8 as budget`,
  );
  const { counted, submitted, budget } = rows[0] as { counted: number; submitted: number; budget: number };
  expect(counted).toBeCloseTo(submitted, 6);
  expect(snapshot.spentUsd).toBeCloseTo(submitted, 6);
  expect(budget).toBeCloseTo(budgetUsd, 6);
  expect(submitted).toBeLessThanOrEqual(budgetUsd + 1e-9);
  expect((await submitsOf(stack, id)).length * priceUsd).toBeCloseTo(submitted, 6);
  return snapshot;
}

async function inReview(workflowId: string | null | undefined) {
  const handle = stack.client.getHandle(workflowId ?? '');
  await eventually(`a review of ${workflowId}`, async () => (await handle.status()).phase === 'review' || undefined);
  return handle;
}

const approved = async (workflowId: string | null | undefined) => (await inReview(workflowId)).approve(by);

const stopsAtBudget = (id: string) =>
  until(
    stack,
    id,
    'it waits at its budget',
    ({ waitingFor, counts }) => waitingFor === 'budget' && counts.running === 0,
  );

describe('the budget of a batch', () => {
  it('holds when a failed task is paid for once more, and the rest goes on when it is raised', async () => {
    const requests = await newRequests(stack, 8);
    await fails(requests[0]?.fileId);
    const budgetUsd = priceUsd * 5;
    const id = await startFed(stack, requests, {
      settings: { maxCostUsd: budgetUsd, concurrency: 2 },
      estimatedUsd: priceUsd,
    });
    const waits = await stopsAtBudget(id);
    expect(waits.counts.pending).toBe(4);
    await expectBalanced(id, budgetUsd);
    await stack.ledger.batches.change(id, { action: 'set', ...by, settings: { maxCostUsd: priceUsd * 9 } });
    expect(countsOf(await ended(stack, id))).toEqual({ succeeded: 8 });
    await expectBalanced(id, priceUsd * 9);
  });

  it('holds when the concurrency is raised while a second payment is made', async () => {
    const requests = await newRequests(stack, 3);
    await fails(requests[0]?.fileId);
    const budgetUsd = priceUsd * 2;
    const id = await startFed(stack, requests, {
      settings: { maxCostUsd: budgetUsd, concurrency: 1 },
      estimatedUsd: priceUsd,
    });
    await eventually('the second payment', async () => (await submitsOf(stack, id)).length > 1 || undefined);
    await stack.ledger.batches.change(id, { action: 'set', ...by, settings: { concurrency: 3 } });
    await stopsAtBudget(id);
    await expectBalanced(id, budgetUsd);
  });

  it('holds by the price that is booked, not by that of the plan', async () => {
    const budgetUsd = priceUsd * 4.5;
    const id = await startFed(stack, await newRequests(stack, 12), {
      settings: { maxCostUsd: budgetUsd },
      estimatedUsd: priceUsd / 3,
    });
    const waits = await stopsAtBudget(id);
    expect(waits.counts.succeeded).toBe(4);
    expect(waits.waitingDetail).toContain(`the next item needs ${priceUsd.toFixed(2)}`);
    await expectBalanced(id, budgetUsd);
    await stack.ledger.batches.change(id, { action: 'set', ...by, settings: { maxCostUsd: priceUsd * 12 } });
    expect(countsOf(await ended(stack, id, 60_000))).toEqual({ succeeded: 12 });
    await expectBalanced(id, priceUsd * 12);
  });

  it('holds for items without a price, and when it is lowered under way', async () => {
    const id = await startFed(stack, await newRequests(stack, 6), {
      settings: { maxCostUsd: priceUsd * 10, concurrency: 1 },
      estimatedUsd: 0,
    });
    await eventually('a payment', async () => (await submitsOf(stack, id)).length > 0 || undefined);
    await stack.ledger.batches.change(id, { action: 'set', ...by, settings: { maxCostUsd: priceUsd * 3 } });
    await stopsAtBudget(id);
    const { counts } = await expectBalanced(id, priceUsd * 3);
    expect(counts.pending + counts.succeeded).toBe(6);
  });
});

describe('an erase that carries a batch’s id', () => {
  it('is an item of it when a service starts it, in count, cost and budget', async () => {
    const [own, other, third] = await newRequests(stack, 3);
    const id = await writeBatch(stack, own === undefined ? [] : [own], {
      settings: { maxCostUsd: priceUsd * 2 },
      estimatedUsd: priceUsd,
    });
    const handle = await stack.client.start({
      ...normalized(other as never),
      batchId: id,
      key: `svc-${other?.fileId}`,
    });
    await handle.result();
    expect((await snapshotOf(stack, id)).counts).toMatchObject({ total: 2 });
    const { startFeederOn } = await import('../../src/temporal/feeder-start.js');
    const { namesWith } = await import('../../src/contract/names.js');
    await startFeederOn(stack.temporal, id, namesWith(''));
    expect(countsOf(await ended(stack, id))).toEqual({ succeeded: 2 });
    await expectBalanced(id, priceUsd * 2);
    // The batch has ended: nothing more is paid for in its name.
    const late = await stack.client.start({ ...normalized(third as never), batchId: id, key: `late-${third?.fileId}` });
    const failure = (await late.result().catch((error: unknown) => error)) as EraseFailedError;
    expect(failure).toMatchObject({ class: 'input', code: 'BatchEnded', moneySpent: false });
    expect(await stack.outcomes('ProcessMediaByMPS', third?.fileId)).toEqual([]);
    await expectBalanced(id, priceUsd * 2);
  });

  it('is an item of it when a reviewer asks for another recipe: the batch ends with it', async () => {
    const requests = (await newRequests(stack, 2)).map((request) =>
      normalized({ ...request, review: { timeoutHours: 1 } }),
    );
    const budgetUsd = priceUsd * 3;
    const id = await startFed(stack, requests, { settings: { maxCostUsd: budgetUsd }, estimatedUsd: priceUsd });
    await until(stack, id, 'both are in review', ({ inReview }) => inReview === 2);
    const [first, second] = await stack.ledger.batches.items(id, { limit: 10 });
    const answer = await (await inReview(first?.workflowId)).reject({ ...by, retryWith: { name: 'subtitles-area' } });
    await approved(second?.workflowId ?? null);
    const waits = await until(
      stack,
      id,
      'the third is in review',
      ({ inReview, counts }) => inReview === 1 && counts.total === 3,
    );
    expect(waits.endedAs).toBeNull();
    await approved(answer.retryWorkflowId);
    const end = await ended(stack, id);
    expect([end.endedAs, countsOf(end)]).toEqual(['completed', { succeeded: 2, failed: 1 }]);
    await expectBalanced(id, budgetUsd);
    const items = await stack.ledger.batches.items(id, { limit: 10 });
    expect(items.map(({ number, state, costUsd }) => [number, state, costUsd])).toEqual([
      [1, 'failed', priceUsd],
      [2, 'succeeded', priceUsd],
      [3, 'succeeded', priceUsd],
    ]);
  });

  it('waits for the budget when a reviewer asks for another recipe that it has no room for', async () => {
    const requests = (await newRequests(stack, 1)).map((request) =>
      normalized({ ...request, review: { timeoutHours: 1 } }),
    );
    const id = await startFed(stack, requests, { settings: { maxCostUsd: priceUsd }, estimatedUsd: priceUsd });
    await until(stack, id, 'it is in review', ({ inReview }) => inReview === 1);
    const [item] = await stack.ledger.batches.items(id, { limit: 1 });
    const { retryWorkflowId } = await (await inReview(item?.workflowId)).reject({
      ...by,
      retryWith: { name: 'subtitles-area' },
    });
    await stopsAtBudget(id);
    await expectBalanced(id, priceUsd);
    await stack.ledger.batches.change(id, { action: 'set', ...by, settings: { maxCostUsd: priceUsd * 2 } });
    await approved(retryWorkflowId);
    expect(countsOf(await ended(stack, id))).toEqual({ succeeded: 1, failed: 1 });
    await expectBalanced(id, priceUsd * 2);
  });
});
