import type { BatchCounts, BatchItemState, BatchSettings, BatchSnapshot, BatchSource } from '../../contract/batch.js';
import type { BatchEndedAs, BatchState, BatchWaitingFor } from '../db/schema.js';
import type { JoiningErase } from './batch-joining.js';

/**
 * Batches and their items, for commands and reports. The dispatcher uses `BatchFeedStore`. Every write is safe to repeat, and
 * every method throws a `LedgerError` on failure.
 */
export interface BatchStore {
  /** Makes an erase that carries the batch's id an item of it. Safe to repeat. False when it has ended, or there is none. */
  join(erase: JoiningErase): Promise<boolean>;
  /**
   * Writes a batch with its items, in one transaction. For items that are in a table already see `createBatch`. False when the
   * batch exists: nothing is changed.
   */
  create(batch: NewBatch, items: readonly NewBatchItem[]): Promise<boolean>;
  /** Also one of another namespace. */
  find(batchId: string): Promise<BatchRecord | null>;
  /** Those of this namespace, newest first. */
  list(filter?: BatchFilter): Promise<BatchRecord[]>;
  /** Items by state at one moment; null when there is no such batch. */
  counts(batchId: string): Promise<BatchCounts | null>;
  /** Everything that is shown of a batch, read at one moment. */
  snapshot(batchId: string): Promise<BatchSnapshot | null>;
  /**
   * An operator's command, with who and why in the audit, in one transaction. It takes effect within seconds on any dispatcher,
   * and survives restarts.
   */
  change(batchId: string, change: BatchChange): Promise<BatchChanged>;
  /** A page of items by number: give the last number of the page before as `afterNumber`. */
  items(batchId: string, page: BatchItemPage): Promise<BatchItem[]>;
}

export interface NewBatch {
  id: string;
  /** Of the installation's workflow ids; default none. */
  prefix?: string;
  settings: BatchSettings;
  source: BatchSource;
  /** USD for what would be paid; null where the cost was not estimated. */
  estimatedUsd: number | null;
  parent: { batchId: string; relation: string } | null;
  requestedBy: string | null;
  reason: string | null;
}

/** One item as it is created: `pending`, unless it states otherwise (what was done before the batch). */
export interface NewBatchItem {
  /** 1, 2, … in the order of the source. */
  number: number;
  row: number | null;
  subAppId: number;
  fileId: string;
  recipeHash: string;
  workflowId: string;
  /** Normalised, with the batch's id in it. */
  request: unknown;
  estimatedUsd: number | null;
  /** Starting it may lead to a payment; default true. */
  mayPay?: boolean;
  done?: { state: Exclude<BatchItemState, 'pending' | 'running' | 'held'> } & Partial<
    Pick<BatchItem, 'taskId' | 'resultFileId' | 'errorClass' | 'errorCode' | 'errorMessage'>
  >;
}

export interface BatchRecord {
  id: string;
  /** Temporal's, of its dispatcher and its runs. */
  namespace: string;
  workflowId: string;
  state: BatchState;
  waitingFor: BatchWaitingFor | null;
  waitingDetail: string | null;
  endedAs: BatchEndedAs | null;
  settings: BatchSettings;
  source: BatchSource;
  total: number;
  estimatedUsd: number | null;
  parentBatchId: string | null;
  parentRelation: string | null;
  requestedBy: string | null;
  reason: string | null;
  window: number;
  samplePassedAt: Date | null;
  createdAt: Date;
  endedAt: Date | null;
}

export interface BatchItem {
  number: number;
  row: number | null;
  subAppId: number;
  fileId: string;
  recipeHash: string;
  workflowId: string;
  request: unknown;
  estimatedUsd: number | null;
  state: BatchItemState;
  runId: string | null;
  startedAt: Date | null;
  submittedAt: Date | null;
  endedAt: Date | null;
  taskId: string | null;
  resultFileId: string | null;
  errorClass: string | null;
  errorCode: string | null;
  errorMessage: string | null;
  requestId: string | null;
  attempts: number;
  costUsd: number | null;
}

export interface BatchFilter {
  /** Only those that have not ended, or only those that have. */
  ended?: boolean;
  /** Default 50. */
  limit?: number;
}

export interface BatchItemPage {
  /** Default 0: from the first. */
  afterNumber?: number;
  states?: readonly BatchItemState[];
  errorClass?: string;
  errorCode?: string;
  limit: number;
}

export type BatchAction = 'pause' | 'resume' | 'drain' | 'cancel' | 'go' | 'set';

export interface BatchChange {
  action: BatchAction;
  by: string | null;
  reason: string | null;
  /** For `set`: only what is to be changed. */
  settings?: Partial<Pick<BatchSettings, 'concurrency' | 'tolerate' | 'maxCostUsd'>>;
}

export type BatchChanged =
  | { kind: 'changed'; batch: BatchRecord }
  /** It was so already. */
  | { kind: 'same'; batch: BatchRecord }
  /** It has ended, or is being cancelled: nothing can be changed any more. */
  | { kind: 'tooLate'; batch: BatchRecord }
  /** It is another namespace's. */
  | { kind: 'elsewhere'; batch: BatchRecord }
  | { kind: 'none' };
