/** Quotes a text as one literal of Temporal's list filter. */
export function filterLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** With SQL visibility (seen on 1.29.1 and 1.32.2) the server compares with the escaped form of these, so nothing matches. */
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
