import type { BatchItemEndState } from '../../contract/batch.js';
import type { BatchEndedAs, BatchWaitingFor } from '../db/schema.js';
import type { BatchRecord } from './batch-store.js';

/**
 * Reads and writes of the batch dispatcher, many items per statement. One dispatcher works on a batch at a time; a second one is
 * harmless, since every write names the state that it starts from.
 */
export interface BatchFeedStore {
  /** Copies submits, outcomes and holds from the ledger into the items. */
  noteProgress(batchId: string): Promise<void>;
  /** The state of the batch; cheap enough for several times a second. Null when there is no such batch. */
  facts(batchId: string): Promise<BatchFacts | null>;
  /** Sub-applications of what has not ended. */
  subAppIds(batchId: string): Promise<number[]>;
  /** USD: what the batch has spent, and the estimates of its open items that have not spent yet. */
  committedUsd(batchId: string): Promise<number>;
  /** Items that were ever started. */
  startedCount(batchId: string): Promise<number>;
  /** Marks pending items as running before their runs are started, so that a crash in between is noticed. */
  claim(batchId: string, wanted: ClaimWanted): Promise<ClaimedItem[]>;
  /** The runs of claimed items exist. */
  confirm(batchId: string, runs: readonly { number: number; runId: string }[]): Promise<void>;
  /** Claimed, and certainly not started. An item that another dispatcher claimed since stays claimed. */
  releaseClaim(batchId: string, items: readonly Pick<ClaimedItem, 'number' | 'claimedAt'>[]): Promise<void>;
  /** Items whose run ended without doing what they asked for: they are pending again. */
  requeue(batchId: string, items: readonly { number: number; runId: string }[]): Promise<void>;
  /** Open items whose runs should be described: first those that probably ended, then those not described for longest. */
  dueForLook(batchId: string, limits: { due: number; sweep: number }): Promise<OpenItem[]>;
  /** Described, and still open. */
  looked(batchId: string, seen: readonly { number: number; runId: string }[]): Promise<void>;
  /** How runs ended. What was paid, and by which run, comes from the ledger. Items that ended already do not change. */
  settle(batchId: string, ends: readonly ItemEnd[]): Promise<number>;
  /** Gives up pending items; returns how many. Call it until that is 0. */
  skipPending(batchId: string, message: string, limit: number): Promise<number>;
  /** Open items that were not asked to cancel: first those that were not submitted. */
  toCancel(batchId: string, limits: { unsubmitted: number; others: number }): Promise<OpenItem[]>;
  cancelAsked(batchId: string, numbers: readonly number[]): Promise<void>;
  setWaiting(batchId: string, waitingFor: BatchWaitingFor | null, detail: string | null): Promise<void>;
  setWindow(batchId: string, window: number): Promise<void>;
  /** False while some items have not ended: nothing is changed then. */
  end(batchId: string, endedAs: BatchEndedAs): Promise<boolean>;
}

/** Running items without a submit that wait for a cause of their own, not for a slot. */
export interface BackingOff {
  /** The vendor refused them because of their own file, such as a busy one, and each is retried later. */
  backingOff: number;
  /** The most frequent code; null where there are none. */
  backingOffCode: string | null;
  /** Of those that the vendor refused, the ones that are being retried at this moment. */
  sentAgain: number;
}

export interface BatchFacts extends BackingOff {
  batch: BatchRecord;
  /** The database's clock. */
  now: Date;
  hasPending: boolean;
  running: number;
  held: number;
  /** Running, and its result waits for an approval. */
  inReview: number;
  /** Running, and no task of it is known. */
  unsubmitted: number;
  /** Estimated USD of those. */
  unsubmittedUsd: number;
  /** Milliseconds since the submit of the oldest task that has not ended. */
  oldestTaskAgeMs: number | null;
  /** Running batches, including this one. */
  feeders: number;
  /** Price of the first pending item that may pay; 0 where none may. */
  nextUsd: number;
  /** There are pending items that are only read, as they were paid for. */
  hasPendingFree: boolean;
}

export interface ClaimWanted {
  limit: number;
  /** USD that the claimed items may cost together by their estimates; null: any. */
  roomUsd: number | null;
  /** Items of these are not claimed. */
  blockedSubApps: readonly number[];
  /** Only those that are read, and may not pay. */
  onlyFree: boolean;
}

export interface ClaimedItem {
  number: number;
  workflowId: string;
  request: unknown;
  /** When it was claimed, as the database writes it. */
  claimedAt: string;
}

export interface OpenItem extends ClaimedItem {
  /** Null: claimed, and possibly not started. */
  runId: string | null;
  cancelAsked: boolean;
}

export interface ItemEnd {
  number: number;
  state: BatchItemEndState;
  runId: string | null;
  /** ISO 8601, by the Temporal server's clock; null: now. */
  endedAt: string | null;
  taskId: string | null;
  resultFileId: string | null;
  errorClass: string | null;
  errorCode: string | null;
  errorMessage: string | null;
  requestId: string | null;
}
