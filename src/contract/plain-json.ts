import { kindOf, type Problem, pathText } from './problem.js';

/** Deep enough for every recipe; a cycle is found as depth too. */
const MAX_DEPTH = 32;

/** A code unit that is half of a pair: such a string has no UTF-8 form. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Finds what would not survive the way through JSON and back: bigint, functions, NaN, numbers that have lost digits,
 * broken Unicode, cycles. A value without such problems has one RFC 8785 form.
 */
export function plainJsonProblems(value: unknown): Problem[] {
  const problems: Problem[] = [];
  visit(value, [], problems);
  return problems;
}

function visit(value: unknown, path: PropertyKey[], problems: Problem[]): void {
  const add = (wrong: string): void => {
    const where = pathText(path);
    problems.push({ path: where, message: `${where === '' ? 'The value' : where} ${wrong}` });
  };
  if (path.length > MAX_DEPTH) {
    add(`is nested more than ${MAX_DEPTH} levels deep.`);
  } else if (typeof value === 'string') {
    if (LONE_SURROGATE.test(value)) {
      add('holds half of a character (a lone surrogate).');
    }
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) {
      add(`is ${value}, which JSON cannot hold.`);
    } else if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      add('is above 2^53 and has lost digits on the way here: ids have to be strings.');
    }
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => {
      visit(item, [...path, index], problems);
    });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      visit(item, [...path, key], problems);
    }
  } else if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') {
    add(`is ${kindOf(value)}, which JSON cannot hold.`);
  }
}
