import { createHash } from 'node:crypto';
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { EraseEvent } from '../../contract/erase-event.js';
import { webhookSchema } from '../../contract/webhook-schema.js';
import type { ActivityDependencies } from '../dependencies.js';
import { thisRun } from '../shared/this-run.js';

/** Each delay is three times the one before: 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, 1 h, then every 2 h; about 18 in a day. */
const FIRST_DELAY_MS = 5_000;
const DELAY_FACTOR = 3;
const MAX_DELAY_MS = 2 * 3_600_000;
/** Upward jitter of the delays, as a share, so that simultaneous failures are not retried together. */
const JITTER = 0.2;

export interface DeliverWebhookInput {
  /** `{url, secret}` as in the request, possibly unchecked. */
  webhook: unknown;
  event: EraseEvent;
  /** ISO 8601. The last attempt is made at this time; a later worker still makes one. */
  giveUpAt: string;
}

export interface DeliverWebhookOutcome {
  /** The header `webhook-id`. */
  webhookId: string;
  /** HTTP status, 200 to 299. */
  status: number;
}

/** `type` of the failure of an attempt, and of the notification that gave up. */
export const UNDELIVERED = 'webhookUndelivered';

/** One POST to the receiver, retried with growing delays until it is accepted, refused permanently, or too old. */
export function createDeliverWebhook({ webhooks }: ActivityDependencies) {
  return async function deliverWebhook(input: DeliverWebhookInput): Promise<DeliverWebhookOutcome> {
    const { attempt } = Context.current().info;
    const webhookId = webhookIdOf(thisRun().workflowId);
    const parsed = webhookSchema.safeParse(input.webhook);
    if (!parsed.success) throw undelivered('This webhook cannot be sent: its url or its secret is not valid.', null);
    const sent = await webhooks.send(parsed.data, { id: webhookId, body: JSON.stringify(input.event) });
    if (sent.kind === 'delivered') return { webhookId, status: sent.status };
    const leftMs = Date.parse(input.giveUpAt) - Date.now();
    if (sent.kind === 'gone' || !(leftMs > 0)) throw undelivered(sent.reason, null);
    throw undelivered(sent.reason, Math.min(Math.max(webhookDelayMs(attempt), sent.retryAfterMs ?? 0), leftMs));
  };
}

/** The same for every attempt, and for a notification that an operator resets, so that a receiver can deduplicate. */
export function webhookIdOf(notificationId: string): string {
  return `msg_${createHash('sha256').update(notificationId, 'utf8').digest('hex').slice(0, 32)}`;
}

/** Until attempt `attempt + 1`, in milliseconds. */
export function webhookDelayMs(attempt: number, random = Math.random): number {
  const delay = Math.min(FIRST_DELAY_MS * DELAY_FACTOR ** (attempt - 1), MAX_DELAY_MS);
  return delay * (1 + JITTER * random());
}

/** Null: never again. */
function undelivered(message: string, delayMs: number | null): ApplicationFailure {
  const failure = ApplicationFailure.create({
    type: UNDELIVERED,
    message,
    ...(delayMs === null ? { nonRetryable: true } : { nextRetryDelay: Math.max(1, Math.round(delayMs)) }),
  });
  // The UI shows the stack with every attempt, and it is not useful.
  failure.stack = '';
  return failure;
}
