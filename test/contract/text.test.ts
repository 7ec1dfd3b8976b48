import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { plainJsonProblems } from '../../src/contract/plain-json.js';
import { fitText, shortText, shortWord } from '../../src/contract/text.js';

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
