import { expect, it } from 'vitest';
import { pastedId, pastedKey, pastedWord } from '../../src/contract/pasted.js';
import { shownValue } from '../../src/contract/problem.js';
import { parseEraseRequest } from '../../src/contract/request-schema.js';
import { shown, visible, withoutShapeless } from '../../src/contract/visible.js';

const ID = '5285485487985271487';

it.each([
  [`\u200b${ID}\u200e`],
  [`\ufeff\u2066${ID}\u2069`],
  [`5285\u00ad485\u2060487985271487`],
  [`\`${ID}\``],
  [`"${ID}"`],
  [`'${ID}`],
  [`“${ID}”`],
  [`「${ID}」`],
  [`<${ID}>`],
  [`**${ID}**`],
  [`="${ID}"`],
  [`\u00a0${ID}\u3000`],
  [ID.replaceAll('5', '５')],
])('%j is an id with what came along', (text) => {
  expect(pastedId(text)).toBe(ID);
});

it.each([
  [`528 548`],
  [`528\u00a0548`],
  ['528-548'],
  ['"528'],
  ['٥٢٨'],
  ['528\u0000'],
  ['-528'],
  ['5e3'],
  ["'".repeat(1_000_000)],
])('%j is no id, and stays what it is', (text) => {
  expect(pastedId(text)).toBe(text);
});

it('drops inside of a key format characters only', () => {
  expect(pastedKey(' k\u200b1\u200e ')).toBe('k1');
  expect(pastedKey('k\ufe0f')).toBe('k\ufe0f');
  expect(pastedWord('\u200blo\u2060go ')).toBe('logo');
  expect(withoutShapeless('a\u180eb\u3164c')).toBe('abc');
});

it('shows what cannot be seen, and leaves the rest', () => {
  expect(shown('fileId\u200b')).toBe('"fileId\\u200b"');
  expect(visible('a\u00a0b \u2028\u202e\u{e0041}')).toBe('a\\u00a0b \\u2028\\u202e\\u{e0041}');
  expect(visible('f\u0456leId 52\u0665')).toBe('f\\u0456leId 52\\u0665');
  for (const plain of ['第一集', 'Привет мир 2', 'Café', '한국어', '🎬', 'שלום']) expect(visible(plain)).toBe(plain);
});

it('every message of a request shows it', () => {
  expect(shownValue('a\u200bb')).toBe('"a\\u200bb"');
  const parsed = parseEraseRequest({ fileId: ID, subAppId: 1, recipe: { name: 'lo\u200bgo' }, 'no\u200bte': 1 });
  const text = JSON.stringify(parsed);
  expect(text).not.toContain('\u200b');
  expect(text).toContain('lo\\\\u200bgo');
});
