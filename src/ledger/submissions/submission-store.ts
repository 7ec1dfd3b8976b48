import type { Breaker, BreakerScope } from '../holds/breaker.js';
import type {
  BeginOutcome,
  Intent,
  PaymentIdentity,
  ReviewWord,
  SubmissionAttempt,
  SubmissionKey,
  SubmissionRecord,
  SubmitError,
  TaskOutcome,
} from './submission.js';

/** Paid calls and their outcomes. Every write is safe to repeat; every method throws a `LedgerError`. */
export interface SubmissionStore {
  /**
   * Decides, in one transaction, what a run that wants to submit has to do, and if that is to send, writes the intent. See {@link
   * BeginOutcome}.
   */
  begin(intent: Intent): Promise<BeginOutcome>;
  /**
   * The vendor accepted the submit: by its answer, or because the task was found. Repeating it changes nothing.
   * @returns the submission as it is in the ledger now; `taken`: another one holds this TaskId, so it cannot be this one's
   */
  accepted(
    submission: SubmissionKey,
    task: { taskId: string; requestId: string | null; adopted: boolean },
  ): Promise<SubmissionRecord | 'taken'>;
  /**
   * The submit was certainly not executed, and may be attempted again. With `trips` it also opens that breaker, in the same
   * transaction, and returns the open one.
   */
  refused(
    submission: SubmissionAttempt,
    error: SubmitError,
    options?: { trips?: BreakerScope },
  ): Promise<Breaker | null>;
  /** The outcome of the submit is unknown; the intent stays `sending`. */
  markUnknown(submission: SubmissionAttempt, error: SubmitError & { saidDuplicate: boolean }): Promise<void>;
  /**
   * Gives up a submit of unknown outcome that has settled: it cannot be sent any more. A late answer still counts. False when its
   * outcome is known by now, or it was rescheduled since.
   */
  giveUp(submission: SubmissionKey, settleMs: number): Promise<boolean>;
  /**
   * Reschedules the call.
   * @throws LedgerError of kind `unexpected` when the submission was resolved, or begun anew, meanwhile
   */
  reschedule(submission: SubmissionAttempt, scheduledAt: Date): Promise<void>;
  /** The current submission with this TaskId. */
  findByTask(taskId: string): Promise<SubmissionRecord | null>;
  /** Latest submission of a payment identity. */
  findLatest(identity: PaymentIdentity): Promise<SubmissionRecord | null>;
  /** Which of these TaskIds the ledger holds, each with its submission. */
  knownTasks(taskIds: string[]): Promise<Map<string, SubmissionKey>>;
  /** How a task ended. The first outcome stands; repeating it changes nothing. */
  recordOutcome(taskId: string, outcome: TaskOutcome): Promise<void>;
  /** Whether the vendor's library still has the result of a task. */
  recordResultGone(taskId: string, gone: boolean): Promise<void>;
  /** A reviewer's decision on the result of a task. A rejection stands until a later review approves. */
  recordReview(taskId: string, review: ReviewWord): Promise<void>;
}
