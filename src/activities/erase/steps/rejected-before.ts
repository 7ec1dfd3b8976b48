import type { ApplicationFailure } from '@temporalio/common';
import type { SubmissionRecord } from '../../../ledger/submissions/submission.js';
import { finalFailure } from '../../shared/failures.js';

/**
 * The failure of a request without its own review, when a reviewer rejected the result that it would get. Null: the latest review
 * did not reject it.
 */
export function rejectedBefore(
  record: Pick<SubmissionRecord, 'rejected' | 'taskId' | 'resultFileId'> | null,
): ApplicationFailure | null {
  if (record === null || record.rejected === null) return null;
  const { rejected, taskId, resultFileId } = record;
  const who = rejected.by === null ? '' : ` by ${rejected.by}`;
  const message =
    `The result ${resultFileId ?? ''} of task ${taskId} was rejected in review${who} on ${rejected.at.toISOString()}: ${rejected.reason} ` +
    'Start again with `review` to have it looked at once more, with another recipe, or with `payAgain` to pay for a new one.';
  return finalFailure('rejected', { code: 'RejectedBefore', message }, { taskId, moneySpent: true, resultFileId });
}
