import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenSourceOptions, openSource } from '../../src/backlog/open-source.js';
import { bytesOf, rowsOf } from './rows.js';

const A = '5285485487985271487';
const CSV = `fileId\n${A}\n`;
const ROWS = [{ row: 2, fields: { fileId: A } }];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backlog-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const read = async (spec: string, options?: OpenSourceOptions) => rowsOf(await openSource(spec, options));

describe('a file', () => {
  it.each([
    ['list.csv', CSV, 'csv'],
    ['list.jsonl', `{"fileId": "${A}"}`, 'ndjson'],
    ['requests', `\uFEFF\n {"fileId": "${A}"}`, 'ndjson'],
    ['ids', `${A}\n`, 'csv'],
  ])('%s is of the right format', async (name, text, kind) => {
    const source = await openSource(file(name, text));
    expect([source.kind, source.name]).toEqual([kind, name]);
    expect(await rowsOf(source)).toMatchObject([{ fields: { fileId: A } }]);
  });

  it('that holds a JSON array is refused, with the way out', async () => {
    await expect(openSource(file('array.json', `[{"fileId": "${A}"}]`))).rejects.toMatchObject({
      message: 'array.json begins like a JSON array.',
      advice: expect.stringContaining('NDJSON'),
    });
  });

  it('that is not there, or is a folder, is named', async () => {
    await expect(openSource(join(folder, 'none.csv'))).rejects.toThrow(
      /none\.csv cannot be read: there is no such file/,
    );
    await expect(openSource(folder)).rejects.toThrow('is a folder');
  });

  it('that grows while it is read is refused', async () => {
    const path = file('growing.csv', CSV);
    const source = await openSource(path);
    appendFileSync(path, `${A}\n`);
    await expect(rowsOf(source)).rejects.toThrow('growing.csv was changed while it was read.');
  });
});

it('reads standard input, of either format', async () => {
  expect(await read('-', { stdin: bytesOf(CSV, 1) })).toEqual(ROWS);
  expect(await read('-', { stdin: bytesOf(`{"fileId": "${A}"}`) })).toMatchObject([{ row: 1 }]);
  expect(await read('-', { stdin: bytesOf(`{}\n`), format: 'csv' }).catch((error) => error.message)).toContain(
    'fileId',
  );
});

describe('what is no list', () => {
  it.each([
    ['list.csv', gzipSync(CSV), /^list\.csv is compressed \(gzip\)/, 'gunzip -c'],
    ['list.xlsx', Buffer.from('PK\x03\x04....[Content_Types].xml'), /is an Excel workbook/, '--convert-to csv'],
    ['page.csv', Buffer.from('<!DOCTYPE html><html>'), /is a page of HTML/, 'browser'],
    ['page.csv', Buffer.from('\ufeff<html>', 'utf16le'), /is a page of HTML/, 'browser'],
    ['list.ndjson', Buffer.from(`\n[\n {"fileId": "${A}"}]`), /begins like a JSON array/, "jq -c '.[]'"],
    ['list.csv', Buffer.from([0x61, 0, 0, 0x62, 0, 0, 0]), /holds NUL bytes/, 'Name a list that is text'],
  ])(
    '%s: known by its bytes, whatever its name, from a file and from standard input',
    async (name, bytes, sentence, advice) => {
      writeFileSync(join(folder, name), bytes);
      for (const options of [{}, { format: 'csv' as const }]) {
        const expected = { message: expect.stringMatching(sentence), advice: expect.stringContaining(advice) };
        await expect(openSource(join(folder, name), options)).rejects.toMatchObject(expected);
        const stdin = bytesOf(bytes, 1);
        await expect(openSource('-', { ...options, stdin })).rejects.toMatchObject({ advice: expected.advice });
      }
    },
  );

  it('is JSON, one object a line, in a file that is called CSV: says how to read it', async () => {
    await expect(read(file('json.csv', `{"fileId": "${A}"}\n`))).rejects.toMatchObject({
      advice: expect.stringContaining('--format ndjson'),
    });
  });

  it('is nothing: no rows', async () => {
    for (const text of ['', ' \n\n', '\ufeff', 'fileId\n']) expect(await read(file('empty.csv', text))).toEqual([]);
    expect(await read('/dev/null')).toEqual([]);
    expect(await read(file('empty.ndjson', '\n'))).toEqual([]);
  });
});

