import { visibleText } from './text.js';

/**
 * Ends Markdown text for the Temporal UI, whose frame (2.42) is some pixels too low and cuts off the last line. A blank last
 * paragraph, with a no-break space since a plain one is dropped, avoids this.
 */
export const BLANK_LAST_LINE = '\n\n\u00a0';

/** Foreign text on one line, safe in tables: without column breaks, links, pictures or hidden characters. */
export function inTable(text: string): string {
  return visibleText(text.replace(/\s*\n\s*/g, ' ')).replace(/[|<[]/g, '\\$&');
}

/** The same as code. */
export function asCode(text: string): string {
  return codeSpan(text).replaceAll('|', '\\|');
}

/** Text as code outside of a table; hidden characters are shown as escapes. */
export function codeSpan(text: string): string {
  const shown = visibleText(text);
  if (!shown.includes('`')) return `\`${shown}\``;
  // Longer than any run of backticks in the text, with padding blanks. Source: CommonMark 0.31, 6.1.
  const longest = Math.max(...(shown.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence} ${shown} ${fence}`;
}
