/** Input and output of a batch: stored in the ledger as JSON, printed by the CLI, written into reports. */
import { workflowIdWith } from './names.js';

/** Settings of a batch, which an operator may change while it runs. */
export interface BatchSettings {
  /** Maximum runs in flight: started and not ended. The window starts lower and grows while completions keep up. */
  concurrency: number;
  /** Tolerated failures: a percentage of the ended items, or a number. Null: any. */
  tolerate: { percent: number } | { count: number } | null;
  /** Minimum number of ended items before a percentage is checked. */
  minSample: number;
  /** USD by estimate; items that would exceed it are not started. Null: no limit of the batch's own. */
  maxCostUsd: number | null;
  /** Items of the sample; the others wait for an operator's `go`. Null: no sample. */
  sampleSize: number | null;
  /** ISO 8601. Items not started by then are never started. */
  deadlineAt: string | null;
}

/** Where the items came from. */
export interface BatchSource {
  kind: 'csv' | 'ndjson' | 'library' | 'batch' | 'adopted' | 'requests';
  /** File name, URL without user, password and query, or a description of the library query. */
  name: string;
  /** SHA-256 of the bytes read, as hex digits; null where there are none. */
  sha256: string | null;
  /** Rows read, including refused and dropped ones. */
  rows: number;
}

/**
 * States of an item, in display order. `reused`: the result was paid for before. `timedOut`: its task was not read to its end in
 * time. `skipped`: an operator skipped its hold, or it was never started (code `NotStarted`).
 */
export const BATCH_ITEM_STATES = [
  'pending',
  'running',
  'held',
  'succeeded',
  'reused',
  'failed',
  'timedOut',
  'cancelled',
  'skipped',
] as const;
export type BatchItemState = (typeof BATCH_ITEM_STATES)[number];

/** Items by state, at one moment; they add up to `total`. */
export type BatchCounts = Record<BatchItemState | 'total', number>;

/** Counts that start at zero. */
export function noCounts(): BatchCounts {
  const zeros = BATCH_ITEM_STATES.map((state) => [state, 0] as const);
  return { ...(Object.fromEntries(zeros) as Record<BatchItemState, number>), total: 0 };
}

/** State of a batch, read at one moment. Times are ISO 8601; money is USD by estimate. */
export interface BatchSnapshot {
  batchId: string;
  /** `held`: a breaker or a cap stops every submit of a batch that would run. */
  state: 'running' | 'held' | 'paused' | 'draining' | 'cancelling' | 'ended';
  waitingFor: 'breaker' | 'cap' | 'budget' | 'sample' | 'tolerance' | 'vendor' | 'busyFiles' | null;
  waitingDetail: string | null;
  endedAs: 'completed' | 'failed' | 'drained' | 'cancelled' | 'deadline' | null;
  asOf: string;
  counts: BatchCounts;
  /** Current maximum of runs in flight. */
  window: number;
  settings: BatchSettings;
  /** Accepted submits per second, over the last minute, or since the start where that is shorter. */
  submitsPerSecond: number;
  /** Ended items per second, over the last minute. */
  endedPerSecond: number;
  /** Expected end at the recent rate; null while nothing ends. */
  etaAt: string | null;
  estimatedUsd: number | null;
  /** Cost of the submits made, except what is known not to be billed. */
  spentUsd: number;
  /** Open holds of its items, by class. */
  holds: Record<string, number>;
  /** Running items whose results wait for approval. */
  inReview: number;
  /** A breaker that stops submits of the batch. `probing` was reported by earlier versions only. */
  breaker: { scope: string; state: 'open' | 'probing'; code: string; message: string } | null;
  parentBatchId: string | null;
  createdAt: string;
  endedAt: string | null;
}

/** A batch that would run is `held` while a breaker or a cap stops every submit. */
export function shownState(
  state: Exclude<BatchSnapshot['state'], 'held'>,
  waitingFor: BatchSnapshot['waitingFor'],
): BatchSnapshot['state'] {
  return state === 'running' && (waitingFor === 'breaker' || waitingFor === 'cap') ? 'held' : state;
}

/** Outcome of an item's run; `succeeded` becomes `reused` where another run had paid. */
export type BatchItemEndState = 'succeeded' | 'failed' | 'timedOut' | 'cancelled' | 'skipped';

/** Code of an item that was never started. */
export const NOT_STARTED = 'NotStarted';

/** Code of a run without a submit because the batch's budget is used up: the batch starts it again later. */
export const BATCH_BUDGET = 'BatchBudget';

/** Id of the workflow that dispatches a batch. */
export function batchWorkflowId(batchId: string, prefix = ''): string {
  return workflowIdWith(prefix, `batch/${batchId}`);
}
