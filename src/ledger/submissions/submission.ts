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
 * A submission as one attempt armed it. A row is armed again after a refusal; what an attempt says late, or repeats, must
 * not be taken for a word about the call that goes out since.
 */
export interface SubmissionAttempt extends SubmissionKey {
  /** 1, 2, … within the submission. */
  attempt: number;
}

/** Which submission was looked for, and the time at which its call could leave then. */
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
   * Set when the task with this id ended with a failure that is worth one more payment. Without it, a run never pays
   * twice by itself.
   */
  resubmitAfterTaskId: string | null;
  /** Set after looking for the task of an unresolved submission and not finding it: it may be given up once it has settled. */
  lookedFor: LookedFor | null;
  /**
   * An operator looked at a hold and decided to submit again: leave to go past uncertain submissions up to this number.
   * What is in doubt after that needs a new decision.
   */
  operatorRetryUpTo: number | null;
  /** Milliseconds after its call may leave in which a submit can still turn up in the vendor's lists. */
  settleMs: number;
  /** What the submit is expected to cost, in USD; null while nobody has worked it out. */
  costUsd: number | null;
  /** When its call may leave, by the database's clock: what is settled counts from there. Default: now. */
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
  /** From when on its call may leave, by the database's clock. */
  scheduledAt: Date;
  /**
   * The same moment by the clock of the process that read it: what has passed since is the same on every clock. The vendor
   * holds a caller's clock to five minutes of its own; nobody holds the database's.
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
  /** When the result was found to be deleted from the library; null: not, as far as is known. */
  resultGoneAt: Date | null;
  /** The last word of a review on the result, if that was no; null otherwise. `by` is null when its time was over. */
  rejected: { at: Date; by: string | null; reason: string } | null;
}

/** What a review came to. Null `by`: its time was over. */
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

/** Rounds of submitting and not finding a task, after which only an operator lets a further one go. */
export const MAX_UNKNOWN_ROUNDS = 3;

export type BeginOutcome =
  /** The intent is written: send, then say what came of it. */
  | { kind: 'send'; submission: SubmissionAttempt }
  /** An earlier submit is unresolved: look for its task. `settlesInMs` ≤ 0 once nothing new can turn up. */
  | { kind: 'look'; record: SubmissionRecord; settlesInMs: number }
  /** A task is under way, or ended and was not read yet. */
  | { kind: 'running'; record: SubmissionRecord }
  /** Paid, done, and the result is known. */
  | { kind: 'done'; record: SubmissionRecord }
  /** Paid and done, and the result was deleted from the library: only `payAgain` makes it anew. */
  | { kind: 'deleted'; record: SubmissionRecord }
  /** Paid, and the result was never read: only `payAgain` submits again. */
  | { kind: 'lost'; record: SubmissionRecord }
  /** The task failed, and this run has no leave to pay once more. */
  | { kind: 'failed'; record: SubmissionRecord }
  /** Too many rounds without a task, or the vendor says duplicate and there is none: an operator decides. */
  | { kind: 'uncertain'; record: SubmissionRecord; why: string }
  /** Money is due, and the request forbids to pay. The newest submission says why there is nothing to take up; null: none was made. */
  | { kind: 'forbidden'; record: SubmissionRecord | null }
  /** Money is due, and the intent has no price: estimate it and ask again. */
  | { kind: 'unpriced' }
  /** The payment would go past the budget of its batch. Nothing was written. With `failed` it would have followed that task. */
  | {
      kind: 'overBudget';
      batchId: string;
      maxCostUsd: number;
      leftUsd: number;
      costUsd: number;
      failed: SubmissionRecord | null;
    }
  /** The batch that it names takes no more erases, or pays for none any more. Nothing was written. */
  | { kind: 'batchClosed'; batchId: string; state: 'ended' | 'cancelling' | 'otherNamespace' }
  /** A cap leaves no room for it: hold. Nothing was written. */
  | { kind: 'capped'; cap: Cap; costUsd: number }
  /** A breaker is open: hold. */
  | { kind: 'blocked'; breaker: Breaker };
