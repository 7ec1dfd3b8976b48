/** Quotes of shells, files and word processors: the opening one, and its closing one. */
const QUOTES: readonly (readonly [string, string])[] = [
  ['"', '"'],
  ["'", "'"],
  ['`', '`'],
  ['“', '”'],
  ['‘', '’'],
  ['„', '“'],
];

/** Invisible characters that are no blanks, such as those that chats and web pages put around a word. */
const INVISIBLE = /[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const OUTSIDE_ASCII = /[^ -~]/u;

export interface Fitness {
  /** The value goes into a header or is an address: plain ASCII, without blanks. Default: any text on one line. */
  plain?: boolean;
  /** Text of several lines, such as a certificate in PEM: only surrounding quotes are reported. */
  lines?: boolean;
}

/**
 * Unintended characters in a value: line ends, surrounding blanks or quotes, characters invalid in headers. Never shows the
 * value. @returns words that follow its name, such as `ends with a line end`; null when there are none
 */
export function unfitWords(value: string, { plain = false, lines = false }: Fitness = {}): string | null {
  const words: string[] = [];
  if (!lines) {
    const start = /^[\s\ufeff]+/.exec(value)?.[0];
    const end = /[\s\ufeff]+$/.exec(value)?.[0];
    if (start !== undefined) words.push(`begins with ${blankWords(start)}`);
    if (end !== undefined && end.length < value.length) words.push(`ends with ${blankWords(end)}`);
  }
  const inner = value.trim();
  if (inner === '') return words.length === 0 ? null : 'has nothing but blanks or line ends';
  const quoted = quoteWords(inner);
  if (quoted !== null) words.push(quoted);
  if (!lines) words.push(...insideWords(inner, plain));
  return words.length === 0 ? null : words.join(' and ');
}

function blankWords(text: string): string {
  if (text.includes('\r')) return 'a carriage return, as in files with Windows line ends';
  if (text.includes('\n')) return 'a line end';
  const [first = ''] = text;
  return first === ' ' ? 'a blank' : first === '\t' ? 'a tab' : `a blank (${codePoint(first)})`;
}

function quoteWords(text: string): string | null {
  if (text.length > 1 && QUOTES.some(([open, close]) => text.startsWith(open) && text.endsWith(close))) {
    return 'is in quotes: take them off';
  }
  if (QUOTES.some(([open]) => text.startsWith(open))) return 'begins with a quote';
  return QUOTES.some(([, close]) => text.endsWith(close)) ? 'ends with a quote' : null;
}

function insideWords(text: string, plain: boolean): string[] {
  if (/[\r\n\u2028\u2029]/.test(text)) return ['has a line end inside'];
  const control = CONTROL.exec(text)?.[0];
  if (control !== undefined) return [`has a control character inside (${codePoint(control)})`];
  const invisible = INVISIBLE.exec(text)?.[0];
  if (invisible !== undefined) return [`has a character that cannot be seen (${codePoint(invisible)})`];
  if (!plain) return [];
  if (/\s/.test(text)) return ['has a blank inside'];
  // A surrounding typographic quote is already reported.
  const foreign = OUTSIDE_ASCII.exec(text.replace(/^[“‘„]|[”’“]$/gu, ''))?.[0];
  return foreign === undefined ? [] : [`has a character outside of ASCII (${codePoint(foreign)})`];
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
