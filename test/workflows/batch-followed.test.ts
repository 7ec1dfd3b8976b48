import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namesWith } from '../../src/contract/names.js';
import type { NormalizedEraseRequest } from '../../src/contract/request.js';
import type { BatchItem } from '../../src/ledger/batches/batch-store.js';
import { startFeederOn } from '../../src/temporal/feeder-start.js';
import { countsOf, ended, newRequests, startFed, submitsOf, until, writeBatch } from '../support/batch.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { replaceRun, resetRun } from '../support/runs.js';

const REVIEW = { timeoutHours: 24, onTimeout: 'hold' as const };
const PUBLISH = { name: 'clean' };
const OK = { by: 'tester', reason: 'good' };

let stack: EraseStack;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smart-erase-followed-'));
  stack = await EraseStack.start({ env: { VOD_WATCH_INTERVAL_SECONDS: '0.3' } });
  await stack.startWorker({}, { feederTimings: { minRoundMs: 1_000 } });
});
afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function newRequest(more: Partial<NormalizedEraseRequest> = {}): Promise<NormalizedEraseRequest> {
  const [request] = await newRequests(stack, 1);
  if (request === undefined) throw new Error('no request');
  return { ...request, ...more };
}

const itemsOf = (id: string): Promise<BatchItem[]> => stack.ledger.batches.items(id, { limit: 100 });

async function itemOf(id: string): Promise<BatchItem> {
  const [item] = await itemsOf(id);
  if (item === undefined) throw new Error(`${id} has no item`);
  return item;
}

const inReview = (workflowId: string, runId: string | null | undefined) =>
  eventually(`${workflowId} in review`, async () => {
    const status = await stack.client.getHandle(workflowId).status();
    return status.phase === 'review' && status.runId === runId ? status : undefined;
  });

async function approve(workflowId: string, runId: string): Promise<void> {
  await inReview(workflowId, runId);
  await stack.client.getHandle(workflowId).approve(OK);
}

const submits = async (fileId: string) => (await stack.outcomes('ProcessMediaByMPS', fileId)).length;
const publishes = async (fileId: string | null) => (await stack.outcomes('ModifyMediaInfo', fileId ?? '')).length;

/** A batch of one, whose run waits in a review. */
async function waitingBatch(request: NormalizedEraseRequest): Promise<{ id: string; item: BatchItem }> {
  const id = await startFed(stack, [request]);
  await until(stack, id, 'its review', (snapshot) => snapshot.inReview === 1);
  return { id, item: await itemOf(id) };
}

describe('a batch follows the run of its item', () => {
  it('that somebody else began and resets', async () => {
    const request = await newRequest({ review: REVIEW });
    const live = await stack.client.start(request);
    await inReview(live.workflowId, live.runId);
    const { id } = await waitingBatch(request);
    await approve(live.workflowId, await resetRun(stack, live.workflowId));
    expect(countsOf(await ended(stack, id))).toEqual({ reused: 1 });
    expect((await itemOf(id)).resultFileId).toMatch(/^\d+$/);
    expect(await submits(request.fileId)).toBe(1);
  });

  it('that is replaced by a start which knows nothing of the batch', async () => {
    const request = await newRequest({ review: REVIEW });
    const { id, item } = await waitingBatch(request);
    const runId = await replaceRun(stack, item.workflowId, request);
    await approve(item.workflowId, runId);
    expect(countsOf(await ended(stack, id))).toEqual({ succeeded: 1 });
    expect(await itemOf(id)).toMatchObject({ runId, errorClass: null });
    expect(await submits(request.fileId)).toBe(1);
  });

  it('that is reset twice', async () => {
    const request = await newRequest({ review: REVIEW });
    const { id, item } = await waitingBatch(request);
    const once = await resetRun(stack, item.workflowId);
    await inReview(item.workflowId, once);
    const twice = await resetRun(stack, item.workflowId, once);
    await approve(item.workflowId, twice);
    expect(countsOf(await ended(stack, id))).toEqual({ succeeded: 1 });
    expect(await submits(request.fileId)).toBe(1);
  });

  it('that had failed, and was reset before the batch looked', async () => {
    const request = await newRequest();
    const { fileId } = request;
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'InvalidParameterValue',
      fileId,
    });
    const id = await writeBatch(stack, [request]);
    const live = await stack.client.start({ ...request, batchId: id });
    await stack.ledger.batchFeed.claim(id, { limit: 1, roomUsd: null, blockedSubApps: [], onlyFree: false });
    await stack.ledger.batchFeed.confirm(id, [{ number: 1, runId: live.runId ?? '' }]);
    await expect(live.result()).rejects.toMatchObject({ class: 'input' });
    const runId = await resetRun(stack, live.workflowId, live.runId);
    await startFeederOn(stack.temporal, id, namesWith(''));
    expect(countsOf(await ended(stack, id))).toEqual({ succeeded: 1 });
    expect((await itemOf(id)).runId).toBe(runId);
  });

  it('that is reset after the batch asked it to end, and asks the new one', async () => {
    const request = await newRequest({ review: REVIEW });
    const { id, item } = await waitingBatch(request);
    await stack.stopWorkers();
    await stack.ledger.batches.change(id, { action: 'cancel', ...OK });
    // As recorded by a dispatcher that described the run before it was reset.
    await stack.ledger.batchFeed.cancelAsked(id, [1]);
    await resetRun(stack, item.workflowId);
    await stack.startWorker({}, { feederTimings: { minRoundMs: 1_000 } });
    expect(countsOf(await ended(stack, id))).toEqual({ cancelled: 1 });
  });

  it('and when it is cancelled, leaves a run alone that was put in the place of its own', async () => {
    const request = await newRequest({ review: REVIEW });
    const { id, item } = await waitingBatch(request);
    const runId = await replaceRun(stack, item.workflowId, request);
    await inReview(item.workflowId, runId);
    await stack.ledger.batches.change(id, { action: 'cancel', ...OK });
    expect(countsOf(await ended(stack, id))).toEqual({ skipped: 1 });
    expect(await stack.client.getHandle(item.workflowId).status()).toMatchObject({ runId, phase: 'review' });
  });
});

