import type { EraseError, EraseResult } from '../client.js';
import type { ErrorClass } from '../contract/error-classes.js';
import type { Column } from './output.js';

/** Printed output of one erase: the contract's result, or why there is none. */
export type ErasePrinted = EraseResult | ErasePrintedFailure;

export interface ErasePrintedFailure {
  /** `held`: the erase waits for an operator, so the command stopped waiting. */
  status: 'failed' | 'cancelled' | 'held';
  workflowId: string;
  sourceFileId: string | null;
  error: ReturnType<EraseError['toJSON']>;
}

const STATUS_OF: Partial<Record<ErrorClass, ErasePrintedFailure['status']>> = { cancelled: 'cancelled', cap: 'held' };

export function printedFailure(error: EraseError, workflowId: string, fileId: string | null): ErasePrintedFailure {
  return {
    status: STATUS_OF[error.class] ?? 'failed',
    workflowId,
    sourceFileId: fileId,
    error: error.toJSON(),
  };
}

export const OUTCOME_COLUMNS: readonly Column<ErasePrinted>[] = [
  { heading: 'SOURCE FILE', of: (row) => row.sourceFileId },
  { heading: 'STATUS', of: (row) => (row.status === 'succeeded' && row.reused ? 'succeeded (reused)' : row.status) },
  { heading: 'NEW FILE', of: (row) => (row.status === 'succeeded' ? row.resultFileId : row.error.resultFileId) },
  { heading: 'TASKID', of: (row) => (row.status === 'succeeded' ? row.taskId : row.error.taskId) },
  { heading: 'WHY', of: (row) => (row.status === 'succeeded' ? null : reason(row)) },
];

export const RESULT_COLUMNS: readonly Column<EraseResult>[] = [
  { heading: 'Status', of: (row) => row.status },
  { heading: 'Source file', of: (row) => row.sourceFileId },
  { heading: 'New file', of: (row) => row.resultFileId },
  { heading: 'Recipe', of: (row) => row.recipe?.name },
  { heading: 'TaskId', of: (row) => row.taskId },
  { heading: 'RequestId', of: (row) => row.requestId },
  { heading: 'Reused', of: (row) => (row.reused ? 'yes, this run paid nothing' : 'no') },
  {
    heading: 'Files',
    of: (row) => row.files?.map((file) => `${file.type} ${file.url ?? file.fileId ?? ''}`).join('\n'),
  },
  { heading: 'Submitted', of: (row) => row.submittedAt },
  { heading: 'Finished', of: (row) => row.finishedAt },
  { heading: 'Published', of: (row) => row.published?.changed.join(', ') },
  { heading: 'Warnings', of: (row) => row.published?.warnings.join('\n') },
];

function reason({ error }: ErasePrintedFailure): string {
  return `${error.class}${error.code ? ` (${error.code})` : ''}: ${error.message}`;
}
