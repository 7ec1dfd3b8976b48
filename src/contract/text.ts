/**
 * Texts that others wrote. NUL, and half of a character (a lone surrogate), can be written in JSON; but PostgreSQL keeps
 * neither, and gRPC carries no half.
 */

const UNFIT = /[\0\p{Surrogate}]/u;
const EVERY_UNFIT = new RegExp(UNFIT, 'gu');
/** What stands where something could not be kept: the replacement character. */
const INSTEAD = '\uFFFD';

/** Characters of a reason, and of the name of who decided or asked, as a request may have them. */
export const LONGEST_REASON = 500;
export const LONGEST_NAME = 200;
/** Characters of a failure's message: the server ends a run whose failure is larger than its limit, and no failure is told. */
export const LONGEST_MESSAGE = 4_000;

/** The text as everything can keep it, with U+FFFD for each character that cannot be kept. */
export function fitText(text: string): string {
  return UNFIT.test(text) ? text.replace(EVERY_UNFIT, INSTEAD) : text;
}

/** The same, of at most so many UTF-16 code units; one that is cut ends with `…`. */
export function shortText(text: string, longest: number): string {
  return fitText(text.length <= longest ? text : `${text.slice(0, longest - 1)}…`);
}

/** For a word of a program, such as a code: what cannot be kept is left out, so that the word is still known. `?` where nothing is left. */
export function shortWord(word: string, longest: number): string {
  const known = word.slice(0, longest).replace(EVERY_UNFIT, '').replaceAll(INSTEAD, '');
  return known || (word === '' ? '' : '?');
}
