/** The input and output of a batch: kept in the ledger as JSON, printed by the CLI, written into reports. */
import { workflowIdWith } from './names.js';

/** How a batch runs. Changed while it runs by an operator. */
export interface BatchSettings {
  /** Most runs in flight: started and not ended. The window starts lower and grows while completions keep up. */
  concurrency: number;
  /** Failed items that are tolerated: a share of those that ended, or a number. Null: any. */
  tolerate: { percent: number } | { count: number } | null;
  /** Items that must have ended before a share counts. */
  minSample: number;
  /** USD by estimate; started items that would pass it are not started. Null: no limit of the batch's own. */
  maxCostUsd: number | null;
  /** Items of the canary; the others wait for an operator's `go`. Null: no canary. */
  sampleSize: number | null;
  /** ISO 8601. What is not started by then is never started. */
  deadlineAt: string | null;
}

/** Where the items came from. */
export interface BatchSource {
  kind: 'csv' | 'ndjson' | 'library' | 'batch' | 'adopted' | 'requests';
  /** File name, URL without user, password and query, or the query of the library in words. */
  name: string;
  /** SHA-256 of what was read, as hex digits; null where there are no bytes to hash. */
  sha256: string | null;
  /** Rows read, with those that were refused or dropped. */
  rows: number;
}

/**
 * States of an item, in the order in which they are shown. `reused`: the result was paid for before. `timedOut`: its task
 * was not read to its end in time. `skipped`: an operator let a held one go, or it was never started (code `NotStarted`).
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

/** Items by state, taken at one moment; they add up to `total`. */
export type BatchCounts = Record<BatchItemState | 'total', number>;

/** Counts to add to. */
export function noCounts(): BatchCounts {
  const zeros = BATCH_ITEM_STATES.map((state) => [state, 0] as const);
  return { ...(Object.fromEntries(zeros) as Record<BatchItemState, number>), total: 0 };
}

/** How a batch stands, all of it read at one moment. Times are ISO 8601; money is USD by estimate. */
export interface BatchSnapshot {
  batchId: string;
  /** `held`: it would run, and a breaker or a cap stops every submit. */
  state: 'running' | 'held' | 'paused' | 'draining' | 'cancelling' | 'ended';
  waitingFor: 'breaker' | 'cap' | 'budget' | 'sample' | 'tolerance' | 'vendor' | 'busyFiles' | null;
  waitingDetail: string | null;
  endedAs: 'completed' | 'failed' | 'drained' | 'cancelled' | 'deadline' | null;
  asOf: string;
  counts: BatchCounts;
  /** Most runs in flight, now. */
  window: number;
  settings: BatchSettings;
  /** Accepted submits of the last minute, a second; of the time since the start where that is shorter. */
  submitsPerSecond: number;
  /** Items that ended in the last minute, a second. */
  endedPerSecond: number;
  /** When it ends at the recent rate; null while nothing ends. */
  etaAt: string | null;
  estimatedUsd: number | null;
  /** Of submits that were made, less what is known not to be billed. */
  spentUsd: number;
  /** Open holds of its items, by class. */
  holds: Record<string, number>;
  /** Of those that run: results that wait for an approval. */
  inReview: number;
  /** One that stops submits of the batch. `probing` was reported by earlier versions only. */
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

/** How the run of an item ended; `succeeded` becomes `reused` where another run had paid. */
export type BatchItemEndState = 'succeeded' | 'failed' | 'timedOut' | 'cancelled' | 'skipped';

/** Code of an item that was never started. */
export const NOT_STARTED = 'NotStarted';

/** Code of a run that was not submitted, as its batch had no budget left for it: the batch starts it again later. */
export const BATCH_BUDGET = 'BatchBudget';

/** Id of the workflow that dispatches a batch. */
export function batchWorkflowId(batchId: string, prefix = ''): string {
  return workflowIdWith(prefix, `batch/${batchId}`);
}
