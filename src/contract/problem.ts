/** One thing that is wrong with an input, for a person to read. */
export interface Problem {
  /** Where, such as `recipe.areas[0].left`; empty for the input as a whole. */
  path: string;
  /** A sentence, the path included where there is one. */
  message: string;
}

/** Writes a path the way JavaScript would. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') {
      text += `[${step}]`;
    } else {
      text += text === '' ? String(step) : `.${String(step)}`;
    }
  }
  return text;
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
