import { type ErrorClass, isErrorClass } from '../../../contract/error-classes.js';
import type { SearchAttributeKey } from '../../../contract/names.js';
import type { EraseResult, NormalizedEraseRequest, RetryDecision } from '../../../contract/request.js';
import { LONGEST_MESSAGE, shortText } from '../../../contract/text.js';
import { MAX_DEADLINE_HOURS } from '../../../contract/vendor-limits.js';
import type { Breaker, BreakerScope } from '../../../ledger/holds/breaker.js';
import type { Cap } from '../../../ledger/money/cap.js';
import type { SubmissionRecord } from '../../../ledger/submissions/submission.js';

export interface SubmitInput {
  /** Whatever the run was started with. */
  request: unknown;
  /** Why the request is not passed on, with null in its place; absent where it is. */
  unfit?: string;
  /** The failed task after which one more payment is allowed. */
  resubmitAfterTaskId: string | null;
  /**
   * Set when an operator ended a hold by `retry`: approval for exactly one more submit after the held one; or, with `taskId`, no
   * approval, but the task of the held one.
   */
  operatorRetry: (RetryDecision & { upToSubmission: number | null }) | null;
}

/** What the run needs to know of the request, once it was checked. */
export interface ValidatedRequest {
  request: NormalizedEraseRequest;
  recipeHash: string;
  /** Registered in the namespace: only these may be upserted. */
  searchAttributes: SearchAttributeKey[];
}

/** `details[1]` of a failure that ends the submit for good. */
export interface FailedSubmit {
  /** Registered, and safe to upsert with what the run knows; for an invalid request, the phase alone. */
  searchAttributes: SearchAttributeKey[];
}

export type SubmitOutcome =
  | (ValidatedRequest & {
      kind: 'running';
      taskId: string;
      requestId: string | null;
      /** ISO 8601. */
      submittedAt: string;
      /** ISO 8601. */
      deadlineAt: string;
      /** True when another run submitted it. */
      reused: boolean;
      /** True when this workflow paid for it, by this run or one before it. */
      paidHere: boolean;
      /** True when the answer was lost and the task was found by reconciling. */
      adopted: boolean;
    })
  | (ValidatedRequest & { kind: 'done'; result: EraseResult; paidHere: boolean })
  | (ValidatedRequest & { kind: 'held'; hold: Hold });

/** Why a run stopped for an operator. */
export interface Hold {
  class: ErrorClass;
  code: string | null;
  message: string;
  requestId: string | null;
  /** Number of the submission whose outcome is unknown; null for any other hold. */
  submission: number | null;
  /** When the search for the task of an uncertain submission ends: the vendor forgets it soon after. ISO 8601, else null. */
  expiresAt: string | null;
  /** When the ledger recorded it, ISO 8601; identifies the hold for an operator who decides by the ledger. */
  since?: string;
  /** The breaker that stops the submit. A retry closes this opening of it, and no later one. */
  breaker?: HeldByBreaker;
}

export interface HeldByBreaker {
  scope: BreakerScope;
  /** ISO 8601. */
  openedAt: string;
}

function heldBy({ scope, openedAt }: Breaker): HeldByBreaker {
  return { scope, openedAt: openedAt.toISOString() };
}

/** Stopped by a breaker, without a call. */
export function blocked(breaker: Breaker) {
  const { scope, class: errorClass, code, message, requestId, openedAt } = breaker;
  const hold: Hold = {
    class: isErrorClass(errorClass) ? errorClass : 'account',
    code,
    message: `Submits of ${scope} are stopped since ${openedAt.toISOString()}: ${message}`,
    requestId,
    submission: null,
    expiresAt: null,
    breaker: heldBy(breaker),
  };
  return { kind: 'held' as const, hold };
}

/** Stopped by a cap, without a call. */
export function capped({ scope, period, limitUsd, leftUsd }: Cap, costUsd: number) {
  const which = `${period === 'day' ? 'daily' : 'total'} cap${scope === 'all' ? '' : ` of ${scope}`}`;
  return held(
    'cap',
    'CapReached',
    `The ${which} of ${limitUsd} USD has ${leftUsd} USD left, and this erase is estimated at ${costUsd} USD.`,
    null,
  );
}

export function held(
  errorClass: ErrorClass,
  code: string,
  message: string,
  requestId: string | null,
  breaker: Breaker | null = null,
) {
  const hold: Hold = { class: errorClass, code, message, requestId, submission: null, expiresAt: null };
  return { kind: 'held' as const, hold: breaker === null ? hold : { ...hold, breaker: heldBy(breaker) } };
}

/** Whether the submit was accepted cannot be found out. */
export function uncertain(why: string, record: SubmissionRecord) {
  const hold: Hold = {
    class: 'uncertain',
    code: 'SubmitUncertain',
    message: shortText(`Whether this erase was paid for cannot be found out: ${why}.`, LONGEST_MESSAGE),
    requestId: record.requestId,
    submission: record.key.number,
    expiresAt: new Date(record.scheduledAt.getTime() + MAX_DEADLINE_HOURS * 3_600_000).toISOString(),
  };
  return { kind: 'held' as const, hold };
}
