import type { Intent, SubmissionRecord } from '../../../ledger/submissions/submission.js';
import type { ActivityDependencies } from '../../dependencies.js';
import { retryFailure } from '../../shared/failures.js';
import { findSubmittedTask } from './find-submitted-task.js';
import { uncertain } from './submit-outcome.js';

/** Longest time between two searches for a task that may still appear, in milliseconds. */
const LOOK_AGAIN_MS = 10_000;

/**
 * Searches for the task of a submit whose outcome is unknown, and adopts it if found. What was searched for is noted in `intent`.
 *
 * @returns null: ask the ledger again; else the hold in which an operator decides
 * @throws the failure that makes the submit retry while the task may still appear; VodError; LedgerError
 */
export async function reconcile(
  deps: Pick<ActivityDependencies, 'vod' | 'ledger'>,
  intent: Intent,
  { record, settlesInMs }: { record: SubmissionRecord; settlesInMs: number },
  signal: AbortSignal,
): Promise<ReturnType<typeof uncertain> | null> {
  const verdict = await findSubmittedTask(deps, record, signal);
  // The task of an earlier submit that was given up may appear after its settle time. Whether there are two is known only when
  // this one has settled too.
  const mayHideAnother = record.key.number > 1 && settlesInMs > 0;
  if (verdict.kind === 'found' && !mayHideAnother) {
    // Another submission took it between the search and the write: ask the ledger again.
    const { taskId } = verdict;
    await deps.ledger.submissions.accepted(record.key, { taskId, requestId: record.requestId, adopted: true });
    return null;
  }
  if (settlesInMs > 0) {
    const reason =
      verdict.kind === 'unclear'
        ? verdict.why
        : verdict.kind === 'found'
          ? `task ${verdict.taskId} may be that of a submit before it`
          : 'no task of it is listed yet';
    throw retryFailure(
      'ambiguous',
      {
        code: 'LookingForTask',
        message: `An earlier submit is in doubt and is looked for: ${reason}. It settles in ${Math.ceil(settlesInMs / 1000)} s.`,
      },
      Math.min(settlesInMs + 100, LOOK_AGAIN_MS),
      { taskId: null, moneySpent: true },
    );
  }
  const operatorApproved = intent.operatorRetryUpTo !== null && record.key.number <= intent.operatorRetryUpTo;
  if (verdict.kind === 'unclear' && !operatorApproved) return uncertain(verdict.why, record);
  intent.lookedFor = { number: record.key.number, scheduledAt: record.scheduledAt };
  return null;
}
