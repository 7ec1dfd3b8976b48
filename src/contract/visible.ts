/**
 * Shows invisible characters in text. Characters such as U+200B or a direction mark are copied with ids from chats and web pages,
 * and make a wrong text appear right.
 */

const SHAPELESS = /\p{Default_Ignorable_Code_Point}/gu;
/** Also control characters, unassigned code points, and spaces other than the plain one. */
const HIDDEN = /[\p{C}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Z}/gu;
/** Letters similar to Latin ones, and digits other than 0 to 9. */
const LOOKALIKE = /[\p{Script=Cyrillic}\p{Script=Greek}]|(?![0-9])\p{Nd}/gu;
const WORD = /[\p{L}\p{N}_]+/gu;

/** The text without invisible characters. */
export function withoutShapeless(text: string): string {
  return text.replace(SHAPELESS, '');
}

/** Escapes, such as `\u200b`, invisible characters, and letters and digits of two scripts in one word. */
export function visible(text: string): string {
  return text
    .replace(WORD, (word) => (isMixed(word) ? word.replace(LOOKALIKE, escaped) : word))
    .replace(HIDDEN, escaped);
}

/** The text in quotes, as returned by `visible`: for use in a sentence. */
export function shown(text: string): string {
  return visible(JSON.stringify(text));
}

function isMixed(word: string): boolean {
  if (/[A-Za-z]/.test(word)) return /[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(word);
  return /[0-9]/.test(word) && /(?![0-9])\p{Nd}/u.test(word);
}

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
