import {
  ActivityFailure,
  CancellationScope,
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  proxyActivities,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { MainActivities } from '../activities/index.js';
import type { DeliverWebhookOutcome } from '../activities/webhook/deliver-webhook.js';
import type { EraseEvent } from '../contract/erase-event.js';
import { ACTIVITY_ID, WORKFLOW } from '../contract/names.js';
import type { WebhookRequest } from '../contract/request.js';
import { refuseUnfit } from './loose-input.js';

/** For how long a webhook is tried, in milliseconds. */
export const DELIVER_FOR_MS = 24 * 3_600_000;

/** Longest erase id that is written into the id of its notification; Temporal allows 1,000 bytes for the whole. */
const LONGEST_ID_PART = 250;

const { deliverWebhook } = proxyActivities<MainActivities>({
  activityId: ACTIVITY_ID.deliverWebhook,
  startToCloseTimeout: '1m',
  // Each failure brings its own delay; this is for what fails without one. How long in all stands in the argument.
  retry: { initialInterval: '5s', backoffCoefficient: 3, maximumInterval: '2h' },
});

export interface NotificationInput {
  webhook: WebhookRequest;
  event: EraseEvent;
}

/**
 * Tells one receiver of one event, at least once. A workflow of its own: nobody who waits for the erase waits for the
 * receiver, and what is not delivered yet outlives the erase.
 */
export async function eraseNotification(input: NotificationInput): Promise<DeliverWebhookOutcome> {
  refuseUnfit(input, { webhook: 'object', event: 'object' });
  const { webhook, event } = input;
  const giveUpAt = new Date(Date.now() + DELIVER_FOR_MS).toISOString();
  try {
    return await deliverWebhook.executeWithOptions({ summary: `POST ${event.type}, until ${giveUpAt}` }, [
      { webhook, event, giveUpAt },
    ]);
  } catch (error) {
    // The UI then shows the sentence, and not that an activity failed.
    throw error instanceof ActivityFailure && error.cause ? error.cause : error;
  }
}

/**
 * Starts the notification, and waits until the server has it, never for the receiver. An erase must not end before: the
 * server (seen on 1.29.1) drops the start of a child whose parent has closed, abandoned or not. Where it was started
 * before, as by a run that was reset, that one stands. Never rejects.
 */
export async function startNotification(webhook: WebhookRequest, event: EraseEvent): Promise<void> {
  try {
    await CancellationScope.nonCancellable(() =>
      startChild(WORKFLOW.notification, {
        workflowId: notificationId(event),
        args: [{ webhook, event } satisfies NotificationInput],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.ABANDON,
        staticSummary: `${event.type} of ${event.data.workflowId}`,
      }),
    );
  } catch {
    // An erase that is done is not undone because nobody could be told.
  }
}

/**
 * `notify/<erase's workflow id>/<first run id>/<event>/<time>`. The first run id is one that a reset does not change: the
 * server compares ids when it replays.
 */
function notificationId({ type, timestamp, data }: EraseEvent): string {
  const { firstExecutionRunId } = workflowInfo();
  const erase = data.workflowId.length > LONGEST_ID_PART ? '' : `${data.workflowId}/`;
  return `notify/${erase}${firstExecutionRunId}/${type}/${timestamp}`;
}
