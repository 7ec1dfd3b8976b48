/** Foreign text. JSON can contain NUL and lone surrogates, but PostgreSQL stores neither, and gRPC carries no lone surrogate. */

const UNFIT = /[\0\p{Surrogate}]/u;
const EVERY_UNFIT = new RegExp(UNFIT, 'gu');
/** Replacement for a character that cannot be stored. */
const INSTEAD = '\uFFFD';

/** Maximum characters of a reason, and of the name of a person or requester, as in a request. */
export const LONGEST_REASON = 500;
export const LONGEST_NAME = 200;
/** Maximum characters of a failure's message: the server ends a run with a larger failure, and drops it. */
export const LONGEST_MESSAGE = 4_000;

/** The text with U+FFFD for each character that cannot be stored. */
export function fitText(text: string): string {
  return UNFIT.test(text) ? text.replace(EVERY_UNFIT, INSTEAD) : text;
}

/** The same, cut to a length in UTF-16 code units; cut text ends with `…`. */
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
 * Characters that a terminal or page interprets or hides: control characters, line ends, direction marks, invisible characters,
 * lone surrogates. Joiners and variation selectors are kept where they shape a script or an emoji.
 */
const HIDDEN =
  /(?!(?<=\P{ASCII})(?:\u200c|\u200d|[\ufe00-\ufe0f]))[\p{Cc}\p{Surrogate}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\ufff9-\ufffb]/u;
const EVERY_HIDDEN = new RegExp(HIDDEN, 'gu');
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text as one line, with hidden characters as escapes, such as `\u001b`. */
export function visibleText(text: string): string {
  return HIDDEN.test(text)
    ? text.replace(EVERY_HIDDEN, (character) => SHORT_ESCAPES[character] ?? escapeOf(character))
    : text;
}

/** The same for a text of several lines, whose line ends are kept. */
export function visibleLines(text: string): string {
  return HIDDEN.test(text) ? text.split('\n').map(visibleText).join('\n') : text;
}

/** Equivalent JSON, with characters that a terminal interprets as escapes. Line ends between values are kept. */
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
