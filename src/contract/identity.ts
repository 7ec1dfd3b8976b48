import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { workflowIdWith } from './names.js';
import type { NormalizedEraseRequest, RecipeRequest } from './request.js';

/** Hex digits of a recipe's hash: 128 bits, short enough for a workflow id. */
const HASH_DIGITS = 32;

/** The RFC 8785 form of a value: keys in order, one way to write each number. */
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
 * Id of the workflow that runs a request: `erase/<subAppId>/<fileId>/<recipe hash>`, or `erase/key/<key>`; with
 * `payAgain`, either of them followed by `/pay-again/<token>`. All of it behind `<prefix>/` where there is a prefix.
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
 * Names the fields in which two normalised requests differ, such as `recipe.areas[0].left` or `publish.name`. The key,
 * who asked and why, the batch, the rejected erase before it and `neverPay` do not count: they do not change what is done.
 * Empty when they ask for the same.
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
