import { createAwaitTask } from './await-task.js';
import { createCancelTask } from './cancel-task.js';
import { createChangeBatch } from './change-batch.js';
import { createDeliverWebhook } from './deliver-webhook.js';
import type { ActivityDependencies } from './dependencies.js';
import { createDescribeReview } from './describe-review.js';
import { createFeedBatch } from './feed-batch.js';
import { createFetchResult } from './fetch-result.js';
import { heartbeating } from './heartbeat.js';
import { createEndHold } from './holds.js';
import { createPlanReviewRetry } from './plan-review-retry.js';
import { createPublishResult } from './publish-result.js';
import { createRecordReview } from './record-review.js';
import { createSubmitErase } from './submit-erase.js';
import { createWatchCompletions } from './watch-completions.js';

/** Activities of the main queue. */
export function createMainActivities(deps: ActivityDependencies) {
  return {
    awaitTask: heartbeating(createAwaitTask(deps)),
    fetchResult: heartbeating(createFetchResult(deps)),
    publishResult: heartbeating(createPublishResult(deps)),
    cancelTask: heartbeating(createCancelTask(deps)),
    endHold: heartbeating(createEndHold(deps)),
    describeReview: heartbeating(createDescribeReview(deps)),
    planReviewRetry: heartbeating(createPlanReviewRetry()),
    recordReview: heartbeating(createRecordReview(deps)),
    deliverWebhook: createDeliverWebhook(deps),
    feedBatch: createFeedBatch(deps),
    changeBatch: heartbeating(createChangeBatch(deps)),
    watchCompletions: createWatchCompletions(deps),
  };
}

/** The paid call, on queues of its own. */
export function createSubmitActivities(deps: ActivityDependencies) {
  return { submitErase: heartbeating(createSubmitErase(deps)) };
}

export type MainActivities = ReturnType<typeof createMainActivities>;
export type SubmitActivities = ReturnType<typeof createSubmitActivities>;
