/** What a batch is told and tells: kept in the ledger as JSON, printed by the CLI, written into reports. */

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
  /** Items of the canary; the others wait for somebody's `go`. Null: no canary. */
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

/** Items by state, taken at one moment; they add up to `total`. */
export interface BatchCounts {
  pending: number;
  running: number;
  held: number;
  succeeded: number;
  reused: number;
  failed: number;
  timedOut: number;
  cancelled: number;
  skipped: number;
  total: number;
}

/** Code of an item that was never started. */
export const NOT_STARTED = 'NotStarted';

/** Id of the workflow that feeds a batch. */
export function batchWorkflowId(batchId: string): string {
  return `batch/${batchId}`;
}
