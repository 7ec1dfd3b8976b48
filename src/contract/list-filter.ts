/** A text inside a condition of Temporal's list filter, quoted so that it stays one text whatever is in it. */
export function filterLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
