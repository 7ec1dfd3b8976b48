import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';

/** Encodings detected by a mark, by zero bytes, or by their validity. */
const UNICODE = ['utf-8', 'utf-16le', 'utf-16be'] as const;
type Unicode = (typeof UNICODE)[number];

/** Other names of an encoding, beyond those of iconv-lite. A superset replaces an older encoding. */
const OTHER_NAMES: readonly [RegExp, string][] = [
  [/^(utf-?8(-?(sig|bom|mb4|mb3))?|(us-?)?ascii|65001|cp65001)$/, 'utf-8'],
  [/^(utf-?16(-?le)?|ucs-?2(-?le)?|unicode|1200|cp1200)$/, 'utf-16le'],
  [/^(utf-?16-?be|unicodefffe|1201|cp1201)$/, 'utf-16be'],
  [/^(x-)?(gbk|gb_?2312(-80)?|gb-?18030|(cp|ms|windows-)?936|euc-cn|chinese)$/, 'gb18030'],
  [/^(iso-?8859-?1|iso_8859-1|latin-?1|l1|(cp|ms|windows-?)?1252|ansi_x3\.4-1968)$/, 'windows-1252'],
  [/^(x-)?(shift[-_]?jis|sjis|ms_kanji|windows-31j|(cp|ms)?932)$/, 'shift_jis'],
  [/^(euc-?kr|ks_c_5601-1987|uhc|(cp|ms|windows-)?949)$/, 'euc-kr'],
  [/^(x-)?(big-?5(-?hkscs)?|(cp|ms)?950)$/, 'big5'],
];
/** Encodings of iconv-lite that are not for text, or hide characters behind others. */
const NOT_FOR_TEXT = /^(base64|hex|binary|utf-?7.*|cesu-?8|utf-?32.*|ucs-?4.*|internal.*)$/;
/** Examples for a message. */
export const ENCODINGS_SHOWN = 'utf-8, utf-16le, gb18030, gbk, big5, shift_jis, euc-kr, windows-1252, windows-1251';

