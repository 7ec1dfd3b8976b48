import { describe, expect, it } from 'vitest';
import { csvSource } from '../../src/backlog/csv.js';
import { bytesOf, rowsOf } from './rows.js';

const A = '5285485487985271487';
const B = '5285485487985271488';
const C = '5285485487985271489';
const D = '5285485487985271490';
const read = async (text: string, chunk?: number) => rowsOf(csvSource('test.csv', bytesOf(text, chunk)));
/** `row: problem` of each bad row, `row: recipe` of each good one. */
const outcome = async (text: string): Promise<string[]> =>
  (await read(text)).map((row) =>
    'problem' in row
      ? `${row.row} ${row.fileId}: ${row.problem}`
      : 'fields' in row
        ? `${row.row} ${row.fields.fileId}: ${(row.fields.recipe as { name: string } | undefined)?.name}`
        : row.unfit.toString(),
  );

describe('a quote that stands where it should not', () => {
  it.each([
    [
      'opens in one title and closes in another',
      `fileId,title,recipe\n${A},"Hello,logo\n${B},b,subtitles\n${C},"World",faces-blur\n${D},d,logo\n`,
    ],
    [
      'closes at the end of a cell',
      `fileId,title,recipe\n${A},"Hello,logo\n${B},b,subtitles\n${C},World",faces-blur\n${D},d,logo\n`,
    ],
    ['closes in the next row', `fileId,title,recipe\n${A},"Hello,logo\n${B},World",faces-blur\n`],
    ['stands before the ids', `title,fileId,recipe\n"Hello,${A},logo\nb,${B},subtitles\nWorld",${C},logo\n`],
    ['stands in the last column', `fileId,recipe,title\n${A},logo,"Hello\n${B},logo,b\n${C},subtitles,World"\n`],
    [
      'swallows ids that a spreadsheet rounded',
      `title,fileId,recipe\n"Hello,${A},logo\nb,5.28549E+18,logo\nWorld",${C},logo\n`,
    ],
    ['swallows rows with ids that are none', `fileId,title,recipe\nA1,"Hello,logo\nB1,b,subtitles\nC1,World",logo\n`],
    ['is never closed', `fileId,title\n${A},"oops\n${B},y\n`],
    ['is never closed, without a header', `${A},"oops\n${B},y\n`],
    ['closes rows later, without a header', `${A},"Hello\n${B},b\n${C},World"\n`],
    ['closes at the beginning of the next row', `title,fileId,recipe\n"Hello,${A},logo\n",${B},logo\n`],
    ['is escaped by a backslash', `fileId,title,recipe\n${A},"say \\"",logo\n${B},"x",subtitles\n`],
    ['opens behind a blank', `fileId,title,recipe\n${A}, "Hello,logo\n${B},b,subtitles\n${C}, World",logo\n`],
    [
      'stands in cells that a semicolon separates',
      `fileId;title;recipe\n${A};"Hello;logo\n${B};b;subtitles\n${C};World";logo\n`,
    ],
  ])('%s: ends the reading, and names the row in which it opens', async (_, csv) => {
    await expect(read(csv)).rejects.toThrow(
      /^Row [12] has a (quoted cell that does not end|cell in quotes that goes over)/,
    );
  });

  it.each([
    ['"Hello" x', 'text behind the quote'],
    ['"5" disc"', 'text behind the quote'],
    ['"say \\"hi\\""', 'text behind the quote'],
    ['"""Hello" ""', 'text behind the quote'],
    ['"a", "b"', 'has 4 cells, and the header names 3'],
  ])('%s is a problem of its row, and the rows below are read', async (title, problem) => {
    expect(await outcome(`fileId,title,recipe\n${A},${title},logo\n${B},b,subtitles\n`)).toEqual([
      expect.stringContaining(`2 ${A}: has ${problem.replace(/^has /, '')}`),
      `3 ${B}: subtitles`,
    ]);
  });

  it.each([
    ['5" disc'],
    ['"5"" disc"'],
    ['"5"" disc, 7"" disc"'],
    ['"two\nlines"'],
    ['"two\r\nlines, with a comma"'],
    ['"Best of 2024\n2023 and before"'],
    ['"ends in a backslash \\"'],
    ['""'],
    ['""""'],
    [' "Hello, World" '],
    ["'Hello'"],
    ['“Hello”'],
    ['a\tb;c'],
    ['5,28549'.replace(',', '.')],
  ])('%j is a title like any other', async (title) => {
    for (const chunk of [1, 1 << 16]) {
      const rows = await rowsOf(
        csvSource('x', bytesOf(`fileId,title,recipe\n${A},${title},logo\n${B},b,subtitles\n`, chunk)),
      );
      expect(rows).toMatchObject([
        { row: 2, fields: { fileId: A, recipe: { name: 'logo' } } },
        { row: 3, fields: { fileId: B, recipe: { name: 'subtitles' } } },
      ]);
    }
  });

  it('is none in JSON over several lines', async () => {
    const publish = '{"name": "x",\n"tags":["a","b","c"],\n"description": "5285485487985271488,x"}';
    const rows = await read(`fileId,publish,recipe\n${A},"${publish.replaceAll('"', '""')}",logo\n`);
    expect(rows).toEqual([{ row: 2, fields: { fileId: A, publish: JSON.parse(publish), recipe: { name: 'logo' } } }]);
  });
});

