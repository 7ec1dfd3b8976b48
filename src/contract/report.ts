import type { BatchCounts, BatchItemState, BatchSettings, BatchSource } from './batch.js';
import type { RecipeRequest } from './request.js';

/** Version of the report's shapes. Raised when a field is removed or changes its meaning, but not when one is added. */
export const REPORT_SCHEMA_VERSION = 1;

/** Files of a report's folder. */
export const REPORT_FILE = {
  manifest: 'manifest.json',
  succeededNdjson: 'succeeded.ndjson',
  succeededCsv: 'succeeded.csv',
  failedNdjson: 'failed.ndjson',
  failedCsv: 'failed.csv',
  mapping: 'mapping.csv',
} as const;

/**
 * One item of a batch: a line of `succeeded.ndjson` or `failed.ndjson`, a row of the CSV of the same name. In the CSV,
 * null is empty and the recipe is its name, with its options as JSON in `recipeOptions`. Times are ISO 8601.
 */
export interface ReportItem {
  /** 1, 2, … in the order of the source. */
  number: number;
  /** The row of the spreadsheet, a header being 1; null where the source has no rows. */
  row: number | null;
  state: BatchItemState;
  /** Source media. */
  fileId: string;
  subAppId: number;
  recipe: RecipeRequest;
  recipeHash: string;
  workflowId: string;
  /** Null when no run was started. */
  runId: string | null;
  taskId: string | null;
  /** The new media; null for a recipe that makes no video, and where there is no result. */
  resultFileId: string | null;
  /** Class, code and message of the failure; see docs/errors.md. */
  class: string | null;
  code: string | null;
  message: string | null;
  /** RequestId of the vendor's response with the failure. */
  requestId: string | null;
  /** Number of submits. */
  attempts: number;
  /** Estimated USD before its start; null when it was not estimated. */
  estimatedUsd: number | null;
  /** Estimated USD of its submits; null when no cost is known. */
  costUsd: number | null;
  startedAt: string | null;
  endedAt: string | null;
  /** Requester. */
  requestedBy: string | null;
  /** The item's batch. */
  batchId: string;
}

/** `manifest.json`: description and file list of the folder. Times are ISO 8601. */
export interface ReportManifest {
  schemaVersion: typeof REPORT_SCHEMA_VERSION;
  batchId: string;
  workflowId: string;
  /** State of the batch, when this was written. */
  state: 'running' | 'paused' | 'draining' | 'cancelling' | 'ended';
  /** How it ended; null before its end. */
  endedAs: 'completed' | 'failed' | 'drained' | 'cancelled' | 'deadline' | null;
  /** False for a report of a batch that had not ended: items may have changed since. */
  complete: boolean;
  /** Counts of the items in these files; they add up to `total`. */
  counts: BatchCounts;
  /** USD by estimate: of the whole batch before its start, and of its submits. */
  estimatedUsd: number | null;
  costUsd: number;
  settings: BatchSettings;
  source: BatchSource;
  /** The preceding batch, and the relation to it: `redrive`. */
  parent: { batchId: string; relation: string } | null;
  requestedBy: string | null;
  reason: string | null;
  createdAt: string;
  endedAt: string | null;
  /** Time of writing, by the ledger's clock. */
  writtenAt: string;
  /** Every other file of the folder. */
  files: ReportFile[];
}

export interface ReportFile {
  name: string;
  /** Items, without the header of a CSV. */
  items: number;
  bytes: number;
  /** Hex digits. */
  sha256: string;
}
