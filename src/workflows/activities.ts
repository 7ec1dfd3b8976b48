import { ActivityCancellationType, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { MainActivities, SubmitActivities } from '../activities/index.js';
import { ACTIVITY_ID, namesOfQueue } from '../contract/names.js';

/**
 * The activities as the workflow calls them. No total timeout on any: a total counts the time in the queue, and
 * behind a backlog it would end what never ran. Deadlines travel in the arguments.
 */

/** A worker that died is noticed after this long without a heartbeat. */
const HEARTBEAT_TIMEOUT = '30s';
/** One read of the vendor, its wait in the read pace, and a write of the ledger. */
const READ_TIMEOUT = '2m';
/** The paid call at its worst (twice the request timeout), its wait for a slot, and the writes before and after. */
const SUBMIT_TIMEOUT = '5m';
/** Delays come with each failure, by its class; this is for what fails without one, such as a worker that died. */
const RETRY = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' } as const;

/**
 * `priority` decides the queue: a batch never stands in front of an erase that somebody waits for. Its prefix is that of the run's
 * own queue.
 */
export function submitActivities(priority: 'live' | 'batch') {
  const { queue } = namesOfQueue(workflowInfo().taskQueue);
  return proxyActivities<SubmitActivities>({
    taskQueue: priority === 'batch' ? queue.submitBatch : queue.submit,
    startToCloseTimeout: SUBMIT_TIMEOUT,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: RETRY,
    // The activity itself shields the call: a cancel ends the wait before it, and never hides what came of it.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

const reads = {
  startToCloseTimeout: READ_TIMEOUT,
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: RETRY,
  // Reads are given up at once: nothing is lost by not hearing the answer.
  cancellationType: ActivityCancellationType.TRY_CANCEL,
} as const;

export const { awaitTask } = proxyActivities<MainActivities>({ ...reads, activityId: ACTIVITY_ID.awaitTask });
export const { fetchResult } = proxyActivities<MainActivities>({ ...reads, activityId: ACTIVITY_ID.fetchResult });

export const { publishResult } = proxyActivities<MainActivities>({
  ...reads,
  activityId: ACTIVITY_ID.publish,
  // A publish is several writes: a cancel waits for the one under way, so that the outcome can be told.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  startToCloseTimeout: SUBMIT_TIMEOUT,
});

export const { cancelTask } = proxyActivities<MainActivities>({
  ...reads,
  activityId: ACTIVITY_ID.cancelTask,
  // The one total: a cancel has to end some time, even when the vendor cannot be reached.
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
