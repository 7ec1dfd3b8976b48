import { fitText } from '../contract/text.js';

/** Deeper than any documented response; deeper content is replaced by this mark, so that it is not read as empty. */
const MAX_DEPTH = 32;
const DEEPER = '…';

/**
 * Replaces characters in the vendor's response that the ledger or Temporal refuses by U+FFFD: a NUL in a message must not stop
 * the run. Modifies it in place, since the caller just parsed it.
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
