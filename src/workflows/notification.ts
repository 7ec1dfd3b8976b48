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

/** How long a webhook is retried, in milliseconds. */
export const DELIVER_FOR_MS = 24 * 3_600_000;

/** Maximum length of an erase id within the id of its notification; Temporal allows 1,000 bytes in total. */
const LONGEST_ID_PART = 250;

const { deliverWebhook } = proxyActivities<MainActivities>({
  activityId: ACTIVITY_ID.deliverWebhook,
  startToCloseTimeout: '1m',
  // Each failure has its own delay; this is for failures without one. The total time is in the argument.
  retry: { initialInterval: '5s', backoffCoefficient: 3, maximumInterval: '2h' },
});

export interface NotificationInput {
  webhook: WebhookRequest;
  event: EraseEvent;
}

/**
 * Notifies one receiver of one event, at least once. It is a separate workflow, so that the erase does not wait for the receiver,
 * and an undelivered notification outlives the erase.
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
    // The UI then shows the message instead of an activity failure.
    throw error instanceof ActivityFailure && error.cause ? error.cause : error;
  }
}

/**
 * Starts the notification and waits until the server has it, but not for the receiver. The server (seen on 1.29.1) drops the
 * start of a child, even an abandoned one, whose parent has closed.
 *
 * An earlier notification with this id, such as before a reset, is kept. Never rejects.
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
    // A failed notification does not undo a finished erase.
  }
}

/**
 * `notify/<erase's workflow id>/<first run id>/<event>/<time>`. A reset keeps the first run id: the server compares ids on
 * replay.
 */
function notificationId({ type, timestamp, data }: EraseEvent): string {
  const { firstExecutionRunId } = workflowInfo();
  const erase = data.workflowId.length > LONGEST_ID_PART ? '' : `${data.workflowId}/`;
  return `notify/${erase}${firstExecutionRunId}/${type}/${timestamp}`;
}
