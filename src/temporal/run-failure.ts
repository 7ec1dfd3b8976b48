import type { WorkflowExecutionDescription, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { isErrorClass } from '../contract/error-classes.js';
import { MEMO, SEARCH_ATTRIBUTE } from '../contract/names.js';
import type { EraseFailureDetails } from '../contract/request.js';
import { EraseCancelledError, type EraseError, EraseFailedError } from '../errors.js';

/** A run that has ended without a result: why, as far as the failure and the description tell. */
export function failureOf(
  error: WorkflowFailedError,
  workflowId: string,
  description: WorkflowExecutionDescription | undefined,
): EraseError {
  const cause = error.cause;
  if (cause instanceof CancelledFailure) {
    return new EraseCancelledError(cancelDetails(description), workflowId, error);
  }
  const details = failureDetails(cause, taskIdOf(description));
  if (details.class === 'cancelled') return new EraseCancelledError(details, workflowId, error);
  return new EraseFailedError(details, workflowId, error);
}

/** What the failure that ended a run says, in the contract's shape. */
export function failureDetails(cause: unknown, taskId: string | null): EraseFailureDetails {
  const unknown: EraseFailureDetails = {
    class: 'unexpected',
    code: null,
    requestId: null,
    taskId,
    message: cause instanceof Error ? cause.message : 'The run failed without saying why.',
    // What is not known counts as spent.
    moneySpent: true,
  };
  if (cause instanceof TerminatedFailure) {
    return { ...unknown, class: 'aborted', code: 'Terminated', message: 'The run was terminated from outside.' };
  }
  if (cause instanceof TimeoutFailure) {
    return { ...unknown, class: 'expired', code: 'Timeout', message: 'The run reached its time limit.' };
  }
  for (let at = cause; at instanceof Error; at = at.cause) {
    if (!(at instanceof ApplicationFailure)) continue;
    const given = at.details?.[0];
    if (isFailureDetails(given)) return given;
    if (isErrorClass(at.type)) return { ...unknown, class: at.type, message: at.message };
    return { ...unknown, code: at.type ?? null, message: at.message };
  }
  return unknown;
}

/** A cancelled run leaves what it knows in its memo; one that was cancelled before its first task could not. */
export function cancelDetails(description: WorkflowExecutionDescription | undefined): Partial<EraseFailureDetails> {
  const outcome = description?.memo?.[MEMO.outcome];
  if (isFailureDetails(outcome)) return outcome;
  return { code: null, requestId: null, taskId: taskIdOf(description), moneySpent: taskIdOf(description) !== null };
}

export function taskIdOf(
  description: Pick<WorkflowExecutionDescription, 'searchAttributes'> | undefined,
): string | null {
  return searchAttribute(description, SEARCH_ATTRIBUTE.taskId);
}

/** Value of a Keyword search attribute; null when it is not set. */
export function searchAttribute(
  description: Pick<WorkflowExecutionDescription, 'searchAttributes'> | undefined,
  name: string,
): string | null {
  const value = description?.searchAttributes?.[name]?.[0];
  return typeof value === 'string' ? value : null;
}

function isFailureDetails(value: unknown): value is EraseFailureDetails {
  if (typeof value !== 'object' || value === null) return false;
  const { class: errorClass, message } = value as Partial<EraseFailureDetails>;
  return isErrorClass(errorClass) && typeof message === 'string';
}