describe('cells that stand in another column', () => {
  it.each([
    ['a comma that is not in quotes', 'fileId,title,recipe', `${B},Bye,,subtitles`],
    ['one before an empty recipe', 'fileId,title,recipe', `${B},The, logo,`],
    ['one in a title of two words', 'fileId,title,recipe', `${B},Logo, logo ,subtitles`],
    ['curly quotes', 'fileId,title,recipe', `${B},“Hello, World”,subtitles`],
    ['single quotes', 'fileId,title,recipe', `${B},'Hello, World',subtitles`],
    ['quotes escaped by a backslash', 'fileId,title,recipe', `${B},"a \\", b",subtitles`],
    ['a decimal comma', 'fileId,price,recipe', `${B},1,5,subtitles`],
    ['a comma missing', 'fileId,title,recipe', `${B},subtitles`],
    ['a comma missing before publish', 'fileId,title,publish', `${B},"{""name"":""x""}"`],
    ['a quote at the wrong cell', 'fileId,title,recipe,key', `${B},"Hello,faces-blur",k`],
    ['a title without quotes in the header', 'fileId,title, original,recipe', `${B},Hello,logo`],
    ['columns without a name at the end', 'fileId,title,recipe,,', `${B},Bye,,subtitles,`],
    ['a semicolon that is not in quotes', 'fileId;title;recipe', `${B};Bye;;subtitles`],
    ['a line end missing between files', 'fileId,title,recipe', `${B},x,logo${A},y,logo`],
  ])('%s: a problem of that row, and the others are read', async (_, header, row) => {
    const end = header.includes(';') ? ';;' : ',';
    const good = `${A}${end.slice(0, 1)}a${header.split(/[,;]/).length > 2 && header.includes('recipe') && !/original/.test(header) ? `${end[0]}logo` : ''}`;
    const problems = (await outcome(`${header}\n${good}\n${row}\n`)).map((line) =>
      line.replace(/: .*: .*|: (has|cell).*/, ': bad'),
    );
    expect(problems).toEqual([
      expect.stringMatching(/^2 \d+: (logo|undefined)$/),
      expect.stringMatching(`^3 ${B}: bad`),
    ]);
  });

  it('are none where cells at the end are left out, or empty ones follow', async () => {
    const csv = `fileId,title,recipe,key\n${A}\n${B},b\n${C},c,logo,,,\n${D},"d",subtitles,\n`;
    expect(await outcome(csv)).toEqual([`2 ${A}: undefined`, `3 ${B}: undefined`, `4 ${C}: logo`, `5 ${D}: subtitles`]);
  });

  it('come of another separator in the middle, or of another header, and are told', async () => {
    const csv = `fileId,title,recipe\n${A},a,logo\n${B};b;subtitles\nfileId,recipe,title\n${C},logo,c\n`;
    const [, separator, header] = await read(csv);
    expect(separator).toMatchObject({ row: 3, fields: { fileId: `${B};b;subtitles` } });
    expect(header).toMatchObject({ row: 4, problem: expect.stringContaining('header again') });
  });
});

it('a line end within the quotes of an id is dropped with the white space', async () => {
  expect(await outcome(`fileId,recipe\n"${A}\n",logo\n"\n${B}",logo\n`)).toEqual([`2 ${A}: logo`, `3 ${B}: logo`]);
});

