import { visibleText } from './text.js';

/**
 * Ends a text of Markdown for the Temporal UI. The UI (2.42) gives each text a frame that is some pixels too low for it,
 * and cuts through the last line: a blank paragraph is what it may cut. A no-break space, as a plain one is dropped.
 */
export const BLANK_LAST_LINE = '\n\n\u00a0';

/** A text of others on one line, inside of a table or not: it breaks no table, makes no link or picture, and hides nothing. */
export function inTable(text: string): string {
  return visibleText(text.replace(/\s*\n\s*/g, ' ')).replace(/[|<[]/g, '\\$&');
}

/** The same as code. */
export function asCode(text: string): string {
  return codeSpan(text).replaceAll('|', '\\|');
}

/** A text as code outside of a table, every character of it; what is hidden is shown as an escape. */
export function codeSpan(text: string): string {
  const shown = visibleText(text);
  if (!shown.includes('`')) return `\`${shown}\``;
  // As many as no run in it has, and blanks that are not part of it. Source: CommonMark 0.31, 6.1.
  const longest = Math.max(...(shown.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence} ${shown} ${fence}`;
}
