import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { wrongKind } from '../../src/text-file/kind.js';

const kind = (bytes: Uint8Array, file = 'list.csv') => {
  const wrong = wrongKind(bytes, Buffer.from(bytes).toString('utf8'), file);
  return wrong === null ? null : `${wrong.is} ${wrong.advice}`;
};
const latin1 = (text: string) => Buffer.from(text, 'latin1');

it.each([
  ['PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0[Content_Types].xml', /Excel workbook.*--convert-to csv/s],
  ['PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet', /spreadsheet \(\.ods\).*--convert-to csv/s],
  ['PK\x03\x04list.csv', /zip.*unzip -p/s],
  ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', /old Excel.*--convert-to csv/s],
  ['\xfd7zXZ\0', /xz -dc list\.csv/],
  ['\x28\xb5\x2f\xfd', /zstd -dc/],
  ['BZh91AY', /bzip2 -dc/],
  ['7z\xbc\xaf\x27\x1c', /7z x -so/],
  ['%PDF-1.7', /PDF/],
  ['\x89PNG\r\n\x1a\n', /image/],
  ['\xff\xd8\xff\xe0', /image/],
  ['SQLite format 3\0', /SQLite/],
  ['PAR1', /Parquet/],
  ['\x7fELF', /program/],
  ['\0\0\0\x18ftypmp42', /video/],
  ['{\\rtf1', /RTF/],
  ['<!DOCTYPE html><title>Login', /page of HTML, such as the page of a login/],
  ['\xef\xbb\xbf\n <html lang="en">', /page of HTML/],
  ['<table><tr><td>fileId', /page of HTML/],
  ['<?xml version="1.0"?><Error><Code>AccessDenied', /XML/],
  ['<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', /Excel workbook as XML/],
  ['version https://git-lfs.github.com/spec/v1\n', /git lfs pull/],
  ['a\0b\0\0', /NUL bytes/],
])('%j is known', (text, sentence) => {
  expect(kind(latin1(text))).toMatch(sentence);
});

it('names the file in a command that a shell takes, and what has no name as FILE', () => {
  const packed = gzipSync('fileId\n');
  expect(kind(packed, 'lists/a b.csv.gz')).toContain(`gunzip -c 'lists/a b.csv.gz' > `);
  expect(kind(packed, 'list.csv.gz')).toContain('gunzip -c list.csv.gz > list.csv');
  expect(kind(packed, '-')).toContain('gunzip -c FILE > list.csv');
  expect(kind(packed, 'https://x.example/list.gz')).toContain('gunzip -c FILE');
});

it.each([
  ['fileId\n1\n'],
  ['5285485487985271487\n'],
  ['{"fileId": "1"}'],
  ['BZ,x\n'],
  ['sep=;\n'],
  ['<5285485487985271487>\n'],
  [''],
])('%j is none of them', (text) => {
  expect(kind(Buffer.from(text))).toBeNull();
});
