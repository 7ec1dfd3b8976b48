import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { csvSource } from './csv.js';
import { type DownloadOptions, download, shownUrl } from './download.js';
import { ndjsonSource } from './ndjson.js';
import { type BacklogSource, SourceError } from './source.js';

export const SOURCE_FORMATS = ['csv', 'ndjson'] as const;
export type SourceFormat = (typeof SOURCE_FORMATS)[number];

export interface OpenSourceOptions extends DownloadOptions {
  /** Default: by the end of the name, else by the first character. */
  format?: SourceFormat;
  /** What `-` reads; default the process's own. */
  stdin?: AsyncIterable<Uint8Array>;
}

/**
 * Opens a file, `-` for standard input, or an `https://` URL. Nothing is read beyond the first bytes until its rows are.
 * @throws SourceError
 */
export async function openSource(spec: string, options: OpenSourceOptions = {}): Promise<BacklogSource> {
  const { name, bytes } = bytesOf(spec, options);
  const { start, all } = await peek(bytes);
  const format = options.format ?? formatOf(name, start);
  return format === 'csv' ? csvSource(name, all) : ndjsonSource(name, all);
}

function bytesOf(spec: string, options: OpenSourceOptions): { name: string; bytes: AsyncIterable<Uint8Array> } {
  if (spec === '-') return { name: '-', bytes: options.stdin ?? process.stdin };
  if (/^https?:\/\//i.test(spec)) {
    if (!URL.canParse(spec)) throw new SourceError('input', 'The source is not a URL that can be read.');
    const url = new URL(spec);
    return { name: shownUrl(url), bytes: download(url, options) };
  }
  return { name: basename(spec), bytes: fileBytes(spec) };
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
): Promise<{ start: Uint8Array; all: AsyncGenerator<Uint8Array, void, undefined> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let start = Buffer.alloc(0);
  // White space says nothing about the format.
  while (start.toString('latin1').replace(/[\s\u00ef\u00bb\u00bf\u00fe\u00ff\0]/g, '') === '') {
    const next = await iterator.next();
    if (next.done) break;
    seen.push(next.value);
    start = Buffer.concat([start, next.value]);
  }
  return {
    start,
    all: (async function* () {
      yield* seen;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    })(),
  };
}

function formatOf(name: string, start: Uint8Array): SourceFormat {
  if (/\.csv$|\.tsv$/i.test(name)) return 'csv';
  if (/\.ndjson$|\.jsonl$/i.test(name)) return 'ndjson';
  const first = Buffer.from(start.subarray(0, 256))
    .toString('latin1')
    .replace(/[^\x21-\x7e]/g, '')[0];
  if (first === '[') {
    throw new SourceError(
      'input',
      `${name} begins like a JSON array.`,
      'Write one request a line, without brackets and commas between them (NDJSON): jq -c ".[]" does that.',
    );
  }
  return first === '{' ? 'ndjson' : 'csv';
}
