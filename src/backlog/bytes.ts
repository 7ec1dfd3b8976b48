import { createHash } from 'node:crypto';
import { certainEncoding, START_BYTES, StreamDecoder } from '../text-file/encoding.js';
import { gbkWordIn, likelyEncoding } from '../text-file/likely-encoding.js';
import { SourceError } from './source.js';

/** How a source is encoded, as somebody says. A mark, or the zero bytes of UTF-16, are surer and win. */
export interface SaidEncoding {
  /** As `encodingNamed` gives it. */
  name: string;
  /** Where it was said: `--encoding`, or a header of a download. */
  by: string;
}

/** A stream of bytes that is decoded and hashed on its way. */
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

  /** Of all bytes as they came, as hex digits; null until the end was reached. */
  sha256(): string | null {
    return this.#digest;
  }

  /**
   * UTF-8, UTF-16 with a mark or without one, or what was said; the mark is left out. What does not fit is U+FFFD: whoever
   * uses a text with it asks `broken`.
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
      // The beginning tells the encoding; it may come a byte at a time.
      if (held.length >= START_BYTES) yield this.#begin(held);
    }
    if (this.#decoder === null) yield this.#begin(held);
    yield this.#checked(this.#decoder?.text(null) ?? '');
    if (this.#decoder?.isRatherUtf8()) throw this.#isUtf8();
    this.#digest = this.#hash.digest('hex');
  }

  /**
   * The error for a text that was not decoded, `what` being its place; null where every byte so far was text: then U+FFFD stands
   * in the source itself.
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
   * The error for a text that is used, `what` being its place, and was decoded as UTF-8 although it makes sense in GBK alone; null
   * for any other text, and where a mark or somebody says that it is UTF-8.
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
    // A server says UTF-8 of whatever it has.
    this.#isTold =
      certain !== null || (this.said !== null && (this.said.by === '--encoding' || this.said.name !== 'utf-8'));
    this.#decoder = new StreamDecoder(certain ?? this.said?.name ?? 'utf-8');
    return this.#checked(this.#decoder.text(start));
  }

  /** Japanese of this kind hides quotes and commas in its characters, and every byte of it is ASCII. */
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
