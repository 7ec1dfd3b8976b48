import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ERROR_CLASSES, type ErrorClass, EXIT, retryDelayMs } from '../../src/contract/error-classes.js';
import { ERROR_CODES, NETWORK_CODES } from '../../src/tencent-vod/error-codes.js';
import { errorDoc } from '../../tools/make-error-doc.js';

const DOC = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const CLASSES = Object.keys(ERROR_CLASSES) as ErrorClass[];

/** Cells of the row that begins with this first cell, in the section with this heading. */
function cells(heading: string, first: string): string[] {
  const section = DOC.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const line = section.split('\n').find((text) => text.startsWith(`| ${first} |`)) ?? '';
  return line
    .split('|')
    .map((cell) => cell.trim())
    .slice(1, -1);
}

describe('docs/errors.md', () => {
  test('is what `npx tsx tools/make-error-doc.ts` writes', () => {
    expect(DOC).toBe(errorDoc());
  });

  test.each(CLASSES)('says of %s what the program does', (name) => {
    const row = ERROR_CLASSES[name];
    const [, meaning, onSubmit, onRead, delays, exitCode, advice] = cells('Classes', `\`${name}\``);
    expect({ meaning, onSubmit, onRead, exitCode, advice }).toEqual({
      meaning: row.meaning,
      onSubmit: row.onSubmit,
      onRead: row.onRead,
      exitCode: String(row.exitCode),
      advice: row.advice,
    });
    if (delays !== '') {
      expect(delays).toBe(`${retryDelayMs(name, 1) / 1_000} s to ${retryDelayMs(name, 99) / 1_000} s`);
    }
    expect(Object.values(EXIT)).toContain(row.exitCode);
  });

  test('has every code with its class', () => {
    for (const { code, class: errorClass, only } of [...ERROR_CODES, ...NETWORK_CODES]) {
      const first = `\`${code}\`${only === undefined ? '' : ` (${only})`}`;
      expect(DOC).toContain(`| ${first} | \`${errorClass}\` |`);
    }
  });

  test('never promises to send again what may have been executed', () => {
    for (const name of CLASSES) {
      expect(ERROR_CLASSES[name].onSubmit === 'retry').toBe(['throttled', 'retry', 'unavailable'].includes(name));
    }
  });

  test.each(CLASSES)('has delays for %s that grow to their longest and stay there', (name) => {
    const { firstMs, maxMs } = ERROR_CLASSES[name].delays;
    const delays = Array.from({ length: 40 }, (_, index) => retryDelayMs(name, index + 1));
    expect(delays[0]).toBe(firstMs);
    expect(delays.at(-1)).toBe(maxMs);
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
  });
});
