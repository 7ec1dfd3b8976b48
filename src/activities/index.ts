import { createChangeBatch } from './batch/change-batch.js';
import { createFeedBatch } from './batch/dispatch-batch.js';
import { createWatchCompletions } from './completion-watch/watch-completions.js';
import type { ActivityDependencies } from './dependencies.js';
import { createAwaitTask } from './erase/await-task.js';
import { createCancelTask } from './erase/cancel-task.js';
import { createEndHold } from './erase/end-hold.js';
import { createFetchResult } from './erase/fetch-result.js';
import { createPublishResult } from './erase/publish-result.js';
import { createSubmitErase } from './erase/submit-erase.js';
import { createDescribeReview } from './review/describe-review.js';
import { createPlanReviewRetry } from './review/plan-review-retry.js';
import { createRecordReview } from './review/record-review.js';
import { heartbeating } from './shared/heartbeat.js';
import { createDeliverWebhook } from './webhook/deliver-webhook.js';

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
