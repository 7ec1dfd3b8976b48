import { createHash } from 'node:crypto';
import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';
import { csvSource } from '../../src/backlog/csv.js';
import { ndjsonSource } from '../../src/backlog/ndjson.js';
import { bytesOf, rowsOf } from './rows.js';

const A = '5285485487985271487';
const B = '5285485487985271488';
const PUBLISH = { name: '第一集', tags: ['片一'] };
const csvOf = (publish: unknown) => `fileId,publish\n${A},"${JSON.stringify(publish).replaceAll('"', '""')}"\n`;
const read = async (bytes: Uint8Array, encoding: string | null = null, by = '--encoding') =>
  rowsOf(csvSource('x', bytesOf(bytes), encoding === null ? null : { name: encoding, by }));

describe('a column that is read', () => {
  it('is never read by a guess: GBK without a word of it is refused, with the row, the line and the way out', async () => {
    const bytes = iconv.encode(csvOf(PUBLISH), 'gbk');
    await expect(read(bytes)).rejects.toMatchObject({
      message: 'Row 2: publish cannot be read: the source is not UTF-8 (line 2).',
      advice: 'It looks like Chinese (GB18030 or GBK): give --encoding gb18030, or save it as UTF-8.',
    });
    await expect(read(iconv.encode(`fileId,key\n${A},片一二\n${B},片一三\n`, 'gbk'))).rejects.toThrow(
      'Row 2: key cannot',
    );
    await expect(read(iconv.encode(`文件ID,标题\n${A},x\n`, 'gbk'))).rejects.toMatchObject({
      advice: expect.stringContaining('--encoding gb18030'),
    });
    const json = iconv.encode(`{"fileId": "${A}", "publish": ${JSON.stringify(PUBLISH)}}\n`, 'gbk');
    await expect(rowsOf(ndjsonSource('x', bytesOf(json)))).rejects.toThrow(
      'Line 1 cannot be read: the source is not UTF-8',
    );
  });

  it.each([
    ['gb18030', '第一集'],
    ['big5', '臺灣'],
    ['shift_jis', '日本①'],
    ['euc-kr', '한국똠'],
    ['windows-1252', 'Café – “€”'],
    ['windows-1251', 'Привет'],
    ['utf-16le', '第一集'],
    ['utf-16be', '第一集'],
  ])('is right in %s, when that is said; the hash is of the bytes', async (encoding, name) => {
    const bytes = iconv.encode(csvOf({ name }), encoding);
    const source = csvSource('x', bytesOf(bytes, 7), { name: encoding, by: '--encoding' });
    expect(await rowsOf(source)).toEqual([{ row: 2, fields: { fileId: A, publish: { name } } }]);
    expect(source.sha256()).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it.each([
    ['with a mark', 'utf-16le', true],
    ['without one', 'utf-16le', false],
    ['with a mark', 'utf-16be', true],
    ['without one', 'utf-16be', false],
  ])('is right in UTF-16 %s (%s), whatever is said', async (_, encoding, addBOM) => {
    const bytes = iconv.encode(csvOf(PUBLISH), encoding, { addBOM });
    for (const said of [null, 'gb18030']) {
      expect(await read(bytes, said)).toEqual([{ row: 2, fields: { fileId: A, publish: PUBLISH } }]);
    }
  });

  it('is right in UTF-8 with a mark, whatever is said; without one, what was said must be true', async () => {
    const long = { name: '第一集第二集第三集' };
    expect(await read(Buffer.from(`\ufeff${csvOf(long)}`), 'gb18030')).toMatchObject([{ fields: { publish: long } }]);
    await expect(read(Buffer.from(csvOf(long)), 'gb18030')).rejects.toThrow(
      '--encoding says gb18030, but the source is UTF-8.',
    );
    await expect(read(Buffer.from(csvOf({ name: 'Café' })), 'windows-1252', 'x')).rejects.toMatchObject({
      message: 'x says windows-1252, but the source is UTF-8.',
      advice: 'Give --encoding utf-8.',
    });
    await expect(read(Buffer.from(csvOf({ name: 'x' })), 'utf-16le')).rejects.toThrow(
      'says utf-16le, but the source is not',
    );
  });

  it('is no word of GBK that happens to be valid UTF-8', async () => {
    const bytes = iconv.encode(`fileId,key\n${A},片一\n`, 'gbk');
    await expect(read(bytes)).rejects.toThrow('Row 2: key makes no sense in UTF-8, and reads 片一 in GBK.');
    expect(await read(bytes, 'gb18030')).toMatchObject([{ fields: { key: '片一' } }]);
    expect(await read(bytes, 'utf-8')).toMatchObject([{ fields: { key: 'Ƭһ' } }]);
    const words = 'é Ünïcödé Žluťoučký Привет_мир Ελλάδα שלום مرحبا ɔ tơ'.replaceAll(' ', '/');
    expect(await read(Buffer.from(`fileId,key\n${A},${words}\n`))).toMatchObject([{ fields: { key: words } }]);
  });

  it('does not hold U+FFFD, which was broken before: a problem of its row', async () => {
    const csv = `fileId,key,publish\n${A},k\ufffd,\n${B},k2,"{""name"":""a\\ufffd""}"\n`;
    expect(await read(Buffer.from(csv))).toMatchObject([
      { row: 2, fileId: A, problem: expect.stringMatching(/^key holds U\+FFFD/) },
      { row: 3, fileId: B, problem: expect.stringMatching(/^publish holds U\+FFFD/) },
    ]);
  });
});

it('a column that is not read may be in any encoding: no quote, comma or line end gets lost', async () => {
  const title = '第一集，“中文”標題が한국Ω';
  for (const encoding of ['gbk', 'big5', 'shift_jis', 'euc-kr', 'windows-1252']) {
    const bytes = iconv.encode(`fileId,标题,title,key\n${A},x,${title},k1\n${B},"${title}",${title},k2\n`, encoding);
    const source = csvSource('x', bytesOf(bytes, 5));
    expect(await rowsOf(source)).toEqual([
      { row: 2, fields: { fileId: A, key: 'k1' } },
      { row: 3, fields: { fileId: B, key: 'k2' } },
    ]);
    expect(source.ignoredColumns().join()).not.toContain('\ufffd');
  }
});

it('Japanese that hides quotes in its characters is refused, in whatever column', async () => {
  await expect(read(Buffer.from(`fileId,title\n${A},\x1b$B"","\x1b(B\n`, 'latin1'))).rejects.toThrow('ISO-2022-JP');
});
