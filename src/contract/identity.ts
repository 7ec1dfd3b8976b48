import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { workflowIdWith } from './names.js';
import type { NormalizedEraseRequest, RecipeRequest } from './request.js';

/** Hex digits of a recipe's hash: 128 bits, short enough for a workflow id. */
const HASH_DIGITS = 32;

/** The RFC 8785 form of a value: sorted keys, one form of each number. */
export function canonicalJson(value: unknown): string {
  const text = (canonicalize as unknown as (value: unknown) => string | undefined)(value);
  if (text === undefined) {
    throw new TypeError('A value without a JSON form has no canonical form.');
  }
  return text;
}

/**
 * Identifies a recipe for payment: the first 32 hex digits of SHA-256 over the RFC 8785 form of the recipe after defaults. Stored
 * permanently in ledgers and workflow ids: no released recipe's hash may ever change.
 */
export function recipeHash(recipe: RecipeRequest): string {
  return createHash('sha256').update(canonicalJson(recipe), 'utf8').digest('hex').slice(0, HASH_DIGITS);
}

/**
 * Id of the workflow that runs a request: `erase/<subAppId>/<fileId>/<recipe hash>`, or `erase/key/<key>`; with `payAgain`
 * followed by `/pay-again/<token>`. With a prefix, all of it follows `<prefix>/`.
 */
export function eraseWorkflowId(request: NormalizedEraseRequest, prefix = ''): string {
  const base =
    request.key === undefined
      ? `erase/${request.subAppId}/${request.fileId}/${recipeHash(request.recipe)}`
      : eraseKeyId(request.key);
  const id = request.payAgain === undefined ? base : `${base}/pay-again/${request.payAgain.token}`;
  return workflowIdWith(prefix, id);
}

/** Id of the workflow of a `key`, without a prefix. */
export function eraseKeyId(key: string): string {
  return `erase/key/${key}`;
}

/**
 * The fields in which two normalised requests differ, such as `recipe.areas[0].left` or `publish.name`; empty when there are
 * none. Ignores the key, requester, reason, batch, rejected erase and `neverPay`, which do not change the work.
 */
export function describeDifference(a: NormalizedEraseRequest, b: NormalizedEraseRequest): string[] {
  const left = whatIsDone(a);
  const right = whatIsDone(b);
  const found: string[] = [];
  compare(left, right, '', found);
  return found;
}

function whatIsDone(request: NormalizedEraseRequest) {
  const {
    key: _key,
    requestedBy: _by,
    reason: _why,
    batchId: _batch,
    rejectedFrom: _from,
    neverPay: _pay,
    ...rest
  } = request;
  return rest;
}

function compare(a: unknown, b: unknown, path: string, found: string[]): void {
  if (isContainer(a) && isContainer(b) && Array.isArray(a) === Array.isArray(b)) {
    const left = a as Record<string, unknown>;
    const right = b as Record<string, unknown>;
    for (const key of [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()) {
      const step = Array.isArray(a) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
      compare(left[key], right[key], step, found);
    }
  } else if (!Object.is(a, b)) {
    found.push(path);
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
