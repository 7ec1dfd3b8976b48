import { createHash } from 'node:crypto';
import { TextDecoder } from 'node:util';
import { SourceError } from './source.js';

/** A stream of bytes that is decoded and hashed on its way. */
export class HashedText {
  readonly #hash = createHash('sha256');
  #digest: string | null = null;

  constructor(private readonly bytes: AsyncIterable<Uint8Array>) {}

  /** Of all bytes as they came, as hex digits; null until the end was reached. */
  sha256(): string | null {
    return this.#digest;
  }

  /** UTF-8, or UTF-16 with a byte order mark, as some spreadsheets write it; the mark is left out. */
  async *text(): AsyncGenerator<string, void, undefined> {
    let decoder: TextDecoder | null = null;
    let held = new Uint8Array(0);
    for await (const chunk of this.bytes) {
      this.#hash.update(chunk);
      let next = chunk;
      if (decoder === null) {
        next = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
        // The first two bytes tell the encoding; they may come one at a time.
        if (next.length < 2) {
          held = Uint8Array.from(next);
          continue;
        }
        decoder = decoderFor(next);
      }
      yield decoded(decoder, next, true);
    }
    if (decoder === null) yield decoded(new TextDecoder('utf-8'), held, false);
    else yield decoded(decoder, new Uint8Array(0), false);
    this.#digest = this.#hash.digest('hex');
  }
}

function decoderFor([first, second]: Uint8Array): TextDecoder {
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le');
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be');
  // Not fatal: a name in another encoding, in a column that is ignored, is no reason to refuse a file.
  return new TextDecoder('utf-8');
}

function decoded(decoder: TextDecoder, bytes: Uint8Array, stream: boolean): string {
  try {
    return decoder.decode(bytes, { stream });
  } catch (error) {
    throw new SourceError('input', 'The text cannot be decoded.', 'Save it as UTF-8.', { cause: error });
  }
}
