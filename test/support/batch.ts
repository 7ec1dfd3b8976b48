import { type BatchSettings, type BatchSnapshot, batchWorkflowId } from '../../src/contract/batch.js';
import { eraseWorkflowId, recipeHash } from '../../src/contract/identity.js';
import { namesWith } from '../../src/contract/names.js';
import type { EraseRequest, NormalizedEraseRequest } from '../../src/contract/request.js';
import { parseEraseRequest } from '../../src/contract/request-schema.js';
import type { NewBatchItem } from '../../src/ledger/batches/batch-store.js';
import { startFeederOn } from '../../src/temporal/feeder-start.js';
import type { EraseStack } from './erase-stack.js';
import { eventually } from './processes.js';
import { manyMedia } from './simulator.js';

export const SETTINGS: BatchSettings = {
  concurrency: 1_000,
  tolerate: null,
  minSample: 10,
  maxCostUsd: null,
  sampleSize: null,
  deadlineAt: null,
};

let files = 5286000000000000000n;
let batches = 0;

/** Normalised requests for new files in the stack's library. */
export async function newRequests(stack: EraseStack, count: number): Promise<NormalizedEraseRequest[]> {
  const media = manyMedia(count, files);
  files += BigInt(count);
  await stack.admin.addMedia(media);
  return media.map(({ fileId }) => normalized({ fileId, subAppId: 1500000001, recipe: { name: 'subtitles' } }));
}

export function normalized(request: EraseRequest): NormalizedEraseRequest {
  const parsed = parseEraseRequest(request);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.request;
}

export interface BatchOptions {
  settings?: Partial<BatchSettings>;
  /** Of each item; default 1. */
  estimatedUsd?: number;
}

/** A batch in the ledger, not started yet. */
export async function writeBatch(
  stack: EraseStack,
  requests: readonly NormalizedEraseRequest[],
  { settings, estimatedUsd = 1 }: BatchOptions = {},
): Promise<string> {
  batches += 1;
  const id = `batch-${batches}`;
  const items = requests.map((request, at): NewBatchItem => {
    const ours = { ...request, batchId: id };
    return {
      number: at + 1,
      row: at + 2,
      subAppId: request.subAppId,
      fileId: request.fileId,
      recipeHash: recipeHash(request.recipe),
      workflowId: eraseWorkflowId(ours),
      request: ours,
      estimatedUsd,
    };
  });
  await stack.ledger.batches.create(
    {
      id,
      settings: { ...SETTINGS, ...settings },
      source: { kind: 'requests', name: 'test', sha256: null, rows: items.length },
      estimatedUsd: estimatedUsd * items.length,
      parent: null,
      requestedBy: 'test',
      reason: null,
    },
    items,
  );
  return id;
}

/** A batch with a running dispatcher. */
export async function startFed(
  stack: EraseStack,
  requests: readonly NormalizedEraseRequest[],
  options: BatchOptions = {},
): Promise<string> {
  const id = await writeBatch(stack, requests, options);
  await startFeederOn(stack.temporal, id, namesWith(''));
  return id;
}

/** The same, of new files. */
export async function startBatch(stack: EraseStack, count: number, options: BatchOptions = {}): Promise<string> {
  return await startFed(stack, await newRequests(stack, count), options);
}

export async function snapshotOf(stack: EraseStack, id: string): Promise<BatchSnapshot> {
  const snapshot = await stack.ledger.batches.snapshot(id);
  if (snapshot === null) throw new Error(`no batch ${id}`);
  const { total, ...states } = snapshot.counts;
  const sum = Object.values(states).reduce((a, b) => a + b, 0);
  if (sum !== total) throw new Error(`the counts of ${id} do not add up: ${JSON.stringify(snapshot.counts)}`);
  return snapshot;
}

export async function until(
  stack: EraseStack,
  id: string,
  what: string,
  holds: (snapshot: BatchSnapshot) => boolean,
  timeoutMs = 40_000,
): Promise<BatchSnapshot> {
  let last: BatchSnapshot | undefined;
  try {
    return await eventually(
      `${id}: ${what}`,
      async () => {
        last = await snapshotOf(stack, id);
        return holds(last) ? last : undefined;
      },
      timeoutMs,
    );
  } catch (error) {
    throw new Error(`${(error as Error).message}; last: ${JSON.stringify(last)}`);
  }
}

export const ended = (stack: EraseStack, id: string, timeoutMs?: number) =>
  until(stack, id, 'the end', ({ state }) => state === 'ended', timeoutMs);

/** Numbers that are not zero, without the total. */
export function countsOf({ counts: { total: _total, ...counts } }: BatchSnapshot): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

export async function feederHistory(stack: EraseStack, id: string) {
  return await stack.temporal.workflow.getHandle(batchWorkflowId(id)).fetchHistory();
}

/** Accepted submits at the vendor's door, for the items of a batch. */
export async function submitsOf(stack: EraseStack, id: string): Promise<{ at: number; fileId: string }[]> {
  const items = await stack.ledger.batches.items(id, { limit: 10_000 });
  const fileIds = new Set(items.map(({ fileId }) => fileId));
  return (await stack.admin.calls())
    .filter(
      ({ action, taskId, fileId }) => action === 'ProcessMediaByMPS' && taskId !== null && fileIds.has(fileId ?? ''),
    )
    .map(({ at, fileId }) => ({ at, fileId: fileId ?? '' }));
}
