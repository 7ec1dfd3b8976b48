import { describe, expect, it } from 'vitest';
import { ndjsonSource } from '../../src/backlog/ndjson.js';
import { bytesOf, rowsOf } from './rows.js';

const read = (text: string, chunk?: number) => rowsOf(ndjsonSource('x', bytesOf(text, chunk)));

it('is a request a line; the row is the line, empty ones included', async () => {
  const text = '\uFEFF{"fileId": "1", "publish": {"name": "ü"}}\r\n\n{"fileId": "2"}';
  const rows = [
    { row: 1, fields: { fileId: '1', publish: { name: 'ü' } } },
    { row: 3, fields: { fileId: '2' } },
  ];
  expect(await read(text)).toEqual(rows);
  expect(await read(text, 1)).toEqual(rows);
});

it('tells of each line that is no JSON object', async () => {
  expect(await read('{"fileId": \n"5285485487985271487"\n[1]\n')).toEqual([
    { row: 1, fileId: null, problem: expect.stringMatching(/^is not JSON/) },
    { row: 2, fileId: null, problem: 'is a string; each line has to be a JSON object, one request.' },
    { row: 3, fileId: null, problem: 'is a list; each line has to be a JSON object, one request.' },
  ]);
});

it('does not read a line without an end into memory', async () => {
  await expect(read(`{"fileId": "1"}\n${'x'.repeat(200_000)}`)).rejects.toThrow(
    'Line 2 has more than 65536 characters.',
  );
});

describe('JSON that is no NDJSON', () => {
  const pretty = (...requests: object[]) => requests.map((one) => JSON.stringify(one, null, 2)).join('\n');

  it.each([
    ['pretty-printed', pretty({ fileId: '1' }, { fileId: '2', publish: { name: 'x' } }), 'jq -c . list.json'],
    ['pretty-printed, with commas', '{\n "fileId": "1"\n},\n{\n "fileId": "2"\n}\n', "| jq -c '.[]'"],
    [
      'with commas between its lines',
      '{"fileId": "1"},\n{"fileId": "2"},\n{"fileId": "3"}\n',
      "sed 's/,[[:space:]]*$//'",
    ],
    ['CSV', 'fileId,title\n1,x\n', '--format csv'],
  ])('%s: one sentence, with what helps', async (_, text, advice) => {
    for (const chunk of [1, 1_000]) {
      const error = await rowsOf(ndjsonSource('list.json', bytesOf(text, chunk))).catch((problem) => problem);
      expect([error.name, error.advice]).toEqual(['SourceError', expect.stringContaining(advice)]);
    }
  });

  it('two objects in a line, a name that stands twice, NaN: problems of their lines', async () => {
    const text =
      '{"fileId": "1"}{"fileId": "2"}\n{"fileId": "1", "fileId": "2"}\n{"deadlineHours": NaN}\n{"fileId": "3"}\n';
    expect(await read(text)).toMatchObject([
      { row: 1, problem: expect.stringMatching(/^is not JSON/) },
      { row: 2, problem: expect.stringContaining('has fileId twice') },
      { row: 3, problem: expect.stringMatching(/^is not JSON/) },
      { row: 4, fields: { fileId: '3' } },
    ]);
  });
});

it('refuses a FileId that is a number, and shows it as it is written', async () => {
  expect(await read('{"fileId": 5285485487985271487}\n')).toEqual([
    {
      row: 1,
      fileId: '5285485487985271487',
      problem: expect.stringContaining('must be a string: "5285485487985271487"'),
    },
  ]);
});

it('takes ids as they come out of chats, and line ends of any kind', async () => {
  expect(
    await read(
      '{"fileId": "\u200b5285485487985271487 ", "recipe": {"name": " logo"}}\r{"fileId": "2", "key": "k\u200b"}\r',
    ),
  ).toEqual([
    { row: 1, fields: { fileId: '5285485487985271487', recipe: { name: 'logo' } } },
    { row: 2, fields: { fileId: '2', key: 'k' } },
  ]);
});
