import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { certainEncoding, encodingNamed, START_BYTES, StreamDecoder } from '../text-file/encoding.js';
import { fileInCommand, wrongKind } from '../text-file/kind.js';
import type { SaidEncoding } from './bytes.js';
import { csvSource } from './csv.js';
import { type DownloadOptions, download, shownUrl } from './download.js';
import { ndjsonSource } from './ndjson.js';
import { type BacklogSource, calledSource, SourceError } from './source.js';

export const SOURCE_FORMATS = ['csv', 'ndjson'] as const;
export type SourceFormat = (typeof SOURCE_FORMATS)[number];

export interface OpenSourceOptions extends DownloadOptions {
  /** Default: by the file extension, else by the first character. */
  format?: SourceFormat;
  /** As returned by `encodingNamed`; default: UTF-8 or UTF-16, or a download's declaration. */
  encoding?: string | undefined;
  /** The stream for `-`; default the process's stdin. */
  stdin?: AsyncIterable<Uint8Array>;
}

/** Maximum leading bytes of white space or zeros that are read to detect the format. */
const MOST_BLANK = 1024 * 1024;

/** Bytes of a text file in any format. */
export interface OpenBytes {
  name: string;
  /** The beginning as text, to detect the format. */
  start: string;
  bytes: AsyncGenerator<Uint8Array, void, undefined>;
  encoding: SaidEncoding | null;
}

/**
 * Opens a file, `-` for standard input, or an `https://` URL. Reads only the first bytes until the rows are requested.
 * @throws SourceError
 */
export async function openSource(spec: string, options: OpenSourceOptions = {}): Promise<BacklogSource> {
  const { name, bytes, start, encoding } = await openBytes(spec, options);
  const format = options.format ?? formatOf(name, start);
  return format === 'csv' ? csvSource(name, bytes, encoding) : ndjsonSource(name, bytes, encoding);
}

/** Opens a source whose format is known. @throws SourceError where its first bytes show that it is no list */
export async function openBytes(spec: string, options: OpenSourceOptions = {}): Promise<OpenBytes> {
  const { name, bytes, charset } = await bytesOf(spec, options);
  // A file yields many bytes at once; a stream may yield one at a time.
  const { start, all } = await peek(bytes, isStream(spec) ? START_BYTES : 1);
  const encoding = options.encoding === undefined ? charset : { name: options.encoding, by: '--encoding' };
  const text = beginningOf(start, encoding);
  refuseOthers(name, spec, start, text);
  return { name, start: text, bytes: all, encoding };
}

function isStream(spec: string): boolean {
  return spec === '-' || /^https?:\/\//i.test(spec);
}

interface Bytes {
  name: string;
  bytes: AsyncIterable<Uint8Array>;
  charset: SaidEncoding | null;
}

async function bytesOf(spec: string, options: OpenSourceOptions): Promise<Bytes> {
  if (spec === '-') return { name: '-', bytes: options.stdin ?? process.stdin, charset: null };
  if (!isStream(spec)) return { name: basename(spec), bytes: fileBytes(spec), charset: null };
  if (!URL.canParse(spec)) throw new SourceError('input', 'The source is not a URL that can be read.');
  const url = new URL(spec);
  const { bytes, charset } = await download(url, options);
  const name = shownUrl(url);
  if (charset === null) return { name, bytes, charset };
  const encoding = encodingNamed(charset);
  // An option overrides an unknown charset.
  if (encoding === null && options.encoding === undefined) {
    throw new SourceError(
      'input',
      `${name} says charset=${charset.slice(0, 40)}, which is not known.`,
      'Give --encoding NAME.',
    );
  }
  // The bytes of UTF-16 identify it more reliably.
  const told = encoding !== null && !encoding.startsWith('utf-16');
  return { name, bytes, charset: told ? { name: encoding, by: `${name}, by its content-type,` } : null };
}

function beginningOf(start: Uint8Array, said: SaidEncoding | null): string {
  const certain = certainEncoding(start);
  const encoding = certain === 'utf-32' ? null : (certain ?? said?.name ?? 'utf-8');
  return encoding === null ? '' : new StreamDecoder(encoding).text(start.subarray(0, START_BYTES));
}

/** @throws SourceError */
function refuseOthers(name: string, spec: string, start: Uint8Array, text: string): void {
  const wrong = wrongKind(start, text, spec);
  if (wrong !== null)
    throw new SourceError('input', `${calledSource(name)} is ${wrong.is}.`, `${wrong.advice.replace(/\.$/, '')}.`);
  if (!/^[\s\ufeff]*\[\s*([{["\]]|-?\d)/.test(text)) return;
  throw new SourceError(
    'input',
    `${calledSource(name)} begins like a JSON array.`,
    `Write one request a line, without brackets and commas between them (NDJSON): jq -c '.[]' ${fileInCommand(spec)} > list.ndjson`,
  );
}

/** A file modified during the read would mix old and new content. */
async function* fileBytes(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  let before: Awaited<ReturnType<typeof stat>>;
  try {
    before = await stat(path);
    if (before.isDirectory()) throw new SourceError('input', `${path} is a folder.`, 'Name a file.');
    for await (const chunk of createReadStream(path)) yield chunk as Uint8Array;
  } catch (error) {
    throw error instanceof SourceError ? error : cannotRead(path, error);
  }
  const after = await stat(path).catch((error: unknown) => {
    throw cannotRead(path, error);
  });
  if (before.isFile() && (after.size !== before.size || after.mtimeMs !== before.mtimeMs || after.ino !== before.ino)) {
    throw new SourceError(
      'input',
      `${path} was changed while it was read.`,
      'Wait until it is written, then try again.',
    );
  }
}

function cannotRead(path: string, error: unknown): SourceError {
  const { code } = error as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'there is no such file' : (code ?? String(error));
  return new SourceError('input', `${path} cannot be read: ${why}.`, 'Check its name and whether you may read it.', {
    cause: error,
  });
}

/** The first bytes, and the whole stream including them. */
async function peek(
  bytes: AsyncIterable<Uint8Array>,
  least: number,
): Promise<{ start: Uint8Array; all: AsyncGenerator<Uint8Array, void, undefined> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let start = Buffer.alloc(0);
  // Leading white space does not identify the format.
  let length = 0;
  while (start.length < least || (isBlank(start) && length < MOST_BLANK)) {
    const next = await iterator.next();
    if (next.done) break;
    seen.push(next.value);
    length += next.value.length;
    start = Buffer.concat([isBlank(start) ? start.subarray(0, START_BYTES) : start, next.value]);
  }
  return {
    start,
    all: (async function* () {
      yield* seen;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    })(),
  };
}

function isBlank(start: Buffer): boolean {
  return start.toString('latin1').replace(/[\s\u00ef\u00bb\u00bf\u00fe\u00ff\0]/g, '') === '';
}

function formatOf(name: string, start: string): SourceFormat {
  if (/\.csv$|\.tsv$/i.test(name)) return 'csv';
  if (/\.ndjson$|\.jsonl$/i.test(name)) return 'ndjson';
  return start.replace(/^[\s\ufeff]+/, '').startsWith('{') ? 'ndjson' : 'csv';
}
