/**
 * Reading JSON that nobody has checked yet. A workflow must not crash on any input: a plain Error in workflow code
 * retries its task for ever. The submit activity checks the request and says what is wrong with it.
 */
import type { WebhookRequest } from '../contract/request.js';

export interface LooseRequest {
  fileId: string | null;
  batchId: string | null;
  webhook: WebhookRequest | null;
}

export function looseRequest(input: unknown): LooseRequest {
  const webhook = (input as { webhook?: unknown } | null | undefined)?.webhook;
  const [url, secret] = [textField(webhook, 'url'), textField(webhook, 'secret')];
  return {
    fileId: textField(input, 'fileId'),
    batchId: textField(input, 'batchId'),
    webhook: url === null || secret === null ? null : { url, secret },
  };
}

/** The task that a retry names; null when it names none. */
export function namedTask(decision: unknown): string | null {
  return textField(decision, 'taskId');
}

function textField(value: unknown, field: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const text = (value as Record<string, unknown>)[field];
  return typeof text === 'string' && text.trim() !== '' ? text : null;
}
