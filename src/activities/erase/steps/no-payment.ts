import type { ApplicationFailure } from '@temporalio/common';
import { BATCH_BUDGET } from '../../../contract/batch.js';
import type { BeginOutcome, SubmissionRecord } from '../../../ledger/submissions/submission.js';
import { finalFailure, retryFailure } from '../../shared/failures.js';

/** Why a submit pays for nothing: the failures that end, or delay, the run. */

const ADVICE =
  'this erase was started with neverPay, so nothing was sent. Start it again without neverPay to pay for it.';

/**
 * A payment would be needed, and the request forbids it. The failure is that of the task to be taken up; without one, the request
 * was wrong to ask for its result.
 *
 * @param record the newest submission, null when there is none
 */
export function paymentForbidden(record: SubmissionRecord | null): ApplicationFailure {
  const taskId = record?.taskId ?? null;
  switch (record?.outcome) {
    case 'failed': {
      const message = `Task ${taskId} failed (${record.outcomeMessage ?? record.outcomeCode ?? 'without a word'}); ${ADVICE}`;
      return finalFailure('taskFailed', { code: record.outcomeCode, message }, { taskId, moneySpent: true });
    }
    case 'aborted': {
      const message = `Task ${taskId} was aborted before it ran; ${ADVICE}`;
      return finalFailure('aborted', { code: record.outcomeCode, message }, { taskId, moneySpent: false });
    }
    default: {
      const inDoubt = record?.state === 'sending' || record?.state === 'unknown';
      const what = inDoubt
        ? 'A submit of this erase is in doubt, and no task of it is listed'
        : 'There is no task of this erase to take up';
      // An unknown cost counts as spent.
      return finalFailure(
        'input',
        { code: 'NeverPay', message: `${what}; ${ADVICE}` },
        { taskId, moneySpent: inDoubt },
      );
    }
  }
}

/** Milliseconds until an erase of a batch that is being cancelled asks again, unless it is cancelled before. */
const CANCELLING_WAIT_MS = 4_000;

export function resultDeleted({ taskId, resultFileId }: SubmissionRecord): ApplicationFailure {
  const message =
    `This erase was paid for before (task ${taskId}), but its result ${resultFileId} was deleted from the library. ` +
    'Start again with payAgain to make it anew.';
  return finalFailure('badResult', { code: 'ResultDeleted', message }, { taskId, moneySpent: true });
}

export function lost({ taskId }: SubmissionRecord): ApplicationFailure {
  const message =
    `Task ${taskId} was paid for and ended unread; the vendor no longer knows it. Look for the new file in the media library, ` +
    'or start again with payAgain.';
  return finalFailure('expired', { code: 'PaidAndLost', message }, { taskId, moneySpent: true });
}

export function taskFailed({ taskId, outcomeCode, outcomeMessage }: SubmissionRecord): ApplicationFailure {
  const error = { code: outcomeCode, message: outcomeMessage ?? 'The task failed.' };
  return finalFailure('taskFailed', error, { taskId, moneySpent: true });
}

/** After a failed task, that failure stands. Otherwise the batch starts the erase again once its budget has room. */
export function overBudget({
  batchId,
  maxCostUsd,
  leftUsd,
  costUsd,
  failed,
}: Extract<BeginOutcome, { kind: 'overBudget' }>): ApplicationFailure {
  const budget = `the budget of its batch ${batchId}, ${maxCostUsd.toFixed(2)} USD`;
  if (failed !== null) {
    const { taskId, outcomeCode, outcomeMessage } = failed;
    const message = `${outcomeMessage ?? 'The task failed.'} It was not submitted once more, since that would go past ${budget}.`;
    return finalFailure('taskFailed', { code: outcomeCode, message }, { taskId, moneySpent: true });
  }
  const message =
    `Nothing was sent: this erase costs ${costUsd.toFixed(2)} USD, and ${budget}, has ${leftUsd.toFixed(2)} left. ` +
    'The batch starts it again once the budget is raised (`smart-erase batch set`).';
  return finalFailure('cap', { code: BATCH_BUDGET, message });
}

export function batchClosed({ batchId, state }: Extract<BeginOutcome, { kind: 'batchClosed' }>): ApplicationFailure {
  if (state === 'cancelling') {
    const message = `Nothing is sent: the batch ${batchId} is being cancelled.`;
    return retryFailure('retry', { code: 'BatchCancelling', message }, CANCELLING_WAIT_MS);
  }
  if (state === 'otherNamespace') {
    const message = `Nothing was sent: the batch ${batchId} belongs to another namespace of Temporal. Leave batchId out.`;
    return finalFailure('input', { code: 'OtherNamespace', message });
  }
  const message =
    `Nothing was sent: the batch ${batchId} has ended, so nothing is paid for in its name. ` +
    'Leave batchId out, or redrive the batch.';
  return finalFailure('input', { code: 'BatchEnded', message });
}