/** The encoding of this name, or null. */
export function encodingNamed(name: string): string | null {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/^["']|["']$/g, '');
  const known = OTHER_NAMES.find(([names]) => names.test(plain))?.[1];
  if (known !== undefined) return known;
  return NOT_FOR_TEXT.test(plain) || !iconv.encodingExists(plain) ? null : plain;
}

/** Number of bytes examined to detect an encoding or a kind of file. */
export const START_BYTES = 4_096;
/** Minimum percentage of 16-bit units with a zero byte in UTF-16: digits, line ends and delimiters have one. */
const ZEROS_OF_UTF16 = 25;

/** The encoding shown by a mark or zero bytes; null where the first bytes are ambiguous. */
export function certainEncoding(start: Uint8Array): Unicode | 'utf-32' | null {
  const [a, b, c, d] = start;
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 && start.length >= 4 ? 'utf-32' : 'utf-16le';
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return 'utf-32';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8';
  return utf16ByZeros(start);
}

function utf16ByZeros(start: Uint8Array): Unicode | null {
  const zeros: [number, number] = [0, 0];
  const units = Math.min(start.length, START_BYTES) >> 1;
  for (let at = 0; at < units * 2; at += 1) if (start[at] === 0) zeros[at & 1 ? 1 : 0] += 1;
  const [even, odd] = zeros;
  if ((even + odd) * 100 < units * ZEROS_OF_UTF16 || even + odd === 0) return null;
  // Zeros on the other side also occur in characters such as U+4E00, or the file is not text.
  if (odd > even * 10) return 'utf-16le';
  return even > odd * 10 ? 'utf-16be' : null;
}

/** Single-byte encodings. */
const SINGLE_BYTE = /^(windows|iso|koi8|cp\d|mac|ibm|\d)/;
/** Bytes from here on may be parts of longer characters: digits in GB18030, letters in others. */
const FIRST_OF_A_PART = 0x30;
/** Maximum bytes kept until a character boundary. Ours. */
const LONGEST_HELD = 1024 * 1024;
/** Maximum bytes of a character, in any encoding. */
const LONGEST_CHARACTER = 4;
/** This many valid UTF-8 characters do not occur by chance in a double-byte encoding. */
const NO_ACCIDENT = 8;

/**
 * Decodes a byte stream. An invalid byte becomes U+FFFD and never consumes a quote, comma or line end, so the caller can
 * continue. It must refuse such text where it uses it.
 */
export class StreamDecoder {
  readonly #decode: (bytes: Uint8Array | null) => string;
  /** Bytes of an encoding other than Unicode, kept until the next certain character boundary. */
  #held: Buffer = Buffer.alloc(0);
  readonly #strict: TextDecoder | null;
  /** Checks whether all bytes are valid UTF-8, although another encoding was declared. */
  #utf8: TextDecoder | null = null;
  #utf8Characters = 0;
  #lines = 1;
  #before: Uint8Array = new Uint8Array(0);
  /** Position of the first invalid bytes, and a sample with them; null while there are none. */
  broken: { line: number; sample: Uint8Array } | null = null;

  constructor(readonly encoding: string) {
    if (isUnicode(encoding)) {
      // Both drop the byte order mark.
      const loose = new TextDecoder(encoding);
      this.#decode = (bytes) => (bytes === null ? loose.decode() : loose.decode(bytes, { stream: true }));
      this.#strict = new TextDecoder(encoding, { fatal: true });
    } else {
      const decoder = iconv.getDecoder(encoding);
      this.#decode = (bytes) =>
        bytes === null ? decoder.write(this.#held) + (decoder.end() ?? '') : decoder.write(this.#upToAnEnd(bytes));
      this.#strict = null;
      this.#utf8 = new TextDecoder('utf-8', { fatal: true });
    }
  }

  /** The text of these bytes up to the last complete character; with null, the rest. */
  text(bytes: Uint8Array | null): string {
    const text = this.#text(bytes);
    this.#lookForUtf8(bytes);
    if (this.broken !== null) {
      const { sample } = this.broken;
      if (bytes !== null && sample.length < START_BYTES) this.broken.sample = Buffer.concat([sample, bytes]);
      return text;
    }
    if (!this.#fits(text, bytes)) {
      const before = text.slice(0, text.indexOf('\uFFFD'));
      this.broken = {
        line: this.#lines + lineEnds(before),
        sample: Buffer.concat([this.#before, bytes ?? new Uint8Array(0)]),
      };
    }
    this.#lines += lineEnds(text);
    if (bytes !== null)
      this.#before = Buffer.concat([this.#before, bytes.slice(-LONGEST_CHARACTER)]).subarray(-LONGEST_CHARACTER);
    return text;
  }

  /** True when all bytes so far are UTF-8, with more characters than by chance; false for text decoded as Unicode. */
  isRatherUtf8(): boolean {
    return this.#utf8 !== null && this.#utf8Characters >= (SINGLE_BYTE.test(this.encoding) ? 1 : NO_ACCIDENT);
  }

  /** Such bytes are never part of a longer character; after any other cut, the decoder would lose the rest of a character. */
  #upToAnEnd(bytes: Uint8Array): Buffer {
    const all = Buffer.concat([this.#held, bytes]);
    const end = all.length > LONGEST_HELD ? all.length : all.findLastIndex((byte) => byte < FIRST_OF_A_PART) + 1;
    this.#held = all.subarray(end);
    return all.subarray(0, end);
  }

  #text(bytes: Uint8Array | null): string {
    const text = this.#decode(bytes);
    // Undefined bytes become control characters that do not occur in text.
    return isUnicode(this.encoding) ? text : text.replace(/[\u0080-\u009f]/g, '\uFFFD');
  }

  /** U+FFFD may be in the text itself, so the bytes are also decoded strictly. */
  #fits(text: string, bytes: Uint8Array | null): boolean {
    if (this.#strict === null) return !text.includes('\uFFFD');
    try {
      if (bytes === null) this.#strict.decode();
      else this.#strict.decode(bytes, { stream: true });
      return true;
    } catch {
      return false;
    }
  }

  #lookForUtf8(bytes: Uint8Array | null): void {
    if (this.#utf8 === null) return;
    try {
      const text = bytes === null ? this.#utf8.decode() : this.#utf8.decode(bytes, { stream: true });
      this.#utf8Characters += text.match(/\P{ASCII}/gu)?.length ?? 0;
    } catch {
      this.#utf8 = null;
    }
  }
}

function lineEnds(text: string): number {
  return text.match(/\n/g)?.length ?? 0;
}

function isUnicode(encoding: string): encoding is Unicode {
  return (UNICODE as readonly string[]).includes(encoding);
}
