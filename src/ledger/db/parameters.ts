import { fitText } from '../../contract/text.js';

/** One escape of JSON text; of those that JSON.stringify writes, only these stand for what `jsonb` refuses. */
const REFUSED = /\\u(?:0000|d[89a-f])/;
const EVERY_ESCAPE = /\\(?:u(?:0000|d[89a-f][0-9a-f]{2})|.)/g;
/** `\u` and four digits. */
const REFUSED_LENGTH = 6;

/**
 * JSON for a `jsonb` column or parameter, with U+FFFD for what PostgreSQL refuses: NUL, and unpaired surrogates. All JSON for the
 * ledger is written by this.
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (!REFUSED.test(text)) return text;
  // Escape by escape: what follows an escaped backslash is text.
  return text.replace(EVERY_ESCAPE, (found) => (found.length === REFUSED_LENGTH ? '\uFFFD' : found));
}

/**
 * The parameters of a statement, with every text in a form that PostgreSQL accepts. The same array where nothing had to change.
 */
export function fitParameters(values: readonly unknown[]): readonly unknown[] {
  let fit: unknown[] | null = null;
  for (const [index, value] of values.entries()) {
    const kept = fitParameter(value);
    if (kept === value) continue;
    fit ??= [...values];
    fit[index] = kept;
  }
  return fit ?? values;
}

function fitParameter(value: unknown): unknown {
  if (typeof value === 'string') return fitText(value);
  return Array.isArray(value) ? fitParameters(value) : value;
}
