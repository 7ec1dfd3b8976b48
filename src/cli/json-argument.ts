import { JsonTextError, parseJson } from '../text-file/json.js';
import { readTextFile, TextFileError } from '../text-file/read.js';
import { UsageError } from './exit.js';
import { jsonAdvice } from './json-advice.js';

/** A JSON object given as text, or as `@file`: UTF-8, or UTF-16 as PowerShell writes it. */
export function jsonArgument(option: string, text: string): Record<string, unknown> {
  const source = text.startsWith('@') ? contentOf(option, text.slice(1)) : text;
  let value: unknown;
  try {
    value = parseJson(source.replace(/^\ufeff+/, ''));
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new UsageError(`${option} ${error.message}`, jsonAdvice(option, text));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${option} has to be a JSON object, such as {"key": "value"}.`);
  }
  return value as Record<string, unknown>;
}

function contentOf(option: string, path: string): string {
  try {
    return readTextFile(path);
  } catch (error) {
    if (!(error instanceof TextFileError)) throw error;
    throw new UsageError(`${option}: ${path} ${error.message}.`, error.advice);
  }
}