describe('a URL', () => {
  let server: Server;
  let url: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  beforeAll(async () => {
    server = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const allowPrivate = true;

  it('is streamed, through redirects, and shown without what may be secret', async () => {
    answer = ({ url: path }, response) => {
      if (path?.startsWith('/list')) response.writeHead(302, { location: '/real.csv?signature=y' }).end();
      else response.end(CSV);
    };
    const source = await openSource(`${url.replace('//', '//user:pass@')}/list.csv?signature=x`, { allowPrivate });
    expect(source.name).toBe(`${url}/list.csv`);
    expect(await rowsOf(source)).toEqual(ROWS);
  });

  it('that leads to an address that is not public is refused, http as well', async () => {
    await expect(openSource('https://127.0.0.1:1/x.csv')).rejects.toMatchObject({
      message: '127.0.0.1:1 is 127.0.0.1, which is not a public address.',
      advice: expect.stringContaining('--allow-private-address'),
    });
    await expect(openSource('https://localhost:1/x.csv')).rejects.toThrow('which is not a public address');
    await expect(openSource(`${url}/x.csv`)).rejects.toThrow('is not an https:// URL');
  });

  it('that redirects in a circle, or does not exist, is given up', async () => {
    answer = (_request, response) => response.writeHead(302, { location: '/again' }).end();
    await expect(openSource(`${url}/x.csv`, { allowPrivate })).rejects.toThrow('redirects more than 5 times');
    answer = (_request, response) => response.writeHead(403).end();
    await expect(openSource(`${url}/x.csv?token=1`, { allowPrivate })).rejects.toThrow(`${url}/x.csv answered 403.`);
  });

  it('that says its encoding is read by it; an option knows better, and what is not true is refused', async () => {
    const gbk = iconv.encode(`fileId,key\n${A},片一\n`, 'gbk');
    const rows = [{ row: 2, fields: { fileId: A, key: '片一' } }];
    const serve = (type: string, body: Uint8Array | string) => {
      answer = (_request, response) => response.writeHead(200, { 'content-type': type }).end(body);
    };
    serve('text/csv; charset=GBK', gbk);
    expect(await read(`${url}/x.csv`, { allowPrivate })).toEqual(rows);
    serve('text/csv; charset="iso-8859-1"', gbk);
    expect(await read(`${url}/x.csv`, { allowPrivate, encoding: 'gb18030' })).toEqual(rows);
    serve('text/csv; charset=utf-8', iconv.encode(`fileId,key\n${A},第一\n`, 'gbk'));
    await expect(read(`${url}/x.csv`, { allowPrivate })).rejects.toThrow('is not UTF-8');
    serve('text/csv; charset=ISO-8859-1', `fileId,key\n${A},é\n`);
    await expect(read(`${url}/x.csv`, { allowPrivate })).rejects.toMatchObject({ advice: 'Give --encoding utf-8.' });
    serve('text/csv; charset=hz-gb-2312', CSV);
    await expect(read(`${url}/x.csv`, { allowPrivate })).rejects.toThrow('says charset=hz-gb-2312, which is not known');
    serve('text/csv; charset=US-ASCII', CSV);
    expect(await read(`${url}/x.csv`, { allowPrivate })).toEqual(ROWS);
  });

  it('that gives the page of a login, or answers compressed, is refused in one sentence', async () => {
    answer = (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>');
    await expect(openSource(`${url}/x.csv?token=1`, { allowPrivate })).rejects.toThrow(
      `${url}/x.csv is a page of HTML`,
    );
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'br' }).end('x');
    await expect(openSource(`${url}/x.csv`, { allowPrivate })).rejects.toThrow('answers compressed (br)');
  });

  it('whose answer is cut is not taken for the whole', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write(CSV, () => response.destroy());
    };
    await expect(read(`${url}/x.csv`, { allowPrivate })).rejects.toThrow(/broke off after \d+ bytes/);
  });
});
