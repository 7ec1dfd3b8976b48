import { z } from 'zod';
import { nearestWord } from './nearest-word.js';

/**
 * An object that refuses unknown keys and lists the known ones. The issue's message has one line a key, in the order of its
 * `keys`.
 */
export function closed<S extends z.core.$ZodLooseShape>(shape: S) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') {
        return undefined;
      }
      const keys = (issue as z.core.$ZodIssueUnrecognizedKeys).keys;
      return keys.map((key) => unknownKey(key, known)).join('\n');
    },
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearestWord(key, known);
  const hint = near === null ? `known here: ${known.join(', ') || 'nothing'}` : `did you mean ${JSON.stringify(near)}?`;
  return `is not known here; ${hint}${hint.endsWith('?') ? '' : '.'}`;
}
