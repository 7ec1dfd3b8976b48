import type { NormalizedEraseRequest, ResultFile } from '../../contract/request.js';
import type { SubmissionOutcome } from '../db/schema.js';
import type { Breaker } from '../holds/breaker.js';
import type { Cap } from '../money/cap.js';
import type { SubmissionKey } from './submission-key.js';

export type { SubmissionKey } from './submission-key.js';

/** What is paid for: one file, one recipe, once, or once more for a token. */
export interface PaymentIdentity {
  subAppId: number;
  fileId: string;
  recipeHash: string;
  /** Empty for the first payment. */
  payToken: string;
}

/**
 * One attempt of a submission; a refusal may be followed by another. Late or repeated results of an earlier attempt are ignored.
 */
export interface SubmissionAttempt extends SubmissionKey {
  /** 1, 2, … within the submission. */
  attempt: number;
}

/** The submission that was searched for, and the scheduled time of its call then. */
export interface LookedFor {
  number: number;
  scheduledAt: Date;
}

export interface Intent {
  identity: PaymentIdentity;
  request: NormalizedEraseRequest;
  workflowId: string;
  runId: string;
  /**
   * Set when the task with this id failed in a way that justifies one more payment. Without it, a run pays at most once by
   * itself.
   */
  resubmitAfterTaskId: string | null;
  /** Set after a search for the task of an unresolved submission found none: it may be given up once it has settled. */
  lookedFor: LookedFor | null;
  /**
   * An operator reviewed a hold and decided to submit again: approval to go past uncertain submissions up to this number. A later
   * unknown outcome needs a new decision.
   */
  operatorRetryUpTo: number | null;
  /** Milliseconds after its scheduled time in which a submit can still appear in the vendor's lists. */
  settleMs: number;
  /** Estimated cost of the submit in USD; null until it is estimated. */
  costUsd: number | null;
  /** When its call is scheduled, by the database's clock; the settle time counts from there. Default: now. */
  scheduledAt?: Date;
}

export interface SubmitError {
  class: string;
  code: string;
  message: string;
  requestId: string | null;
}

export interface SubmissionRecord {
  key: SubmissionKey;
  identity: PaymentIdentity;
  recipe: unknown;
  state: 'sending' | 'accepted' | 'refused' | 'unknown';
  intentAt: Date;
  /** When its call is scheduled, by the database's clock. */
  scheduledAt: Date;
  /**
   * The same moment by the reading process's clock, to compute elapsed time. The vendor requires a caller's clock to be within
   * five minutes of its own; the database's clock has no such bound.
   */
  scheduledAtHere: Date;
  answeredAt: Date | null;
  taskId: string | null;
  requestId: string | null;
  saidDuplicate: boolean;
  adopted: boolean;
  error: { class: string; code: string; message: string } | null;
  /** Temporal's, of the run that submitted. */
  namespace: string;
  workflowId: string;
  runId: string;
  outcome: SubmissionOutcome | null;
  outcomeCode: string | null;
  outcomeMessage: string | null;
  resultFileId: string | null;
  result: StoredResult | null;
  /** When the result was found to be deleted from the library; null: not known to be deleted. */
  resultGoneAt: Date | null;
  /** The rejection, when the latest review of the result rejected it; null otherwise. `by` is null when the review expired. */
  rejected: { at: Date; by: string | null; reason: string } | null;
}

/** The decision of a review. Null `by`: it expired. */
export interface ReviewWord {
  decision: 'approve' | 'reject';
  by: string | null;
  reason: string;
}

/** The part of a result that the ledger keeps as JSON. Times are ISO 8601. */
export interface StoredResult {
  files: ResultFile[];
  finishedAt: string | null;
  requestId: string | null;
}

export interface TaskOutcome {
  outcome: SubmissionOutcome;
  code: string | null;
  message: string | null;
  resultFileId: string | null;
  result: StoredResult | null;
}

/** Rounds of submitting without finding a task, after which a further one needs an operator's approval. */
export const MAX_UNKNOWN_ROUNDS = 3;

export type BeginOutcome =
  /** The intent is written: send, then record the outcome. */
  | { kind: 'send'; submission: SubmissionAttempt }
  /** An earlier submit is unresolved: search for its task. `settlesInMs` ≤ 0 once no new task can appear. */
  | { kind: 'look'; record: SubmissionRecord; settlesInMs: number }
  /** A task is running, or ended and was not read yet. */
  | { kind: 'running'; record: SubmissionRecord }
  /** Paid, done, and the result is known. */
  | { kind: 'done'; record: SubmissionRecord }
  /** Paid and done, and the result was deleted from the library: only `payAgain` produces it again. */
  | { kind: 'deleted'; record: SubmissionRecord }
  /** Paid, and the result was never read: only `payAgain` submits again. */
  | { kind: 'lost'; record: SubmissionRecord }
  /** The task failed, and this run may not pay once more. */
  | { kind: 'failed'; record: SubmissionRecord }
  /** Too many rounds without a task, or the vendor reports a duplicate and there is none: an operator decides. */
  | { kind: 'uncertain'; record: SubmissionRecord; why: string }
  /**
   * A payment would be needed, and the request forbids it. The newest submission explains why there is nothing to take up; null:
   * none was made.
   */
  | { kind: 'forbidden'; record: SubmissionRecord | null }
  /** A payment is needed, and the intent has no price: estimate it and ask again. */
  | { kind: 'unpriced' }
  /** The payment would exceed the budget of its batch. Nothing was written. With `failed` it would have followed that task. */
  | {
      kind: 'overBudget';
      batchId: string;
      maxCostUsd: number;
      leftUsd: number;
      costUsd: number;
      failed: SubmissionRecord | null;
    }
  /** The batch that it names accepts no more erases, or makes no more payments. Nothing was written. */
  | { kind: 'batchClosed'; batchId: string; state: 'ended' | 'cancelling' | 'otherNamespace' }
  /** A cap has no room for it: hold. Nothing was written. */
  | { kind: 'capped'; cap: Cap; costUsd: number }
  /** A breaker is open: hold. */
  | { kind: 'blocked'; breaker: Breaker };
