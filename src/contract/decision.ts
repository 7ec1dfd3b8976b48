/**
 * Validates the argument of an update, which may be any JSON. Runs in a workflow's validator: no Node, no zod, and no error that
 * repeats the input, which may be long or unprintable.
 */
import { kindOf } from './problem.js';
import type { Expectation } from './request.js';
import { Unreadable } from './unreadable.js';

/** Optional fields of a decision besides `by` and `reason`. */
export type DecisionField = 'taskId' | 'retryWith' | 'expect';

/** Maximum characters, and for the whole argument bytes of its JSON. Ours: a name, some pages, and the limit of a request. */
export const MAX_BY = 1_000;
export const MAX_DECISION_REASON = 4_000;
export const MAX_DECISION_BYTES = 64 * 1024;
const MAX_SHORT_TEXT = 200;
/** Deep enough for every recipe. */
const MAX_DEPTH = 32;

const EXPECTATION_FIELDS: readonly (keyof Expectation)[] = ['runId', 'class', 'submission', 'since', 'taskId'];

/** What is wrong with the argument of an update; null when it is valid. `also` are this update's additional fields. */
export function decisionProblem(decision: unknown, also: readonly DecisionField[]): string | null {
  if (decision instanceof Unreadable) return decision.sentence('The argument');
  if (!isObject(decision)) {
    return `Say who decided, and why: {"by": "…", "reason": "…"}; the argument is ${kindOf(decision)}.`;
  }
  const { by, reason, taskId, expect } = decision;
  return (
    requiredText(by, 'Say who decided', 'by', MAX_BY) ??
    requiredText(reason, 'Say why', 'reason', MAX_DECISION_REASON) ??
    (taskId === undefined ? null : shortText(taskId, 'taskId')) ??
    (expect === undefined ? null : expectationProblem(expect)) ??
    unknownField(decision, ['by', 'reason', ...also], '') ??
    brokenText(decision) ??
    tooLarge(decision)
  );
}

function requiredText(value: unknown, ask: string, field: string, longest: number): string | null {
  if (value !== undefined && value !== null && typeof value !== 'string') {
    return `${ask}: {"by": "…", "reason": "…"}; "${field}" is ${kindOf(value)}, and has to be a text.`;
  }
  if (typeof value !== 'string' || value.trim() === '') {
    return `${ask}: {"by": "…", "reason": "…"}; "${field}" is missing or empty.`;
  }
  return tooLong(value, field, longest);
}

function shortText(value: unknown, field: string): string | null {
  if (typeof value !== 'string') return `"${field}" is ${kindOf(value)}; it has to be a text, or be left out.`;
  if (value.trim() === '') return `"${field}" is empty; leave it out where there is none.`;
  return tooLong(value, field, MAX_SHORT_TEXT);
}

function tooLong(text: string, field: string, longest: number): string | null {
  if (text.length <= longest) return null;
  return `"${field}" has ${text.length} characters; at most ${longest} are allowed.`;
}

function expectationProblem(expect: unknown): string | null {
  if (!isObject(expect)) return `"expect" is ${kindOf(expect)}; it has to be an object, or be left out.`;
  const { submission, ...texts } = expect;
  for (const field of EXPECTATION_FIELDS) {
    if (field === 'submission' || texts[field] === undefined) continue;
    const problem = shortText(texts[field], `expect.${field}`);
    if (problem !== null) return problem;
  }
  if (
    submission !== undefined &&
    submission !== null &&
    !(Number.isSafeInteger(submission) && Number(submission) > 0)
  ) {
    return '"expect.submission" has to be the number of a submission, or null for a hold that is about none.';
  }
  return unknownField(expect, EXPECTATION_FIELDS, 'expect.');
}

/** A mistyped field must not be silently ignored. Its name is not repeated, since it may be anything. */
function unknownField(value: Record<string, unknown>, known: readonly string[], before: string): string | null {
  const others = Object.keys(value).filter((field) => !known.includes(field) && value[field] !== undefined);
  if (others.length === 0) return null;
  const names = known.map((field) => `"${before}${field}"`).join(', ');
  const fields = others.length === 1 ? 'a field' : `${others.length} fields`;
  return `There is ${fields} that this update does not know. It takes ${names}.`;
}

/** PostgreSQL stores no NUL, and a lone surrogate has no UTF-8 form. */
function brokenText(decision: Record<string, unknown>): string | null {
  for (const [field, value] of Object.entries(decision)) {
    const wrong = wrongIn(value, 1);
    if (wrong !== null) return `"${field}" ${wrong}`;
  }
  return null;
}

function wrongIn(value: unknown, depth: number): string | null {
  if (depth > MAX_DEPTH) return `is nested more than ${MAX_DEPTH} levels deep.`;
  if (typeof value === 'string') {
    if (value.includes('\0')) return 'holds a NUL character, which cannot be kept.';
    return /\p{Surrogate}/u.test(value) ? 'holds half of a character (a lone surrogate), which cannot be kept.' : null;
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, item] of Object.entries(value)) {
    const wrong = wrongIn(key, depth + 1) ?? wrongIn(item, depth + 1);
    if (wrong !== null) return wrong;
  }
  return null;
}

function tooLarge(decision: unknown): string | null {
  const bytes = utf8Bytes(JSON.stringify(decision));
  if (bytes <= MAX_DECISION_BYTES) return null;
  return `The argument has ${bytes} bytes of JSON; at most ${MAX_DECISION_BYTES} are allowed.`;
}

/** JSON has no lone surrogates: a pair takes four bytes. */
function utf8Bytes(json: string): number {
  let bytes = 0;
  for (let at = 0; at < json.length; at += 1) {
    const unit = json.charCodeAt(at);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff)) bytes += 2;
    else bytes += 3;
  }
  return bytes;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
