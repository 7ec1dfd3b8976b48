import { certainEncoding } from './encoding.js';

/** A file of an unsupported kind: a phrase that names it, and advice. */
export interface WrongKind {
  /** Such as `list.xlsx is an Excel workbook`. */
  is: string;
  advice: string;
}

const SAVE_AS_CSV = 'Save it as "CSV UTF-8" in the spreadsheet program, or: ';
const asCsv = (file: string) =>
  `${SAVE_AS_CSV}libreoffice --headless --convert-to csv:"Text - txt - csv (StarCalc)":44,34,76 ${file}`;
const unpack = (command: string) => (file: string, to: string) => `Unpack it: ${command.replace('FILE', file)} > ${to}`;
const notText = () => 'Name a list that is text: CSV, or one JSON object a line.';

interface Signature {
  /** In Latin-1, at offset `at`. */
  begins: string;
  at?: number;
  is: string;
  advice(file: string, unpacked: string): string;
}

const SIGNATURES: readonly Signature[] = [
  {
    begins: '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1',
    is: 'an old Excel workbook (.xls) or another Office file',
    advice: asCsv,
  },
  { begins: '\x1f\x8b', is: 'compressed (gzip)', advice: unpack('gunzip -c FILE') },
  { begins: '\x1f\x9d', is: 'compressed (.Z)', advice: unpack('gunzip -c FILE') },
  { begins: '\xfd7zXZ\0', is: 'compressed (xz)', advice: unpack('xz -dc FILE') },
  { begins: '\x28\xb5\x2f\xfd', is: 'compressed (zstd)', advice: unpack('zstd -dc FILE') },
  { begins: '\x04\x22\x4d\x18', is: 'compressed (lz4)', advice: unpack('lz4 -dc FILE') },
  { begins: 'BZh', is: 'compressed (bzip2)', advice: unpack('bzip2 -dc FILE') },
  { begins: 'LZIP', is: 'compressed (lzip)', advice: unpack('lzip -dc FILE') },
  { begins: '7z\xbc\xaf\x27\x1c', is: 'an archive (7z)', advice: unpack('7z x -so FILE') },
  { begins: 'Rar!\x1a\x07', is: 'an archive (rar)', advice: unpack('unrar p -inul FILE') },
  { begins: 'ustar', at: 257, is: 'an archive (tar)', advice: unpack('tar -xOf FILE') },
  { begins: '%PDF-', is: 'a PDF', advice: notText },
  { begins: '{\\rtf', is: 'an RTF document', advice: notText },
  {
    begins: 'SQLite format 3\0',
    is: 'an SQLite database',
    advice: () => 'Export the table as CSV: sqlite3 -csv -header',
  },
  { begins: 'PAR1', is: 'a Parquet file', advice: () => 'Export it as CSV.' },
  { begins: 'ARROW1', is: 'an Arrow file', advice: () => 'Export it as CSV.' },
  { begins: 'Obj\x01', is: 'an Avro file', advice: () => 'Export it as CSV.' },
  { begins: '\x89PNG', is: 'an image (PNG)', advice: notText },
  { begins: '\xff\xd8\xff', is: 'an image (JPEG)', advice: notText },
  { begins: 'GIF8', is: 'an image (GIF)', advice: notText },
  { begins: 'ftyp', at: 4, is: 'a video', advice: notText },
  { begins: '\x1aE\xdf\xa3', is: 'a video', advice: notText },
  { begins: 'RIFF', is: 'a sound, a video or an image', advice: notText },
  { begins: '\x7fELF', is: 'a program', advice: notText },
  {
    begins: 'version https://git-lfs.github.com/spec/',
    is: 'a pointer of Git LFS, without the content',
    advice: () => 'Fetch the content: git lfs pull',
  },
];

/** Kinds of zip files, by a name in them. */
const ZIPPED: readonly [RegExp, string, (file: string, to: string) => string][] = [
  [/xl\/|\[Content_Types\]\.xml|_rels\//, 'an Excel workbook (.xlsx)', asCsv],
  [/opendocument\.spreadsheet/, 'a spreadsheet (.ods)', asCsv],
  [/Index\/|\.iwa/, 'a Numbers spreadsheet', () => `${SAVE_AS_CSV.slice(0, -', or: '.length)}.`],
  [/(?:)/, 'an archive (zip)', unpack('unzip -p FILE')],
];

/** A file's name for a suggested command; a placeholder where there is none. */
export function fileInCommand(name: string): string {
  if (name === '-' || /^https?:\/\//i.test(name)) return 'FILE';
  return /^[\w./@+=-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}

/**
 * Detects by its first bytes a file that is no list, whatever its name.
 * @param text the first bytes as text
 * @param file its path, URL, or `-`
 */
export function wrongKind(start: Uint8Array, text: string, file: string): WrongKind | null {
  const name = fileInCommand(file);
  const unpacked = unpackedName(name);
  const bytes = Buffer.from(start).toString('latin1');
  for (const { begins, at = 0, is, advice } of SIGNATURES) {
    if (bytes.startsWith(begins, at)) return { is, advice: advice(name, unpacked) };
  }
  if (bytes.startsWith('PK\x03\x04') || bytes.startsWith('PK\x05\x06')) {
    const [, is, advice] = ZIPPED.find(([holds]) => holds.test(bytes)) as (typeof ZIPPED)[number];
    return { is, advice: advice(name, unpacked) };
  }
  if (certainEncoding(start) === 'utf-32') {
    return { is: 'text in UTF-32', advice: `Make it UTF-8: iconv -f UTF-32 -t UTF-8 ${name} > ${unpacked}` };
  }
  return markup(text) ?? (text.includes('\0') ? { is: 'no text: it holds NUL bytes', advice: notText() } : null);
}

function markup(text: string): WrongKind | null {
  const begin = text.replace(/^[\s\ufeff]+/, '').slice(0, 2_000);
  if (/^<(!doctype html|html|head|body|table|meta|script|style|title|div|p)\b/i.test(begin)) {
    return {
      is: 'a page of HTML, such as the page of a login or of an error',
      advice: 'Look at it in a browser; give the address, or the file, of the list itself.',
    };
  }
  if (/^<(\?xml|!--|!doctype|!\[CDATA|[a-z][\w:-]*(\s[^>]*)?\/?>)/i.test(begin)) {
    const excel = /urn:schemas-microsoft-com:office:spreadsheet|Excel\.Sheet/.test(begin);
    return {
      is: excel ? 'an Excel workbook as XML' : 'XML',
      advice: excel
        ? `${SAVE_AS_CSV.slice(0, -', or: '.length)}.`
        : 'Export the list as CSV, or as JSON with one object a line.',
    };
  }
  return null;
}

function unpackedName(file: string): string {
  const base = (file.split('/').at(-1) ?? '').replace(/\.(gz|z|xz|zst|lz4|bz2|lz|7z|rar|tar|tgz|zip)$/i, '');
  if (!/^[\w.-]+$/.test(base) || base === 'FILE') return 'list.csv';
  return base === file.split('/').at(-1) ? `plain-${base}` : /\.\w+$/.test(base) ? base : `${base}.csv`;
}
