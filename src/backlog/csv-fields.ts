import { type CsvColumns, isSplitNumber } from './csv-columns.js';
import type { SourceRow } from './source.js';

/** What a spreadsheet shows of a number with more digits than it keeps: `5.28549E+18`. */
const ROUNDED = /^\d+([.,]\d+)?e\+?\d+$/i;

/** Ways to make a spreadsheet leave digits alone: `'528…`, `="528…"`. They are not part of the id. */
const AS_TEXT = /^(?:'(\d+)|="(\d+)")$/;

const roundedProblem = (shown: string) =>
  `fileId is ${shown}: a spreadsheet rounded it, and its last digits are gone. Set the column's format to text before the ` +
  'ids are put in, and export it again.';

/** What a row asks for. Cells that are empty ask for nothing. */
export function fieldsOf(cells: readonly string[], { at }: CsvColumns, row: number): SourceRow {
  const cell = (index: number | undefined) => (index === undefined ? '' : (cells[index] ?? '').trim());
  const written = cell(at.fileId);
  const fromId = at.fileId === undefined ? [] : cells.slice(at.fileId);
  if (isSplitNumber(fromId)) {
    const shown = fromId.slice(0, 2).join(',');
    return { row, fileId: shown, problem: roundedProblem(shown) };
  }
  if (ROUNDED.test(written)) return { row, fileId: written, problem: roundedProblem(written) };
  const [, quoted, formula] = AS_TEXT.exec(written) ?? [];
  const fileId = quoted ?? formula ?? written;
  const fields: Record<string, unknown> = {};
  if (fileId !== '') fields.fileId = fileId;
  const subAppId = cell(at.subAppId);
  if (subAppId !== '') fields.subAppId = /^\d{1,15}$/.test(subAppId) ? Number(subAppId) : subAppId;
  const key = cell(at.key);
  if (key !== '') fields.key = key;
  const [recipe, publish] = [cell(at.recipe), cell(at.publish)];
  try {
    if (recipe !== '') fields.recipe = recipe.startsWith('{') ? json('recipe', recipe) : { name: recipe };
    if (publish !== '') fields.publish = json('publish', publish);
  } catch (error) {
    return { row, fileId: fileId === '' ? null : fileId, problem: (error as Error).message };
  }
  return { row, fields };
}

function json(column: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new Error(`${column} is not JSON: ${said}.`, { cause: error });
  }
}
