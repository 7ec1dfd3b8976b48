import { pastedId, pastedKey, pastedWord } from '../contract/pasted.js';
import { JsonTextError, parseJson } from '../text-file/json.js';
import { type CsvColumns, isHeader, isSplitNumber } from './csv-columns.js';
import type { TableRow } from './csv-table.js';
import type { SourceRow } from './source.js';

/** A spreadsheet's display of a number with more digits than it keeps: `5.28549E+18`. */
const ROUNDED = /^\d+([.,]\d+)?e\+?\d+$/i;

const roundedProblem = (shown: string) =>
  `fileId is ${shown}: a spreadsheet rounded it, and its last digits are gone. Set the column's format to text before the ` +
  'ids are put in, and export it again.';

/** The fields of a request in a row; empty cells are omitted. */
export function fieldsOf({ cells, row, problem }: TableRow, columns: CsvColumns | null): SourceRow {
  const { at, header } = columns ?? { at: {}, header: true };
  const cell = (index: number | undefined) => (index === undefined ? '' : (cells[index] ?? ''));
  const fileId = pastedId(cell(at.fileId));
  const refused = (what: string, id = fileId) => ({ row, fileId: id === '' ? null : id, problem: what });
  const fromId = at.fileId === undefined ? [] : cells.slice(at.fileId);
  if (isSplitNumber(fromId)) {
    const written = fromId.slice(0, 2).join(',');
    return refused(roundedProblem(written), written);
  }
  if (problem !== null) return refused(problem);
  if (ROUNDED.test(fileId)) return refused(roundedProblem(fileId));
  if (isHeader(cells)) {
    return refused(
      header ? 'is the header again: files were put together.' : 'is a header, which has to be the first row.',
    );
  }
  const fields: Record<string, unknown> = {};
  if (fileId !== '') fields.fileId = fileId;
  const subAppId = pastedId(cell(at.subAppId));
  if (subAppId !== '') fields.subAppId = /^\d{1,15}$/.test(subAppId) ? Number(subAppId) : subAppId;
  const key = pastedKey(cell(at.key));
  if (key !== '') fields.key = key;
  const [recipe, publish] = [pastedWord(cell(at.recipe)), cell(at.publish).trim()];
  try {
    if (recipe !== '')
      fields.recipe = recipe.startsWith('{') ? json('recipe', cell(at.recipe).trim()) : { name: recipe };
    if (publish !== '') fields.publish = json('publish', publish);
  } catch (error) {
    return refused((error as Error).message);
  }
  return { row, fields };
}

function json(column: string, text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw error instanceof JsonTextError ? new Error(`${column} ${error.message}`, { cause: error }) : error;
  }
}
