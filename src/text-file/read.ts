import { readFileSync } from 'node:fs';
import { certainEncoding, START_BYTES, StreamDecoder } from './encoding.js';
import { fileInCommand, wrongKind } from './kind.js';
import { gbkWordIn, likelyEncoding } from './likely-encoding.js';

/** A file that is unreadable as text; the message is the end of a sentence that names it: `cannot be read: …`. */
export class TextFileError extends Error {
  override readonly name = 'TextFileError';
  constructor(
    message: string,
    readonly advice: string | null = null,
    /** The operating system's error code, if there is one. */
    readonly code: string | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Reads a small text file completely: UTF-8, or UTF-16 with or without a mark, which is dropped.
 * @throws TextFileError for any other content
 */
export function readTextFile(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : (code ?? String(error));
    throw new TextFileError(`cannot be read: ${why}`, null, code ?? null, { cause: error });
  }
  const certain = certainEncoding(bytes.subarray(0, START_BYTES));
  const decoder = new StreamDecoder(certain === null || certain === 'utf-32' ? 'utf-8' : certain);
  const text = decoder.text(bytes) + decoder.text(null);
  const wrong = wrongKind(bytes.subarray(0, START_BYTES), text, path);
  if (wrong !== null) throw new TextFileError(`is ${wrong.is}`, wrong.advice);
  if (decoder.broken !== null) {
    const likely = likelyEncoding(decoder.broken.sample);
    const looks = likely === null ? '' : `; it looks like ${likely.called}`;
    const from = likely === null ? 'ENCODING' : likely.name.toUpperCase();
    throw new TextFileError(
      `is not UTF-8 (line ${decoder.broken.line})${looks}`,
      `Save it as UTF-8, or: iconv -f ${from} -t UTF-8 ${fileInCommand(path)} > FILE`,
    );
  }
  const word = certain === null ? gbkWordIn(text) : null;
  if (word !== null) {
    throw new TextFileError(
      `makes no sense in UTF-8, and reads ${word} in GBK`,
      'Save it as UTF-8 with a byte order mark.',
    );
  }
  return text;
}
