import { withoutShapeless } from './visible.js';

/** Characters that chats, spreadsheets and texts put around an id: quotes of all kinds, backticks. */
const AROUND = "[\\s`*<>'\u00b4\u2018-\u201f\u2039\u203a\u00ab\u00bb\u300c-\u300f\uff02\uff07]*";
const DIGITS_INSIDE = new RegExp(`^${AROUND}("?)${AROUND}([0-9\uff10-\uff19]+)${AROUND}\\1${AROUND}$`, 'u');

/** Maximum length of an id with the characters around it. */
const LONGEST = 100;

/** Forces a spreadsheet to keep text: `="528…"`. It is not part of the value. */
const FORMULA = /^="((?:[^"]|"")*)"$/;

/** A cell or argument of one word, without invisible characters and surrounding white space. */
export function pastedWord(text: string): string {
  return withoutFormula(withoutShapeless(text).trim());
}

/** The digits of an id without what was pasted around them; full-width digits count as digits. Other text is cleaned like a word. */
export function pastedId(text: string): string {
  const word = pastedWord(text);
  // Longer text is no id, and not worth a search.
  if (word.length > LONGEST) return word;
  const [, , digits] = DIGITS_INSIDE.exec(word) ?? [];
  return digits === undefined ? word : digits.normalize('NFKC');
}

/** A key, which may contain any visible character: without surrounding white space and format characters. */
export function pastedKey(text: string): string {
  return withoutFormula(text.replace(/\p{Cf}/gu, '').trim());
}

function withoutFormula(text: string): string {
  const [, inside] = FORMULA.exec(text) ?? [];
  return inside === undefined ? text : inside.replaceAll('""', '"').trim();
}
