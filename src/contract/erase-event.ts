import type { EraseFailureDetails, EraseResult, EraseStatus } from './request.js';

/** The events of a webhook: the `type` of its body. */
export const EVENT = {
  succeeded: 'erase.succeeded',
  failed: 'erase.failed',
  /** Stopped for an operator; sent once for each hold. */
  held: 'erase.held',
  cancelled: 'erase.cancelled',
} as const;

export type EventType = (typeof EVENT)[keyof typeof EVENT];

/** Code of an erase whose webhook cannot be used by the workers: no notification is sent, and nothing was paid. */
export const WEBHOOK_UNUSABLE = 'WebhookUnusable';

export interface EraseEventData {
  workflowId: string;
  runId: string;
  /** Null when the request has no valid one. */
  sourceFileId: string | null;
  taskId: string | null;
  resultFileId: string | null;
  /** Only in `erase.succeeded`: the output of the run. */
  result?: EraseResult;
  /** Only in `erase.failed` and `erase.cancelled`: details of the run's failure. */
  failure?: EraseFailureDetails;
  /** Only in `erase.held`: why it is held, and since when. */
  held?: NonNullable<EraseStatus['held']>;
}

/** Body of a webhook. */
export interface EraseEvent {
  type: EventType;
  /** Time of the event, which may be long before its delivery. ISO 8601. */
  timestamp: string;
  data: EraseEventData;
}
