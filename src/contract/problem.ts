import { shortText } from './text.js';
import { visible } from './visible.js';

/** Characters of one key in a path, and of a value in a sentence. Ours. */
const LONGEST_STEP = 100;
const LONGEST_SHOWN = 100;

/** One thing that is wrong with an input, for a person to read. */
export interface Problem {
  /** Where, such as `recipe.areas[0].left`; empty for the input as a whole. */
  path: string;
  /** A sentence, the path included where there is one. */
  message: string;
}

/** Writes a path the way JavaScript would; a key can be any text, so it is written as a person can read it. */
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

/** A value as it was given, for a sentence. */
export function shownValue(value: unknown): string {
  return visible(shortText(String(JSON.stringify(value)), LONGEST_SHOWN));
}

/** What a value is, as a person would call it: `a number`, `null`, `a list`. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) {
    return String(value);
  }
  if (Array.isArray(value)) {
    return 'a list';
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
