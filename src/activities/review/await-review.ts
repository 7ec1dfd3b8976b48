import { Context } from '@temporalio/activity';
import type { ActivityDependencies } from '../dependencies.js';
import { rejectedBefore } from '../erase/steps/rejected-before.js';
import { notYet } from '../shared/failures.js';
import { standingOf } from '../shared/open-workflow.js';

/** Between two checks whether another run's review has ended, in milliseconds: a quarter of the time waited so far. */
const FIRST_LOOK_MS = 1_000;
const LAST_LOOK_MS = 60_000;

/**
 * For a run without its own review: a result that another run reviews, or will review, is published only after that, and not at
 * all when it was rejected.
 *
 * @throws a failure that makes the publish retry later, or ends it
 */
export async function awaitOthersReview(
  { ledger }: Pick<ActivityDependencies, 'ledger'>,
  taskId: string,
): Promise<void> {
  const { info } = Context.current();
  const { workflowId } = info.workflowExecution ?? { workflowId: '' };
  for (const reviewer of await ledger.phases.reviewers(taskId, workflowId)) {
    if ((await standingOf(reviewer)) === 'closed') continue;
    const waitedMs = Date.now() - info.scheduledTimestampMs;
    throw notYet(
      `Nothing is published yet: its result is in review by ${reviewer.workflowId}.`,
      Math.min(Math.max(waitedMs / 4, FIRST_LOOK_MS), LAST_LOOK_MS),
    );
  }
  // Read after the reviews: a rejection is written before its review is over.
  const rejected = rejectedBefore(await ledger.submissions.findByTask(taskId));
  if (rejected !== null) throw rejected;
}
