import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { csvSource } from '../../src/backlog/csv.js';
import { bytesOf, rowsOf } from './rows.js';

const A = '5285485487985271487';
const B = '5285485487985271488';
const read = (text: string | Uint8Array, chunk?: number) => rowsOf(csvSource('test.csv', bytesOf(text, chunk)));

describe('columns', () => {
  it('reads those that it knows, whatever their order and spelling, and names the others once', async () => {
    const source = csvSource('x.csv', bytesOf(`Title,sub_app_id,FileID,Recipe\nx,1500000001,${A},logo\ny,,${B},\n`));
    expect(await rowsOf(source)).toEqual([
      { row: 2, fields: { fileId: A, subAppId: 1500000001, recipe: { name: 'logo' } } },
      { row: 3, fields: { fileId: B } },
    ]);
    expect(source.ignoredColumns()).toEqual(['Title']);
  });

  it('takes the first column for FileIds where there is no header', async () => {
    const source = csvSource('x.csv', bytesOf(`${A},one\n${B},two\n`));
    expect(await rowsOf(source)).toEqual([
      { row: 1, fields: { fileId: A } },
      { row: 2, fields: { fileId: B } },
    ]);
    expect(source.ignoredColumns()).toEqual(['column 2']);
  });

  it('reads publish, and a recipe with options, as JSON', async () => {
    const csv = `fileId,publish,recipe\n${A},"{""name"": ""a, b""}","{""name"": ""logo"", ""areas"": []}"\n${B},{oops,logo\n`;
    const [good, bad] = await read(csv);
    expect(good).toEqual({
      row: 2,
      fields: { fileId: A, publish: { name: 'a, b' }, recipe: { name: 'logo', areas: [] } },
    });
    expect(bad).toMatchObject({ row: 3, fileId: B, problem: expect.stringMatching(/^publish is not JSON/) });
  });

  it('refuses a header without fileId, and one that has it twice', async () => {
    await expect(read(`id,title\n${A},x\n`)).rejects.toThrow(
      'There is no column fileId: the first row is "id", "title".',
    );
    await expect(read(`fileId,file_id\n${A},${B}\n`)).rejects.toThrow('The header has the column fileId twice.');
  });

  it.each([[';'], ['\t']])('takes %j between cells as well', async (delimiter) => {
    const csv = `fileId${delimiter}title${delimiter}key\n${A}${delimiter}a, b, c${delimiter}k1\n`;
    expect(await read(csv)).toEqual([{ row: 2, fields: { fileId: A, key: 'k1' } }]);
  });
});

describe('rows', () => {
  it('are those of the spreadsheet: an empty line is one, a cell of several lines makes no more', async () => {
    const rows = await read(`fileId,title\r\n${A},"two\r\nlines"\r\n\r\n,\r\n${B},x\n`);
    expect(rows.map(({ row }) => row)).toEqual([2, 5]);
  });

  it('do not depend on where the bytes are cut, nor on the line ends', async () => {
    const csv = `\uFEFFfileId,title,key\r\n${A},"a ""b"" ü",k1\r${B},"c\r\nd",k2\n`;
    const whole = await read(csv);
    expect(whole).toEqual([
      { row: 2, fields: { fileId: A, key: 'k1' } },
      { row: 3, fields: { fileId: B, key: 'k2' } },
    ]);
    expect(await read(csv, 1)).toEqual(whole);
  });

  it('come from UTF-16 with a byte order mark as well', async () => {
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`fileId\tkey\r\n${A}\tü\r\n`, 'utf16le')]);
    expect(await read(utf16, 3)).toEqual([{ row: 2, fields: { fileId: A, key: 'ü' } }]);
  });

  it('of nothing are none', async () => {
    expect(await read('')).toEqual([]);
    expect(await read('\uFEFF\n\n')).toEqual([]);
    expect(await read('fileId\n')).toEqual([]);
  });

  it('with a quote that never ends say where it begins', async () => {
    await expect(read(`fileId,title\n${A},x\n${B},"oops\n${A},y\n`)).rejects.toThrow(
      /^Row 3 has a quoted cell that does not/,
    );
  });
});

describe('ids that a spreadsheet rounded', () => {
  it.each([
    ['5.28549E+18', `fileId\n5.28549E+18\n`, 2],
    ['5,28549E+18', `fileId\n"5,28549E+18"\n`, 2],
    ['5,28549E+18', `fileId\n5,28549E+18\n`, 2],
    ['5,28549E+18', `fileId;title\n5,28549E+18;x\n`, 2],
    ['5.28549e18', `5.28549e18\n`, 1],
    ['5,28549E+18', `5,28549E+18\n`, 1],
  ])('%s in %j is refused with its row and the cure', async (shown, csv, row) => {
    expect(await read(csv)).toEqual([
      { row, fileId: shown, problem: expect.stringMatching(/a spreadsheet rounded it.*format to text/s) },
    ]);
  });

  it('are not those that were kept as text', async () => {
    expect(await read(`fileId\n'${A}\n"=""${B}"""\n`)).toEqual([
      { row: 2, fields: { fileId: A } },
      { row: 3, fields: { fileId: B } },
    ]);
  });
});

it('hashes the bytes as they came, once they were read to the end', async () => {
  const csv = `\uFEFFfileId\r\n${A}\r\n`;
  const source = csvSource('x.csv', bytesOf(csv, 5));
  expect(source.sha256()).toBeNull();
  await rowsOf(source);
  expect(source.sha256()).toBe(createHash('sha256').update(csv).digest('hex'));
});
