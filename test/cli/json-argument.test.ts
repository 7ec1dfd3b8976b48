import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import iconv from 'iconv-lite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonArgument } from '../../src/cli/json-argument.js';
import { readPriceFile } from '../../src/config/price-file.js';
import { PRICE_LIST } from '../../src/contract/price-list.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'argument-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
const PUBLISH = { name: '第一集', prefetch: true };
const written: [string, (text: string) => Uint8Array][] = [
  ['UTF-8', (text) => Buffer.from(text)],
  ['UTF-8 with a mark', (text) => Buffer.from(`\ufeff${text}`)],
  ['UTF-16 with a mark, as PowerShell writes it', (text) => Buffer.from(`\ufeff${text}\r\n`, 'utf16le')],
  ['UTF-16 without one', (text) => Buffer.from(text, 'utf16le')],
  ['UTF-16 of the other order', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
];

describe('a file of an option, and of prices', () => {
  it.each(written)('is read in %s', (name, bytes) => {
    expect(jsonArgument('--publish', `@${file(`${name}.json`, bytes(JSON.stringify(PUBLISH)))}`)).toEqual(PUBLISH);
    expect(readPriceFile(file(`${name}-prices.json`, bytes(JSON.stringify(PRICE_LIST))))).toEqual({
      prices: PRICE_LIST,
    });
  });

  it('is refused in another encoding, with the way out', () => {
    const gbk = file('gbk.json', iconv.encode(JSON.stringify(PUBLISH), 'gbk'));
    expect(() => jsonArgument('--publish', `@${gbk}`)).toThrow(
      expect.objectContaining({
        message: `--publish: ${gbk} is not UTF-8 (line 1); it looks like Chinese (GB18030 or GBK).`,
        advice: expect.stringContaining('iconv -f GB18030 -t UTF-8'),
      }),
    );
    const prices = file('gbk-prices.json', iconv.encode('{"title": "价格"}', 'gbk'));
    expect(readPriceFile(prices)).toEqual({
      problems: [expect.stringMatching(/is not UTF-8 \(line 1\).*iconv -f GB18030/)],
    });
  });

  it.each([
    ['a workbook', Buffer.from('PK\x03\x04[Content_Types].xml'), 'is an Excel workbook'],
    ['text that was broken before', Buffer.from('{"name": "a\ufffd"}'), 'U+FFFD'],
    ['a name that stands twice', Buffer.from('{"name": "a", "name": "b"}'), 'has name twice'],
    ['no JSON', Buffer.from('{"name": \u200b}'), '\\u200b'],
  ])('is refused where it is %s', (name, bytes, sentence) => {
    expect(() => jsonArgument('--publish', `@${file(`${name}.json`, bytes)}`)).toThrow(sentence);
  });

  it('that is not there is named', () => {
    expect(() => jsonArgument('--publish', '@none.json')).toThrow('none.json cannot be read: there is no such file.');
    expect(readPriceFile('none.json')).toEqual({
      problems: ['the file none.json cannot be read (ENOENT)'],
    });
  });
});

it('text of a shell in another encoding is refused, and advice quotes what PowerShell would take apart', () => {
  expect(() => jsonArgument('--publish', '{"name": "\ufffd\ufffd"}')).toThrow('U+FFFD');
  expect(() => jsonArgument('--publish', '{prefetch:true}')).toThrow(
    expect.objectContaining({ advice: expect.stringContaining("'@file.json'") }),
  );
});
