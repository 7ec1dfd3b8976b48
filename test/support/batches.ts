import type { BatchSettings } from '../../src/contract/batch.js';
import { eraseWorkflowId, recipeHash } from '../../src/contract/identity.js';
import type { EraseRequest } from '../../src/contract/request.js';
import { parseEraseRequest } from '../../src/contract/request-schema.js';
import type { NewBatch, NewBatchItem } from '../../src/ledger/batches/batch-store.js';

export const SETTINGS: BatchSettings = {
  concurrency: 100,
  tolerate: { percent: 5 },
  minSample: 20,
  maxCostUsd: null,
  sampleSize: null,
  deadlineAt: null,
};

/** A batch of requests, as a command would write it. */
export function newBatch(id: string, fields: Partial<NewBatch> = {}): NewBatch {
  return {
    id,
    settings: SETTINGS,
    source: { kind: 'csv', name: 'files.csv', sha256: 'a'.repeat(64), rows: 3 },
    estimatedUsd: 1.5,
    parent: null,
    requestedBy: 'alice',
    reason: null,
    ...fields,
  };
}

/** An item of it, by default `pending`. */
export function newItem(
  batchId: string,
  number: number,
  request: Partial<EraseRequest> = {},
  fields: Partial<NewBatchItem> = {},
): NewBatchItem {
  const parsed = parseEraseRequest({
    fileId: String(5285485487985271000n + BigInt(number)),
    subAppId: 1500000001,
    recipe: { name: 'subtitles' },
    batchId,
    ...request,
  });
  if (!parsed.ok) throw new Error(parsed.problems.map((p) => p.message).join(' '));
  const { fileId, subAppId, recipe } = parsed.request;
  return {
    number,
    row: number + 1,
    subAppId,
    fileId,
    recipeHash: recipeHash(recipe),
    workflowId: eraseWorkflowId(parsed.request),
    request: parsed.request,
    estimatedUsd: 0.5,
    ...fields,
  };
}
