import { createHash } from 'node:crypto';
import { certainEncoding, START_BYTES, StreamDecoder } from '../text-file/encoding.js';
import { gbkWordIn, likelyEncoding } from '../text-file/likely-encoding.js';
import { SourceError } from './source.js';

/** A declared encoding. A byte order mark, or the zero bytes of UTF-16, take precedence. */
export interface SaidEncoding {
  /** As returned by `encodingNamed`. */
  name: string;
  /** The origin of the declaration: `--encoding`, or a header of a download. */
  by: string;
}

/** A byte stream that is decoded and hashed while it is read. */
export class HashedText {
  readonly #hash = createHash('sha256');
  #digest: string | null = null;
  #decoder: StreamDecoder | null = null;
  #before = '';
  #isTold = false;

  constructor(
    private readonly bytes: AsyncIterable<Uint8Array>,
    private readonly said: SaidEncoding | null = null,
  ) {}

  /** SHA-256 of all raw bytes, as hex digits; null until the end is reached. */
  sha256(): string | null {
    return this.#digest;
  }

  /**
   * Decodes UTF-8, UTF-16 with or without a mark, or the declared encoding, and drops the mark. Invalid bytes become U+FFFD; a
   * user of such text must check `broken`.
   * @throws SourceError
   */
  async *text(): AsyncGenerator<string, void, undefined> {
    let held: Uint8Array = new Uint8Array(0);
    for await (const chunk of this.bytes) {
      this.#hash.update(chunk);
      if (this.#decoder !== null) {
        yield this.#checked(this.#decoder.text(chunk));
        continue;
      }
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      // The encoding is detected from the first bytes, which may arrive one at a time.
      if (held.length >= START_BYTES) yield this.#begin(held);
    }
    if (this.#decoder === null) yield this.#begin(held);
    yield this.#checked(this.#decoder?.text(null) ?? '');
    if (this.#decoder?.isRatherUtf8()) throw this.#isUtf8();
    this.#digest = this.#hash.digest('hex');
  }

  /**
   * The error for text that failed to decode, at the place `what`. Null where all bytes so far were valid: then U+FFFD is in the
   * source itself.
   */
  broken(what: string): SourceError | null {
    const broken = this.#decoder?.broken ?? null;
    if (broken === null) return null;
    const { encoding } = this.#decoder as StreamDecoder;
    const where = `${what} cannot be read: the source is not ${encoding.toUpperCase()} (line ${broken.line}).`;
    const likely = likelyEncoding(broken.sample);
    const looks = likely === null || likely.name === encoding ? '' : `It looks like ${likely.called}: `;
    const name = looks === '' || likely === null ? 'NAME' : likely.name;
    return new SourceError('input', where, `${looks}give --encoding ${name}, or save it as UTF-8.`);
  }

  /**
   * The error for text decoded as UTF-8 that is meaningful only in GBK, at the place `what`. Null for other text, and where UTF-8
   * was detected or declared.
   */
  misread(text: string, what: string): SourceError | null {
    const word = this.#isTold ? null : gbkWordIn(text);
    if (word === null) return null;
    const broken = this.broken(what);
    if (broken !== null) return broken;
    return new SourceError(
      'input',
      `${what} makes no sense in UTF-8, and reads ${word} in GBK.`,
      'Give --encoding gb18030, or save it as UTF-8; give --encoding utf-8 if it is as it should be.',
    );
  }

  #begin(start: Uint8Array): string {
    const certain = certainEncoding(start);
    if (certain === 'utf-32') throw new SourceError('input', 'The source is UTF-32.', 'Save it as UTF-8.');
    if (certain === null && this.said?.name.startsWith('utf-16') && start.length > 1) {
      throw new SourceError('input', `${this.said.by} says ${this.said.name}, but the source is not.`, 'Leave it out.');
    }
    // Servers often declare UTF-8 for any content, so their declaration does not count.
    this.#isTold =
      certain !== null || (this.said !== null && (this.said.by === '--encoding' || this.said.name !== 'utf-8'));
    this.#decoder = new StreamDecoder(certain ?? this.said?.name ?? 'utf-8');
    return this.#checked(this.#decoder.text(start));
  }

  /** ISO-2022-JP encodes characters as ASCII bytes, which may look like quotes and commas. */
  #checked(text: string): string {
    const seen = this.#before + text;
    this.#before = seen.slice(-2);
    if (!seen.includes('\u001b$B') && !seen.includes('\u001b$@')) return text;
    throw new SourceError(
      'input',
      'The source is Japanese in ISO-2022-JP, which is not read.',
      'Save it as UTF-8, or: iconv -f ISO-2022-JP -t UTF-8',
    );
  }

  #isUtf8(): SourceError {
    const { name, by } = this.said as SaidEncoding;
    const instead = by === '--encoding' ? `Leave --encoding out.` : 'Give --encoding utf-8.';
    return new SourceError('input', `${by} says ${name}, but the source is UTF-8.`, instead);
  }
}
