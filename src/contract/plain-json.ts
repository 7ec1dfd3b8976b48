import { kindOf, type Problem, pathText } from './problem.js';
import { fitText } from './text.js';

/** Deeper than every recipe; also detects cycles. */
const MAX_DEPTH = 32;

/** Maximum number of reported problems. */
const MOST_PROBLEMS = 100;

/**
 * Finds values that JSON or a database does not preserve: bigint, functions, NaN, numbers that have lost digits, NUL and broken
 * Unicode, in keys too, cycles. A value without such problems has one RFC 8785 form.
 */
export function plainJsonProblems(value: unknown): Problem[] {
  const problems: Problem[] = [];
  visit(value, [], problems);
  return problems;
}

/** Characters that no text of a request may contain, since no store keeps them unchanged. */
function unkeptIn(text: string): string | null {
  if (fitText(text) === text) return null;
  return text.includes('\0') ? 'the character NUL' : 'half of a character (a lone surrogate)';
}

function visit(value: unknown, path: PropertyKey[], problems: Problem[]): void {
  if (problems.length >= MOST_PROBLEMS) return;
  const add = (wrong: string, at: PropertyKey[] = path): void => {
    const where = pathText(at);
    problems.push({ path: where, message: `${where === '' ? 'The value' : where} ${wrong}` });
  };
  if (path.length > MAX_DEPTH) {
    add(`is nested more than ${MAX_DEPTH} levels deep.`);
  } else if (typeof value === 'string') {
    const unkept = unkeptIn(value);
    if (unkept !== null) {
      add(`holds ${unkept}.`);
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
      const unkept = unkeptIn(key);
      if (unkept !== null) {
        add(`has ${unkept} in its name.`, [...path, key]);
      }
      visit(item, [...path, key], problems);
    }
  } else if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') {
    add(`is ${kindOf(value)}, which JSON cannot hold.`);
  }
}
