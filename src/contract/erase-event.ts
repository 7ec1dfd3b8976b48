import type { EraseFailureDetails, EraseResult, EraseStatus } from './request.js';

/** Events of a webhook: the `type` of its body. */
export const EVENT = {
  succeeded: 'erase.succeeded',
  failed: 'erase.failed',
  /** Stopped for an operator; sent once for each hold. */
  held: 'erase.held',
  cancelled: 'erase.cancelled',
} as const;

export type EventType = (typeof EVENT)[keyof typeof EVENT];

/** Code of the failure of an erase whose own webhook cannot be used here: no notification is sent, and nothing was paid. */
export const WEBHOOK_UNUSABLE = 'WebhookUnusable';

export interface EraseEventData {
  workflowId: string;
  runId: string;
  /** Null when the request named no valid one. */
  sourceFileId: string | null;
  taskId: string | null;
  resultFileId: string | null;
  /** Of `erase.succeeded`: the output of the run. */
  result?: EraseResult;
  /** Of `erase.failed` and `erase.cancelled`: what the failure of the run says. */
  failure?: EraseFailureDetails;
  /** Of `erase.held`: why it stopped, and since when. */
  held?: NonNullable<EraseStatus['held']>;
}

/** Body of a webhook. */
export interface EraseEvent {
  type: EventType;
  /** When it happened, which may be long before it is delivered. ISO 8601. */
  timestamp: string;
  data: EraseEventData;
}
