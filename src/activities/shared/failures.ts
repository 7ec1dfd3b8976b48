import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { ERROR_CLASSES, type ErrorClass, retryDelayMs } from '../../contract/error-classes.js';
import type { EraseFailureDetails } from '../../contract/request.js';
import { LONGEST_MESSAGE, shortText } from '../../contract/text.js';
import { LedgerError } from '../../ledger/db/ledger-error.js';
import { VodError } from '../../tencent-vod/vod-error.js';

/** What is known of the money and the task when an activity fails. */
export interface KnownSoFar {
  taskId: string | null;
  moneySpent: boolean;
  resultFileId?: string | null;
}

const NOTHING_YET: KnownSoFar = { taskId: null, moneySpent: false };

/** An error that Temporal must not retry: `type` is the class, `details[0]` what the contract promises. */
export function finalFailure(
  errorClass: ErrorClass,
  fields: { code: string | null; message: string; requestId?: string | null },
  known: KnownSoFar = NOTHING_YET,
): ApplicationFailure {
  return ApplicationFailure.create({
    type: errorClass,
    message: shortText(fields.message, LONGEST_MESSAGE),
    nonRetryable: true,
    details: [detailsOf(errorClass, fields, known)],
  });
}

/** An error after which Temporal runs the activity again, `delayMs` milliseconds later. */
export function retryFailure(
  errorClass: ErrorClass,
  fields: { code: string | null; message: string; requestId?: string | null },
  delayMs: number,
  known: KnownSoFar = NOTHING_YET,
): ApplicationFailure {
  return ApplicationFailure.create({
    type: errorClass,
    message: shortText(fields.message, LONGEST_MESSAGE),
    nextRetryDelay: Math.max(1, Math.round(delayMs)),
    details: [detailsOf(errorClass, fields, known)],
  });
}

/** Not an error: the awaited event has not happened yet. Kept out of error metrics and logs. */
export function notYet(message: string, delayMs: number): ApplicationFailure {
  const failure = ApplicationFailure.create({
    type: 'notYet',
    message: shortText(message, LONGEST_MESSAGE),
    nextRetryDelay: Math.max(1, Math.round(delayMs)),
    category: ApplicationFailureCategory.BENIGN,
  });
  // The UI shows the stack for every pending activity, and it is not useful.
  failure.stack = '';
  return failure;
}

/** Converts an error of a vendor read or of the ledger into a Temporal failure, by the table of classes. */
export function readFailure(error: unknown, attempt: number, known: KnownSoFar = NOTHING_YET): Error {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  const { errorClass, code, message, requestId } = describeError(error);
  const fields = { code, message, requestId };
  if (ERROR_CLASSES[errorClass].onRead === 'fail') return finalFailure(errorClass, fields, known);
  return retryFailure(errorClass, fields, retryDelayMs(errorClass, attempt), known);
}

export interface DescribedError {
  errorClass: ErrorClass;
  code: string;
  message: string;
  requestId: string | null;
}

/** One sentence with what happened, where, and the RequestId. */
export function describeError(error: unknown): DescribedError {
  if (error instanceof VodError) {
    // Its message names the action, the code and the RequestId already.
    return { errorClass: error.class, code: error.code, message: error.message, requestId: error.requestId };
  }
  if (error instanceof LedgerError) {
    const errorClass =
      error.kind === 'unavailable' ? 'unavailable' : error.kind === 'unexpected' ? 'unexpected' : 'configuration';
    return { errorClass, code: `ledger.${error.kind}`, message: error.message, requestId: null };
  }
  const message = shortText(error instanceof Error ? error.message : String(error), LONGEST_MESSAGE);
  return { errorClass: 'unexpected', code: 'unexpected', message, requestId: null };
}

function detailsOf(
  errorClass: ErrorClass,
  fields: { code: string | null; message: string; requestId?: string | null },
  known: KnownSoFar,
): EraseFailureDetails {
  return {
    class: errorClass,
    code: fields.code,
    requestId: fields.requestId ?? null,
    taskId: known.taskId,
    message: shortText(fields.message, LONGEST_MESSAGE),
    moneySpent: known.moneySpent,
    ...(known.resultFileId === undefined ? {} : { resultFileId: known.resultFileId }),
  };
}
