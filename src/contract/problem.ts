import { shortText } from './text.js';
import { visible } from './visible.js';

/** Maximum characters of one key in a path, and of a value in a sentence. Ours. */
const LONGEST_STEP = 100;
const LONGEST_SHOWN = 100;

/** A problem of an input, for a person. */
export interface Problem {
  /** Path, such as `recipe.areas[0].left`; empty for the whole input. */
  path: string;
  /** A sentence, including the path where there is one. */
  message: string;
}

/** Formats a path like JavaScript; invisible characters of a key are escaped. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') {
      text += `[${step}]`;
    } else {
      const key = visible(shortText(String(step), LONGEST_STEP));
      text += text === '' ? key : `.${key}`;
    }
  }
  return text;
}

/** The given value, for a sentence. */
export function shownValue(value: unknown): string {
  return visible(shortText(String(JSON.stringify(value)), LONGEST_SHOWN));
}

/** The kind of a value, for a sentence: `a number`, `null`, `a list`. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) {
    return String(value);
  }
  if (Array.isArray(value)) {
    return 'a list';
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
