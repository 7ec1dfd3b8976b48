import { proxyActivities } from '@temporalio/workflow';
import type { createPollActivities, createSubmitActivities } from './activities.js';
import type { LiteralInput } from './names.js';

/** Submit, wait, done. */
export async function literalErase({ fileId, submitQueue, pollMs, callTimeoutMs }: LiteralInput): Promise<string> {
  const { submit } = proxyActivities<ReturnType<typeof createSubmitActivities>>({
    taskQueue: submitQueue,
    startToCloseTimeout: callTimeoutMs,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
  });
  // The sample for infrequent polling: the activity fails until the task is done, and is retried at even intervals.
  const { poll } = proxyActivities<ReturnType<typeof createPollActivities>>({
    startToCloseTimeout: callTimeoutMs,
    retry: { initialInterval: pollMs, backoffCoefficient: 1 },
  });
  const taskId = await submit(fileId);
  return poll(taskId);
}