describe('what separates cells', () => {
  it.each([
    [`fileId;title, sub, more, etc;recipe\n${A};a, b;logo\n`],
    [`title,fileId,x;y;z;w,recipe\na,${A},1,logo\n`],
    [`fileId\ttitle, a\trecipe\n${A}\ta, b, c\tlogo\n`],
    [`"title; a; b; c",fileId,recipe\nx,${A},logo\n`],
    [`"a\nb;c;d",fileId,recipe\nx,${A},logo\n`],
    [`sep=;\nfileId;title;recipe\n${A};a, b, c;logo\n`],
    [`\ufeff"sep=;"\r\nfileId;title;recipe\r\n${A};a;logo\r\n`],
    [`SEP=,\nfileId,recipe\n${A},logo\n`],
    [`sep=\t\nfileId\trecipe\n${A}\tlogo\n`],
  ])('is what makes a header of %j', async (csv) => {
    const [row] = await read(csv);
    expect(row).toMatchObject({ fields: { fileId: A, recipe: { name: 'logo' } } });
  });

  it('is what makes a FileId of the first cell, without a header', async () => {
    expect(await read(`${A},a; b; c; d\n${B},x\n`)).toEqual([
      { row: 1, fields: { fileId: A } },
      { row: 2, fields: { fileId: B } },
    ]);
  });

  it('is refused where it is none of the three', async () => {
    await expect(read(`sep=|\nfileId|recipe\n${A}|logo\n`)).rejects.toThrow('"|" separates cells, which is not read');
    await expect(read(`fileId|recipe\n${A}|logo\n`)).rejects.toMatchObject({
      advice: expect.stringContaining(', ; or tab'),
    });
  });

  it('does not count the row of sep=', async () => {
    expect((await read(`sep=;\nfileId\nx\n`)).map(({ row }) => row)).toEqual([2]);
  });
});

describe('what has no shape, and quotes of chats', () => {
  it.each([
    ['\u200b'],
    ['\u200e'],
    ['\u202a'],
    ['\u2060'],
    ['\u00ad'],
    ['\ufeff'],
    ['\u00a0'],
    ['\u3000'],
    ['`'],
    ['“'],
    ['**'],
  ])('%j is dropped around ids and names of columns', async (extra) => {
    const csv = `${extra}fileId${extra === '**' ? '' : extra},${extra === '**' || extra === '`' ? '' : extra}recipe\n${extra}${A}${extra},logo\n`;
    expect(await read(csv)).toEqual([{ row: 2, fields: { fileId: A, recipe: { name: 'logo' } } }]);
    expect(await read(`${extra}${A}${extra}\n`)).toEqual([{ row: 1, fields: { fileId: A } }]);
  });

  it('is dropped inside of an id and of a recipe, not inside of what is published', async () => {
    const csv = `file\u200bId,recipe,key,subAppId,publish\n5285485\u200b487985271487,lo\u2060go,k\u200b1,\u202a1500000001\u202c,"{""name"":""a\u200db""}"\n`;
    expect(await read(csv)).toEqual([
      {
        row: 2,
        fields: { fileId: A, recipe: { name: 'logo' }, key: 'k1', subAppId: 1500000001, publish: { name: 'a\u200db' } },
      },
    ]);
  });

  it('full-width digits are digits; marks of files that were put together are none', async () => {
    expect(await read(`\ufeff\ufeff"fileId"\n５２８５485487985271487\n\ufeff"${B}"\n`)).toEqual([
      { row: 2, fields: { fileId: A } },
      { row: 3, fields: { fileId: B } },
    ]);
  });

  it('what is refused is shown with what cannot be seen', async () => {
    await expect(read(`file\u0000Id,x\n`)).rejects.toThrow('the first row is "file\\u0000Id", "x".');
    await expect(read(`f\u0456leId\n${A}\n`)).rejects.toThrow('"f\\u0456leId"');
  });
});

it('a title above the header: says where the header seems to stand', async () => {
  await expect(read(`Videos of spring\n\nfileId,title\n${A},x\n`)).rejects.toThrow(
    'the first row is "Videos of spring". The header seems to stand in row 3.',
  );
  await expect(read(`Videos; of spring\nTitle;fileId\nx;${A}\n`)).rejects.toThrow('seems to stand in row 2.');
});

it('cells protected as formulas are what is in them', async () => {
  const csv = `fileId,key,recipe,subAppId\n"=""${A}""","=""k1""","=""logo""","=""1500000001"""\n`;
  expect(await read(csv)).toEqual([
    { row: 2, fields: { fileId: A, key: 'k1', recipe: { name: 'logo' }, subAppId: 1500000001 } },
  ]);
});
