import { readFileSync } from 'node:fs';
import { UsageError } from './exit.js';
import { jsonAdvice } from './json-advice.js';

/** A JSON object given as text, or as `@file`. */
export function jsonArgument(option: string, text: string): Record<string, unknown> {
  let source = text;
  if (text.startsWith('@')) {
    try {
      source = readFileSync(text.slice(1), 'utf8');
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(error);
      throw new UsageError(`${option}: ${text.slice(1)} cannot be read: ${reason}.`);
    }
  }
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new UsageError(
      `${option} is not JSON: ${error instanceof Error ? error.message : String(error)}.`,
      jsonAdvice(option, text),
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${option} has to be a JSON object, such as {"key": "value"}.`);
  }
  return value as Record<string, unknown>;
}
