import { ERROR_CLASSES, type ErrorClass, type ExitCode } from './contract/error-classes.js';
import type { EraseFailureDetails, EraseResult } from './contract/request.js';

/** Details of an {@link EraseError}. All are optional: a wrong setting has no TaskId. */
export interface EraseErrorFields {
  /** The vendor's code, or ours where there is none. */
  code?: string | null;
  /** RequestId of the vendor's answer. */
  requestId?: string | null;
  /** The vendor's task. */
  taskId?: string | null;
  /** The run that it is about. */
  workflowId?: string | null;
  /** True when the vendor accepted a task that it bills, or may have. */
  moneySpent?: boolean;
  /** The new file, when the erase itself succeeded and a later step failed. */
  resultFileId?: string | null;
  /** Of a rejected erase: the workflow id of the one that tries another recipe. */
  retryWorkflowId?: string | null;
  /** What to do, where it is more exact than the class's own advice. */
  advice?: string;
  /** The error behind it. */
  cause?: unknown;
}

/** Base of every error that this package throws on purpose. `class` is a row of the table of error classes. */
export class EraseError extends Error {
  /** The family of the error: decide by it. */
  readonly class: ErrorClass;
  /** The vendor's code, or ours; null where there is none. */
  readonly code: string | null;
  /** RequestId of the vendor's answer, for the vendor's support. */
  readonly requestId: string | null;
  /** The vendor's task, if there is one. */
  readonly taskId: string | null;
  /** The run that it is about. */
  readonly workflowId: string | null;
  /** True when the vendor accepted a task that it bills, or may have. */
  readonly moneySpent: boolean;
  /** The new file, when the erase itself succeeded and a later step failed. */
  readonly resultFileId: string | null;
  /** Of a rejected erase: the workflow id of the one that tries another recipe. */
  readonly retryWorkflowId: string | null;
  /** What the person who reads it can do. */
  readonly advice: string;
  /** With which the `smart-erase` command ends for it. */
  readonly exitCode: ExitCode;

  constructor(errorClass: ErrorClass, message: string, fields: EraseErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = new.target.name;
    this.class = errorClass;
    this.code = fields.code ?? null;
    this.requestId = fields.requestId ?? null;
    this.taskId = fields.taskId ?? null;
    this.workflowId = fields.workflowId ?? null;
    this.moneySpent = fields.moneySpent ?? false;
    this.resultFileId = fields.resultFileId ?? null;
    this.retryWorkflowId = fields.retryWorkflowId ?? null;
    this.advice = fields.advice ?? ERROR_CLASSES[errorClass].advice;
    this.exitCode = ERROR_CLASSES[errorClass].exitCode;
  }

  /** Without the stack, and without the cause: safe to log and to send to a caller. */
  toJSON(): EraseFailureDetails & {
    /** The run that it is about. */
    workflowId: string | null;
    /** What the person who reads it can do. */
    advice: string;
  } {
    return {
      class: this.class,
      code: this.code,
      requestId: this.requestId,
      taskId: this.taskId,
      message: this.message,
      moneySpent: this.moneySpent,
      resultFileId: this.resultFileId,
      ...(this.retryWorkflowId === null ? {} : { retryWorkflowId: this.retryWorkflowId }),
      workflowId: this.workflowId,
      advice: this.advice,
    };
  }
}

/** The request is refused: `problems` has one sentence for each thing that is wrong with it. */
export class InvalidRequestError extends EraseError {
  constructor(
    /** One sentence for each thing that is wrong. */
    readonly problems: readonly string[],
    fields: EraseErrorFields = {},
  ) {
    super('input', problems.join(' '), fields);
  }
}

/** The id is in use for something else. `difference` names the fields that differ. */
export class RequestConflictError extends EraseError {
  constructor(
    /** Fields of the request that differ, such as `publish.name`. */
    readonly difference: readonly string[],
    fields: EraseErrorFields & { workflowId: string },
  ) {
    super(
      'conflict',
      `${fields.workflowId} exists already, for a request that differs in ${difference.join(', ')}.`,
      fields,
    );
  }
}

/** A setting is missing or wrong. `problems` has them all. */
export class ConfigurationError extends EraseError {
  constructor(
    /** One sentence for each setting that is wrong, beginning with its name. */
    readonly problems: readonly string[],
    fields: EraseErrorFields = {},
  ) {
    super('configuration', problems.join('\n'), {
      advice: 'Put right what is named, then check with `smart-erase doctor`.',
      ...fields,
    });
  }
}

/** A server that is needed cannot be reached. Nothing was lost; what was asked may not have begun. */
export class UnavailableError extends EraseError {
  constructor(message: string, fields: EraseErrorFields = {}) {
    super('unavailable', message, fields);
  }
}

/** No run has this id, in the namespace asked. */
export class EraseNotFoundError extends EraseError {
  constructor(workflowId: string, fields: EraseErrorFields = {}) {
    super('input', `There is no erase ${workflowId} in Temporal.`, {
      code: 'NotFound',
      advice: 'Check the id and the namespace; a run that ended is forgotten after the retention of the namespace.',
      workflowId,
      ...fields,
    });
  }
}

/** A decision came for a run that does not wait for one, or that was not complete. Nothing was changed. */
export class EraseNotHeldError extends EraseError {
  constructor(workflowId: string, message: string, fields: EraseErrorFields = {}) {
    super('input', message, {
      code: 'NotHeld',
      advice: 'Look at it with `smart-erase status`; only a held erase takes retry, skip or abort.',
      workflowId,
      ...fields,
    });
  }
}

/** A review's decision came for a run that is not in review, or that was not complete. Nothing was changed. */
export class EraseNotInReviewError extends EraseError {
  constructor(workflowId: string, message: string, fields: EraseErrorFields = {}) {
    super('input', message, {
      code: 'NotInReview',
      advice: 'List what waits for a decision with `smart-erase review list`.',
      workflowId,
      ...fields,
    });
  }
}

/** The run ended without a result. The class says which family of failure it is. */
export class EraseFailedError extends EraseError {
  constructor(details: EraseFailureDetails, workflowId: string, cause?: unknown) {
    super(details.class, details.message, { ...details, workflowId, cause });
  }
}

/** The run was cancelled. `moneySpent` and `taskId` say whether the vendor's task ran on. */
export class EraseCancelledError extends EraseError {
  constructor(details: Partial<EraseFailureDetails>, workflowId: string, cause?: unknown) {
    super('cancelled', details.message ?? `${workflowId} was cancelled.`, { ...details, workflowId, cause });
  }
}

/** `result()` was asked not to wait, or was given a deadline, and the run goes on. */
export class EraseStillRunningError extends EraseError {
  constructor(workflowId: string, phase: string | null) {
    super('unavailable', `${workflowId} is still running${phase === null ? '' : ` (${phase})`}.`, {
      code: 'StillRunning',
      advice: 'Ask again later, or wait for it.',
      workflowId,
    });
  }
}

/** True for the output of a run that succeeded. */
export function isEraseResult(value: unknown): value is EraseResult {
  return typeof value === 'object' && value !== null && (value as { status?: unknown }).status === 'succeeded';
}
