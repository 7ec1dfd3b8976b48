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
  /** Default: by the end of the name, else by the first character. */
  format?: SourceFormat;
  /** As `encodingNamed` gives it; default: UTF-8 or UTF-16, or what a download says. */
  encoding?: string | undefined;
  /** What `-` reads; default the process's own. */
  stdin?: AsyncIterable<Uint8Array>;
}

/** Bytes of white space or zeros after which nothing else is waited for. */
const MOST_BLANK = 1024 * 1024;

/** Bytes that are text of some kind. */
export interface OpenBytes {
  name: string;
  /** The beginning, as text: for what can be told by it. */
  start: string;
  bytes: AsyncGenerator<Uint8Array, void, undefined>;
  encoding: SaidEncoding | null;
}

/**
 * Opens a file, `-` for standard input, or an `https://` URL. Nothing is read beyond the first bytes until its rows are.
 * @throws SourceError
 */
export async function openSource(spec: string, options: OpenSourceOptions = {}): Promise<BacklogSource> {
  const { name, bytes, start, encoding } = await openBytes(spec, options);
  const format = options.format ?? formatOf(name, start);
  return format === 'csv' ? csvSource(name, bytes, encoding) : ndjsonSource(name, bytes, encoding);
}

/** The same, for whoever knows what is in it. @throws SourceError where it is no list, by its first bytes */
export async function openBytes(spec: string, options: OpenSourceOptions = {}): Promise<OpenBytes> {
  const { name, bytes, charset } = await bytesOf(spec, options);
  // A file gives much at once, and its end only when its rows were read; a stream may come a byte at a time.
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
  // An option says what it really is.
  if (encoding === null && options.encoding === undefined) {
    throw new SourceError(
      'input',
      `${name} says charset=${charset.slice(0, 40)}, which is not known.`,
      'Give --encoding NAME.',
    );
  }
  // Of UTF-16 its own bytes tell more.
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

/** A file that is written to while it is read would be neither the old one nor the new one. */
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

/** The first bytes, and all of them again. */
async function peek(
  bytes: AsyncIterable<Uint8Array>,
  least: number,
): Promise<{ start: Uint8Array; all: AsyncGenerator<Uint8Array, void, undefined> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let start = Buffer.alloc(0);
  // White space says nothing about the format.
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
