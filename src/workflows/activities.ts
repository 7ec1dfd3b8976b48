import { ActivityCancellationType, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { MainActivities, SubmitActivities } from '../activities/index.js';
import { ACTIVITY_ID, namesOfQueue } from '../contract/names.js';

/**
 * The activities as the workflow calls them. None has a schedule-to-close timeout: it would include queue time, and end
 * activities behind a backlog that never ran. Deadlines travel in the arguments.
 */

/** Detects a worker that died, after this long without a heartbeat. */
const HEARTBEAT_TIMEOUT = '30s';
/** Covers one vendor read, its wait for the read rate limit, and a ledger write. */
const READ_TIMEOUT = '2m';
/** Covers the paid call's maximum (twice the request timeout), its wait for a slot, and the writes before and after it. */
const SUBMIT_TIMEOUT = '5m';
/** Delays come with each failure, by its class; this is for failures without one, such as a worker that died. */
const RETRY = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' } as const;

/** `priority` decides the queue: a batch never delays an interactive erase. Its prefix is that of the run's own queue. */
export function submitActivities(priority: 'live' | 'batch') {
  const { queue } = namesOfQueue(workflowInfo().taskQueue);
  return proxyActivities<SubmitActivities>({
    taskQueue: priority === 'batch' ? queue.submitBatch : queue.submit,
    startToCloseTimeout: SUBMIT_TIMEOUT,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: RETRY,
    // The activity itself shields the call: a cancel ends the wait before it, and never hides its outcome.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

const reads = {
  startToCloseTimeout: READ_TIMEOUT,
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: RETRY,
  // Reads are cancelled at once: a lost answer costs nothing.
  cancellationType: ActivityCancellationType.TRY_CANCEL,
} as const;

export const { awaitTask } = proxyActivities<MainActivities>({ ...reads, activityId: ACTIVITY_ID.awaitTask });
export const { fetchResult } = proxyActivities<MainActivities>({ ...reads, activityId: ACTIVITY_ID.fetchResult });

export const { publishResult } = proxyActivities<MainActivities>({
  ...reads,
  activityId: ACTIVITY_ID.publish,
  // A publish is several writes: a cancel waits for the current one, so that the outcome can be reported.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  startToCloseTimeout: SUBMIT_TIMEOUT,
});

export const { cancelTask } = proxyActivities<MainActivities>({
  ...reads,
  activityId: ACTIVITY_ID.cancelTask,
  // The only total timeout: a cancel has to end even when the vendor cannot be reached.
  scheduleToCloseTimeout: '15m',
});

export const { endHold } = proxyActivities<MainActivities>({ ...reads, activityId: ACTIVITY_ID.endHold });

export const { describeReview } = proxyActivities<MainActivities>({
  ...reads,
  activityId: ACTIVITY_ID.describeReview,
});
export const { planReviewRetry } = proxyActivities<MainActivities>({
  ...reads,
  activityId: ACTIVITY_ID.planReviewRetry,
});
export const { recordReview } = proxyActivities<MainActivities>({ ...reads, activityId: ACTIVITY_ID.recordReview });
