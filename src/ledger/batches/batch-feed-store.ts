import type { BatchItemEndState } from '../../contract/batch.js';
import type { BatchEndedAs, BatchWaitingFor } from '../db/schema.js';
import type { BatchRecord } from './batch-store.js';

/**
 * What feeds a batch reads and writes, many items a statement. One feeder works on a batch at a time; a second one, such as
 * a worker that was taken for dead, does no harm: every write names the state that it starts from.
 */
export interface BatchFeedStore {
  /** Copies what the ledger knows into the items: submits, outcomes, holds. */
  noteProgress(batchId: string): Promise<void>;
  /** How the batch stands; cheap enough for several times a second. Null when there is no such batch. */
  facts(batchId: string): Promise<BatchFacts | null>;
  /** Sub-applications of what has not ended. */
  subAppIds(batchId: string): Promise<number[]>;
  /** USD: what was spent in the name of the batch, and what its open items are estimated at that have not spent yet. */
  committedUsd(batchId: string): Promise<number>;
  /** Items that were ever started. */
  startedCount(batchId: string): Promise<number>;
  /** Marks pending items as running, before their runs are started: so a crash in between is noticed, and not repeated blindly. */
  claim(batchId: string, wanted: ClaimWanted): Promise<ClaimedItem[]>;
  /** The runs of claimed items exist. */
  confirm(batchId: string, runs: readonly { number: number; runId: string }[]): Promise<void>;
  /** Claimed, and certainly not started. One that was claimed anew since stays so: that is another feeder's word. */
  releaseClaim(batchId: string, items: readonly Pick<ClaimedItem, 'number' | 'claimedAt'>[]): Promise<void>;
  /** Items whose run ended without having done what they want: they are pending again. */
  requeue(batchId: string, items: readonly { number: number; runId: string }[]): Promise<void>;
  /** Open items whose runs are worth a look: what probably ended first, then those not looked at for longest. */
  dueForLook(batchId: string, limits: { due: number; sweep: number }): Promise<OpenItem[]>;
  /** Looked at, and still open. */
  looked(batchId: string, seen: readonly { number: number; runId: string }[]): Promise<void>;
  /** How runs ended. What was paid, and by whom, comes from the ledger. Those that ended already stay as they are. */
  settle(batchId: string, ends: readonly ItemEnd[]): Promise<number>;
  /** Gives up pending items; returns how many. Call it until that is 0. */
  skipPending(batchId: string, message: string, limit: number): Promise<number>;
  /** Open items that were not asked to end: first those that were not submitted. */
  toCancel(batchId: string, limits: { unsubmitted: number; others: number }): Promise<OpenItem[]>;
  cancelAsked(batchId: string, numbers: readonly number[]): Promise<void>;
  setWaiting(batchId: string, waitingFor: BatchWaitingFor | null, detail: string | null): Promise<void>;
  setWindow(batchId: string, window: number): Promise<void>;
  /** False while items are left that have not ended: nothing is changed then. */
  end(batchId: string, endedAs: BatchEndedAs): Promise<boolean>;
}

/** Of the running items that are not submitted: those that wait for something of their own, and not for their turn. */
export interface BackingOff {
  /** The vendor refused them for their own file, such as one that is busy, and each is sent again after a while. */
  backingOff: number;
  /** Its code, of most of them; null where there are none. */
  backingOffCode: string | null;
  /** Of those that the vendor refused, the ones that are being sent again at this moment. */
  sentAgain: number;
}

export interface BatchFacts extends BackingOff {
  batch: BatchRecord;
  /** The database's clock. */
  now: Date;
  hasPending: boolean;
  running: number;
  held: number;
  /** Running, and its result waits for somebody's approval. */
  inReview: number;
  /** Running, and no task of it is known. */
  unsubmitted: number;
  /** Estimated USD of those. */
  unsubmittedUsd: number;
  /** Milliseconds since the submit of the oldest task that has not ended. */
  oldestTaskAgeMs: number | null;
  /** Batches that feed now, with this one. */
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
  /** Nothing of these is claimed. */
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
  /** Null: claimed, and nobody knows whether it was started. */
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
