import { expect, it } from 'vitest';
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
