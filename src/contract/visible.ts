/**
 * Texts as a person can see them. Invisible characters, such as U+200B or a direction mark, are copied along with ids from chats
 * and web pages. A text with one looks right and is wrong.
 */

const SHAPELESS = /\p{Default_Ignorable_Code_Point}/gu;
/** Besides those: control characters, code points that stand for nothing, and spaces other than the plain one. */
const HIDDEN = /[\p{C}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Z}/gu;
/** Letters that look like Latin ones, and digits other than 0 to 9. */
const LOOKALIKE = /[\p{Script=Cyrillic}\p{Script=Greek}]|(?![0-9])\p{Nd}/gu;
const WORD = /[\p{L}\p{N}_]+/gu;

/** The text without the characters that have no shape. */
export function withoutShapeless(text: string): string {
  return text.replace(SHAPELESS, '');
}

/** The text with `\u200b` for invisible characters, and for letters and digits of two scripts in one word. */
export function visible(text: string): string {
  return text
    .replace(WORD, (word) => (isMixed(word) ? word.replace(LOOKALIKE, escaped) : word))
    .replace(HIDDEN, escaped);
}

/** The text in quotes, as `visible` gives it: for a sentence that names it. */
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
