/**
 * Reads unchecked JSON; the submit activity reports what is wrong. A workflow must not throw a plain Error on any input, since
 * its task would be retried for ever.
 */
import { ApplicationFailure } from '@temporalio/workflow';
import type { WebhookRequest } from '../contract/request.js';
import { shortText } from '../contract/text.js';
import { Unreadable } from '../contract/unreadable.js';

export interface LooseRequest {
  fileId: string | null;
  batchId: string | null;
  webhook: WebhookRequest | null;
}

/** Maximum URL, secret name and id in a valid request, in characters; see its schema. */
const LONGEST_URL = 2_000;
const LONGEST_SECRET_NAME = 64;
const LONGEST_ID = 100;
/** Maximum characters and levels of JSON passed on for validation. A valid request has 64 KB and 32 levels at most. */
const LONGEST_INPUT = 256 * 1024;
const DEEPEST_INPUT = 200;

export function looseRequest(input: unknown): LooseRequest {
  const webhook = (input as { webhook?: unknown } | null | undefined)?.webhook;
  const [url, secret] = [textField(webhook, 'url'), textField(webhook, 'secret')];
  const usable = url !== null && secret !== null && url.length <= LONGEST_URL && secret.length <= LONGEST_SECRET_NAME;
  return {
    fileId: idField(input, 'fileId'),
    batchId: idField(input, 'batchId'),
    webhook: usable ? { url, secret } : null,
  };
}

/**
 * Why an input cannot be passed to an activity at all; null when it can. The server ends a run with a too large activity input,
 * and JSON with too many levels cannot be serialised.
 */
export function unfitInput(input: unknown): string | null {
  if (input instanceof Unreadable) return input.sentence('The request');
  const json = jsonOf(input);
  if (json !== null && json.length > LONGEST_INPUT) {
    return `The request has ${json.length} characters of JSON; at most 64 KB are allowed.`;
  }
  if (json !== null && levelsOf(json) <= DEEPEST_INPUT) return null;
  return `The request is nested more than ${DEEPEST_INPUT} levels deep.`;
}

/**
 * For workflows that only this program starts: an input without these fields fails the workflow with a message. Otherwise its
 * workflow task would fail for ever.
 */
export function refuseUnfit(input: unknown, fields: Readonly<Record<string, 'string' | 'number' | 'object'>>): void {
  if (input instanceof Unreadable) throw ApplicationFailure.nonRetryable(input.sentence('The input'), 'input');
  for (const [field, kind] of Object.entries(fields)) {
    const value = (input as Record<string, unknown> | null | undefined)?.[field];
    if (typeof value === kind && value !== null) continue;
    throw ApplicationFailure.nonRetryable(`The input has to be an object with "${field}" (${kind}).`, 'input');
  }
}

/** Null where it has too many levels to be serialised. */
function jsonOf(input: unknown): string | null {
  try {
    return JSON.stringify(input) ?? '';
  } catch {
    return null;
  }
}

/**
 * Reads the text instead of the value: in the workflow sandbox, a walk through a hundred thousand values takes seconds and is
 * aborted.
 */
function levelsOf(json: string): number {
  let [level, deepest, inText] = [0, 0, false];
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') inText = !inText;
    else if (inText) at += character === '\\' ? 1 : 0;
    else if (character === '{' || character === '[') {
      level += 1;
      if (level > deepest) deepest = level;
    } else if (character === '}' || character === ']') level -= 1;
  }
  return deepest;
}

/** The task that a retry names; null when it names none. */
export function namedTask(decision: unknown): string | null {
  return textField(decision, 'taskId');
}

function idField(value: unknown, field: string): string | null {
  const text = textField(value, field);
  return text === null ? null : shortText(text, LONGEST_ID);
}

function textField(value: unknown, field: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const text = (value as Record<string, unknown>)[field];
  return typeof text === 'string' && text.trim() !== '' ? text : null;
}
