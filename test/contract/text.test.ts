import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { plainJsonProblems } from '../../src/contract/plain-json.js';
import { fitText, shortText, shortWord, visibleJson, visibleLines, visibleText } from '../../src/contract/text.js';

const anyText = fc
  .array(fc.oneof(fc.constantFrom('\0', '\ud83d', '\ude00', '😀', '\\u0000'), fc.string({ unit: 'binary' })), {
    maxLength: 9,
  })
  .map((parts) => parts.join(''));
/** As UTF-8 has it, and without NUL. */
const FIT = /^[^\0\p{Surrogate}]*$/u;

test.each([
  ['', ''],
  ['plain', 'plain'],
  ['a\0b', 'a\uFFFDb'],
  ['\ud83d', '\uFFFD'],
  ['\ude00\ud83d', '\uFFFD\uFFFD'],
  ['a😀b', 'a😀b'],
  ['\\u0000', '\\u0000'],
])('%j is kept as %j', (text, kept) => {
  expect(fitText(text)).toBe(kept);
});

test('any text is kept as long as it is, and once is enough', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const kept = fitText(text);
      expect(kept).toMatch(FIT);
      expect([kept.length, fitText(kept)]).toEqual([text.length, kept]);
      expect(fitText('x') + fitText('y')).toBe(fitText('xy'));
    }),
  );
});

test('a text is cut to a length, never through a character that stays', () => {
  expect(shortText('12345', 5)).toBe('12345');
  expect(shortText('123456', 5)).toBe('1234…');
  expect(shortText('123😀6', 5)).toBe('123\uFFFD…');
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 20 }), (text, longest) => {
      const short = shortText(text, longest);
      expect(short).toMatch(FIT);
      expect(short.length).toBeLessThanOrEqual(longest);
    }),
  );
});

test.each([
  ['Failed\0', 'Failed'],
  ['\uFFFDFailed\ud83d', 'Failed'],
  ['123456789😀', '123456789'],
  ['', ''],
  ['\0', '?'],
  ['abcdefghijklm', 'abcdefghij'],
])('the word %j is read as %j', (word, read) => {
  expect(shortWord(word, 10)).toBe(read);
});

describe('a request', () => {
  it.each([
    ['a text', { a: { b: ['x', 'y\0'] } }, 'a.b[1]', 'a.b[1] holds the character NUL.'],
    ['half of a character', { a: '\ud83d' }, 'a', 'a holds half of a character (a lone surrogate).'],
    ['a key', { a: { 'k\0': 1 } }, 'a.k\uFFFD', 'a.k\uFFFD has the character NUL in its name.'],
    [
      'a key of half a character',
      { '\ude00': 1 },
      '\uFFFD',
      '\uFFFD has half of a character (a lone surrogate) in its name.',
    ],
    ['the value itself', '\0', '', 'The value holds the character NUL.'],
  ])('with NUL or half of a character in %s is told by its path', (_where, value, path, message) => {
    expect(plainJsonProblems(value)).toEqual([{ path, message }]);
  });

  it('with nothing but the texts of escapes has no such problem', () => {
    expect(plainJsonProblems({ 'a\\u0000': ['\\u0000', '😀', '\\ud83d'] })).toEqual([]);
  });

  it('with thousands of problems is told of some', () => {
    expect(plainJsonProblems(Array(5_000).fill('\0'))).toHaveLength(100);
  });
});

test.each([
  ['plain ünïcode 中文', 'plain ünïcode 中文'],
  ['a\u001b[2Jb', 'a\\u001b[2Jb'],
  ['a\nb\tc\rd', 'a\\nb\\tc\\rd'],
  ['\u009b31m\u007f', '\\u009b31m\\u007f'],
  ['\u202ea\u2066b\u200ec', '\\u202ea\\u2066b\\u200ec'],
  ['a\u200bb\ufeff\u00ad', 'a\\u200bb\\ufeff\\u00ad'],
  ['a\u2028b\u2029', 'a\\u2028b\\u2029'],
  ['\u{e0041}\ufffe', '\\u{e0041}\\ufffe'],
  ['\ud83d', '\\ud83d'],
  ['\u3164', '\\u3164'],
  // A joiner shapes an emoji, or a word of a script; after a digit it is only hidden.
  ['👨‍👩‍👧 ❤️', '👨‍👩‍👧 ❤️'],
  ['می‌خواهم', 'می‌خواهم'],
  ['1\u200d', '1\\u200d'],
])('%j is shown as %s', (text, shown) => {
  expect(visibleText(text)).toBe(shown);
});

test('any text: what is shown is shown as it is, and JSON means the same', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const shown = visibleText(text);
      expect(visibleText(shown)).toBe(shown);
      expect(visibleLines(`${text}\n${text}`)).not.toMatch(/(?!\n)[\p{Cc}\p{Surrogate}]/u);
      const json = visibleJson(JSON.stringify({ text }, null, 2));
      expect(JSON.parse(json)).toEqual({ text });
      expect(json).not.toMatch(/(?!\n)[\p{Cc}\u2028-\u202e\ufeff]/u);
    }),
  );
});