describe('another wish for what is paid for', () => {
  it('is done by a batch, once each, and nothing is paid', async () => {
    const requests = await newRequests(stack, 3);
    const wished = requests.map((request) => ({ ...request, publish: PUBLISH }));
    const first = await startFed(stack, requests);
    expect(countsOf(await ended(stack, first))).toEqual({ succeeded: 3 });
    const second = await startFed(stack, wished);
    expect(countsOf(await ended(stack, second))).toEqual({ reused: 3 });
    const third = await startFed(stack, wished);
    expect(countsOf(await ended(stack, third))).toEqual({ reused: 3 });
    for (const item of await itemsOf(second)) {
      expect(await publishes(item.resultFileId)).toBe(1);
      expect(item).toMatchObject({ costUsd: 0, attempts: 0 });
    }
    expect(await submitsOf(stack, first)).toHaveLength(3);
    // Their runs ended before the third batch was written.
    const { rows } = await stack.query(`select number from batch_item where ended_at < started_at`);
    expect(rows).toEqual([]);
  });

  it('is done by `batch start --include-paid --publish`', async () => {
    const requests = await newRequests(stack, 2);
    const first = await startFed(stack, requests);
    await ended(stack, first);
    const file = join(folder, 'paid.csv');
    writeFileSync(file, `fileId\n${requests.map(({ fileId }) => fileId).join('\n')}\n`);
    const args = ['--recipe', 'subtitles', '--sub-app-id', '1500000001', '--include-paid', '--id', 'wished', '--yes'];
    const started = await runCli(['batch', 'start', file, ...args, '--publish', JSON.stringify(PUBLISH)], stack.env);
    expect(started).toMatchObject({ code: 0 });
    expect(countsOf(await ended(stack, 'wished'))).toEqual({ reused: 2 });
    for (const { resultFileId } of await itemsOf('wished')) expect(await publishes(resultFileId)).toBe(1);
  });

  it('that was in conflict with a run that went on, is done by a redrive', async () => {
    const request = await newRequest({ review: REVIEW });
    const live = await stack.client.start(request);
    await inReview(live.workflowId, live.runId);
    const { review: _, ...plain } = request;
    const refused = await startFed(stack, [{ ...plain, publish: PUBLISH }]);
    expect(countsOf(await ended(stack, refused))).toEqual({ failed: 1 });
    expect(await itemOf(refused)).toMatchObject({ errorClass: 'conflict' });
    await stack.client.getHandle(live.workflowId).approve(OK);
    const { resultFileId } = await live.result();
    const redriven = await runCli(['batch', 'redrive', refused, '--id', 'again', '--by', 'me', '--yes'], stack.env);
    expect([redriven.code, redriven.stderr]).toEqual([0, expect.stringContaining('taken up, no cost')]);
    expect(countsOf(await ended(stack, 'again'))).toEqual({ reused: 1 });
    expect(await publishes(resultFileId)).toBe(1);
    expect(await submits(request.fileId)).toBe(1);
  });

  it('is done though the feeder died between its claim and the start', async () => {
    const request = await newRequest();
    await stack.client.execute(request);
    const id = await writeBatch(stack, [{ ...request, publish: PUBLISH }]);
    await stack.ledger.batchFeed.claim(id, { limit: 1, roomUsd: null, blockedSubApps: [], onlyFree: false });
    await startFeederOn(stack.temporal, id, namesWith(''));
    expect(countsOf(await ended(stack, id))).toEqual({ reused: 1 });
    expect(await publishes((await itemOf(id)).resultFileId)).toBe(1);
  });

  it('is done once though the feeder died between the start and its note', async () => {
    const request = await newRequest();
    await stack.client.execute(request);
    const id = await writeBatch(stack, [{ ...request, publish: PUBLISH }]);
    await stack.ledger.batchFeed.claim(id, { limit: 1, roomUsd: null, blockedSubApps: [], onlyFree: false });
    await stack.client.execute({ ...request, publish: PUBLISH, batchId: id });
    await startFeederOn(stack.temporal, id, namesWith(''));
    expect(countsOf(await ended(stack, id))).toEqual({ reused: 1 });
    expect(await publishes((await itemOf(id)).resultFileId)).toBe(1);
  });
});
