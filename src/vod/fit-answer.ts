import { fitText } from '../contract/text.js';

/** Deeper than any documented answer; what lies deeper is left out. */
const MAX_DEPTH = 32;

/**
 * An answer of the vendor, with U+FFFD in its texts for what neither the ledger nor Temporal keeps. A message with a NUL must not
 * stop the run that reads it.
 */
export function fitAnswer(answer: unknown, depth = 0): unknown {
  if (typeof answer === 'string') return fitText(answer);
  if (typeof answer !== 'object' || answer === null) return answer;
  if (depth >= MAX_DEPTH) return null;
  if (Array.isArray(answer)) return answer.map((item) => fitAnswer(item, depth + 1));
  return Object.fromEntries(Object.entries(answer).map(([key, item]) => [key, fitAnswer(item, depth + 1)]));
}
