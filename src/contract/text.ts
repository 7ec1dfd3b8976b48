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
/** Characters of a failure's message: the server ends a run whose failure is larger than its limit, and drops the failure. */
export const LONGEST_MESSAGE = 4_000;

/** The text as everything can keep it, with U+FFFD for each character that cannot be kept. */
export function fitText(text: string): string {
  return UNFIT.test(text) ? text.replace(EVERY_UNFIT, INSTEAD) : text;
}

/** The same, of at most so many UTF-16 code units; one that is cut ends with `…`. */
export function shortText(text: string, longest: number): string {
  return fitText(text.length <= longest ? text : `${text.slice(0, longest - 1)}…`);
}

/**
 * For an identifier such as a code: unsupported characters are dropped, so that it stays recognisable. `?` where nothing remains.
 */
export function shortWord(word: string, longest: number): string {
  const known = word.slice(0, longest).replace(EVERY_UNFIT, '').replaceAll(INSTEAD, '');
  return known || (word === '' ? '' : '?');
}

/**
 * What a terminal or a page acts on, or hides: control characters, line ends, marks of direction, invisible characters, halves of
 * characters. Joiners and variation selectors stay where they shape a character of a script or an emoji.
 */
const HIDDEN =
  /(?!(?<=\P{ASCII})(?:\u200c|\u200d|[\ufe00-\ufe0f]))[\p{Cc}\p{Surrogate}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\ufff9-\ufffb]/u;
const EVERY_HIDDEN = new RegExp(HIDDEN, 'gu');
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text as one line that can be shown anywhere: what is hidden is written as an escape, such as `\u001b`. */
export function visibleText(text: string): string {
  return HIDDEN.test(text)
    ? text.replace(EVERY_HIDDEN, (character) => SHORT_ESCAPES[character] ?? escapeOf(character))
    : text;
}

/** The same for a text of several lines, whose line ends stay. */
export function visibleLines(text: string): string {
  return HIDDEN.test(text) ? text.split('\n').map(visibleText).join('\n') : text;
}

/** JSON that means the same, with an escape for what a terminal would act on. Line ends between values stay. */
export function visibleJson(json: string): string {
  if (!HIDDEN.test(json)) return json;
  return json.replace(EVERY_HIDDEN, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, at) => unitOf(character, at)).join(''),
  );
}

function escapeOf(character: string): string {
  return character.length === 1 ? unitOf(character, 0) : `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

function unitOf(character: string, at: number): string {
  return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
}
