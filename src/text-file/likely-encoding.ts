import { isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';

/** A guess at the encoding of text that is not UTF-8, for the advice in an error. */
export interface LikelyEncoding {
  name: string;
  /** Name for a person. */
  called: string;
}

/** Double-byte encodings, each with the range of its common characters: [first, last] of the first and of the second byte. */
const PAIRS: readonly (LikelyEncoding & { first: readonly [number, number]; second: readonly [number, number] })[] = [
  { name: 'gb18030', called: 'Chinese (GB18030 or GBK)', first: [0xb0, 0xd7], second: [0xa1, 0xfe] },
  { name: 'big5', called: 'Chinese (Big5)', first: [0xa4, 0xc6], second: [0x40, 0xfe] },
  { name: 'euc-jp', called: 'Japanese (EUC-JP)', first: [0xa4, 0xa5], second: [0xa1, 0xf6] },
  { name: 'euc-kr', called: 'Korean (EUC-KR)', first: [0xb0, 0xc8], second: [0xa1, 0xfe] },
  { name: 'shift_jis', called: 'Japanese (Shift_JIS)', first: [0x82, 0x97], second: [0x40, 0xfc] },
];
const CYRILLIC: LikelyEncoding = { name: 'windows-1251', called: 'Cyrillic (Windows-1251)' };
const WESTERN: LikelyEncoding = { name: 'windows-1252', called: 'Western (Windows-1252)' };

/** Minimum share of common characters. */
const MOST = 0.7;

/** Encodings with shares closer than this are both named, since short texts fit several. */
const NEAR = 0.1;
const BEYOND_ASCII = /\P{ASCII}+/gu;

/** Guesses from bytes that are not UTF-8; null where no encoding fits well. */
export function likelyEncoding(sample: Uint8Array): LikelyEncoding | null {
  const bytes = brokenLines(sample);
  if (bytes.length === 0) return null;
  const western = iconv.decode(bytes, WESTERN.name);
  // Double-byte characters come in runs; an accented letter is isolated.
  const isPairs = western.match(BEYOND_ASCII)?.some((run) => run.length > 1);
  if (!isPairs) return western.includes('\uFFFD') || isOfOldSystem(bytes) ? null : WESTERN;
  const shares = PAIRS.map((pairs) => ({ pairs, share: commonShare(bytes, pairs) }));
  const most = Math.max(...shares.map(({ share }) => share));
  const near = shares.filter(({ share }) => share >= MOST && share > most - NEAR).map(({ pairs }) => pairs);
  const [first] = near;
  if (first !== undefined) return { name: first.name, called: near.map(({ called }) => called).join(' or ') };
  if (isOfOldSystem(bytes)) return null;
  if (isWestern(western)) return WESTERN;
  return isCyrillic(iconv.decode(bytes, CYRILLIC.name)) ? CYRILLIC : null;
}

/** Mac OS Roman and DOS code pages have letters where Windows has hardly any; they cannot be told apart. */
function isOfOldSystem(bytes: Buffer): boolean {
  const high = bytes.filter((byte) => byte >= 0x80);
  const letters = high.filter((byte) => (byte > 0x80 && byte < 0x91 && byte !== 0x85) || (byte > 0x97 && byte < 0xa0));
  return letters.length * 2 > high.length;
}

/** Words in one case, or with an initial capital. */
function isCyrillic(text: string): boolean {
  const words = text.match(BEYOND_ASCII) ?? [];
  return words.filter((word) => /^([А-ЯЁ]?[а-яё]+|[А-ЯЁ]+)$/.test(word)).length >= words.length * MOST;
}

/** Accented letters among plain ones. */
function isWestern(text: string): boolean {
  if (text.includes('\uFFFD')) return false;
  const words = text.match(/\p{L}+/gu)?.filter((word) => word.search(BEYOND_ASCII) !== -1) ?? [];
  const few = words.filter((word) => word.replace(BEYOND_ASCII, '').length * 2 >= word.length);
  return words.length > 0 && few.length >= words.length * MOST;
}

/** Two-byte letters that are rare in text; two Vietnamese ones are excluded. */
const RARE = /(?![\u01a0\u01a1\u01af\u01b0])[\u0180-\u036f\u0460-\u058f\u0700-\u07ff]/;
const SCRIPTS = ['Latin', 'Greek', 'Cyrillic', 'Hebrew', 'Arabic'].map(
  (name) => new RegExp(`\\p{Script=${name}}`, 'u'),
);

/**
 * Some GBK words are also valid UTF-8: \u7247\u4e00 reads \u01ac\u04bb. Returns the GBK word where its UTF-8 reading is
 * implausible and all its characters are common in GBK; null for other text.
 */
export function gbkWordIn(text: string): string | null {
  for (const [word] of text.matchAll(BEYOND_ASCII)) {
    if (/[^\u0080-\u07ff]/.test(word)) continue;
    const scripts = SCRIPTS.filter((script) => script.test(word));
    if (scripts.length < 2 && !RARE.test(word)) continue;
    const bytes = Buffer.from(word);
    const [gb] = PAIRS;
    if (gb !== undefined && commonShare(bytes, gb) === 1) return iconv.decode(bytes, gb.name);
  }
  return null;
}

function brokenLines(sample: Uint8Array): Buffer {
  const lines: Buffer[] = [];
  const all = Buffer.from(sample);
  for (let from = 0; from < all.length; ) {
    const end = all.indexOf(0x0a, from);
    const line = all.subarray(from, end === -1 ? all.length : end);
    if (!isUtf8(line)) lines.push(line);
    from = end === -1 ? all.length : end + 1;
  }
  return Buffer.concat(lines);
}

/** Share of common characters among those beyond ASCII; 0 where the bytes are not valid in it. */
function commonShare(bytes: Buffer, { name, first, second }: (typeof PAIRS)[number]): number {
  const text = iconv.decode(bytes, name);
  // A sample may start and end within a character.
  if (text.slice(1, -1).includes('\uFFFD')) return 0;
  let [all, common] = [0, 0];
  for (let at = 0; at < bytes.length; at += 1) {
    const [a = 0, b = 0] = bytes.subarray(at, at + 2);
    if (a < 0x80) continue;
    all += 1;
    if (a >= first[0] && a <= first[1] && b >= second[0] && b <= second[1]) common += 1;
    at += 1;
  }
  return all === 0 ? 0 : common / all;
}
