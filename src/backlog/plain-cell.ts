/** Ways to make a spreadsheet leave a text alone: `'528…`, `="528…"`. */
const AS_TEXT = /^(?:'(?<quoted>[^']*)|="(?<formula>[^"]*)")$/;

/** What a cell says, without blanks around it and without what keeps a spreadsheet from changing it. */
export function plainCell(cell: string | undefined): string {
  const written = (cell ?? '').trim();
  const { quoted, formula } = AS_TEXT.exec(written)?.groups ?? {};
  return quoted ?? formula ?? written;
}
