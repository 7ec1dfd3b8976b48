import type { WorkflowExecutionDescription, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { isErrorClass } from '../contract/error-classes.js';
import { MEMO, namesOfQueue, type SearchAttributeKey } from '../contract/names.js';
import type { EraseFailureDetails } from '../contract/request.js';
import { EraseCancelledError, type EraseError, EraseFailedError } from '../errors.js';

/** Why a run ended without a result, as far as its failure and description show it. */
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

/** The failure that ended a run, in the contract's shape. */
export function failureDetails(cause: unknown, taskId: string | null): EraseFailureDetails {
  const unknown: EraseFailureDetails = {
    class: 'unexpected',
    code: null,
    requestId: null,
    taskId,
    message: cause instanceof Error ? cause.message : 'The run failed without saying why.',
    // An unknown cost counts as spent.
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

/** A cancelled run stores its outcome in its memo, unless it was cancelled before its first task. */
export function cancelDetails(description: WorkflowExecutionDescription | undefined): Partial<EraseFailureDetails> {
  const outcome = description?.memo?.[MEMO.outcome];
  if (isFailureDetails(outcome)) return outcome;
  return { code: null, requestId: null, taskId: taskIdOf(description), moneySpent: taskIdOf(description) !== null };
}

export function taskIdOf(description: Described | undefined): string | null {
  return searchAttribute(description, 'taskId');
}

/** The common fields of a run's description and its list entry. */
type Described = Pick<WorkflowExecutionDescription, 'searchAttributes' | 'taskQueue'>;

/** Value of one of our search attributes, by the run's own prefix; null when it is not set. */
export function searchAttribute(description: Described | undefined, key: SearchAttributeKey): string | null {
  if (description === undefined) return null;
  const value = description.searchAttributes?.[namesOfQueue(description.taskQueue).searchAttribute[key]]?.[0];
  return typeof value === 'string' ? value : null;
}

function isFailureDetails(value: unknown): value is EraseFailureDetails {
  if (typeof value !== 'object' || value === null) return false;
  const { class: errorClass, message } = value as Partial<EraseFailureDetails>;
  return isErrorClass(errorClass) && typeof message === 'string';
}
