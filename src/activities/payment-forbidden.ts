import type { ApplicationFailure } from '@temporalio/common';
import type { SubmissionRecord } from '../ledger/ledger.js';
import { finalFailure } from './failures.js';

const ADVICE =
  'this erase was started with neverPay, so nothing was sent. Start it again without neverPay to pay for it.';

/**
 * Money would be due, and the request forbids to pay. What became of the task that was to be taken up is the failure,
 * where there was one; without any, asking for its result was a mistake of the request.
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
      // What is not known counts as spent.
      return finalFailure(
        'input',
        { code: 'NeverPay', message: `${what}; ${ADVICE}` },
        { taskId, moneySpent: inDoubt },
      );
    }
  }
}
