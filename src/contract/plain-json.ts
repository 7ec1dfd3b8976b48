import { kindOf, type Problem, pathText } from './problem.js';
import { fitText } from './text.js';

/** Deep enough for every recipe; a cycle is found as depth too. */
const MAX_DEPTH = 32;

/** The most problems that are reported; more would not help the reader. */
const MOST_PROBLEMS = 100;

/**
 * Finds what would not survive the way through JSON, and through a database, and back: bigint, functions, NaN, numbers that
 * have lost digits, NUL and broken Unicode, in keys too, cycles. A value without such problems has one RFC 8785 form.
 */
export function plainJsonProblems(value: unknown): Problem[] {
  const problems: Problem[] = [];
  visit(value, [], problems);
  return problems;
}

/** What no text of a request may hold: what is paid for must be what was asked for, and no store keeps these. */
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
