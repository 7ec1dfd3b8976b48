import { fitText } from '../contract/text.js';

/** Deeper than any documented answer; of what lies deeper only this is left, since it is not nothing. */
const MAX_DEPTH = 32;
const DEEPER = '…';

/**
 * An answer of the vendor, with U+FFFD in its texts for what neither the ledger nor Temporal keeps. A message with a NUL must not
 * stop the run that reads it. Changed in place: it was made of text a moment ago, and is nobody else's.
 */
export function fitAnswer(answer: unknown, depth = 0): unknown {
  if (typeof answer === 'string') return fitText(answer);
  if (typeof answer !== 'object' || answer === null) return answer;
  if (depth >= MAX_DEPTH) return DEEPER;
  const fields = answer as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    const kept = fitAnswer(value, depth + 1);
    if (kept !== value) fields[key] = kept;
  }
  return answer;
}
