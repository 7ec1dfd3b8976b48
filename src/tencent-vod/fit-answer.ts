import { fitText } from '../contract/text.js';

/** Deeper than any documented answer; of what lies deeper only this is left, since it is not nothing. */
const MAX_DEPTH = 32;
const DEEPER = '…';

/**
 * An answer of the vendor, with U+FFFD in its texts for characters that the ledger or Temporal refuses: a NUL in a message must
 * not stop the run. Changed in place, since the caller just parsed it.
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
