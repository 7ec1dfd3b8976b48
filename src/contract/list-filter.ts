/** A text inside a condition of Temporal's list filter, quoted so that it stays one text. */
export function filterLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** Servers with visibility in SQL (seen on 1.29.1 and 1.32.2) compare with what these were escaped to: nothing is equal. */
const ESCAPED_TOO_OFTEN = /["\\]/;

/**
 * A condition that holds wherever a Keyword has this value, on every server. For a value with `"` or `\` it may match others as
 * well, so the caller must compare the results.
 */
export function filterEquals(attribute: string, value: string): string {
  const at = value.search(ESCAPED_TOO_OFTEN);
  if (at < 0) return `${attribute} = ${filterLiteral(value)}`;
  return at === 0 ? `${attribute} IS NOT NULL` : `${attribute} STARTS_WITH ${filterLiteral(value.slice(0, at))}`;
}
