import { stringify } from 'csv-stringify/sync';
import type { ReportItem } from '../../contract/report.js';

/** Columns of `succeeded.csv` and `failed.csv`: the fields of an item; the recipe takes two. */
const ITEM_COLUMNS = [
  'number',
  'row',
  'state',
  'fileId',
  'subAppId',
  'recipe',
  'recipeOptions',
  'recipeHash',
  'workflowId',
  'runId',
  'taskId',
  'resultFileId',
  'class',
  'code',
  'message',
  'requestId',
  'attempts',
  'estimatedUsd',
  'costUsd',
  'startedAt',
  'endedAt',
  'requestedBy',
  'batchId',
] as const satisfies readonly (keyof ReportItem | 'recipeOptions')[];

const MAPPING_COLUMNS = ['sourceFileId', 'resultFileId', 'recipe'] as const;

/** Without it, spreadsheets in many countries assume a local encoding. */
const BYTE_ORDER_MARK = '\ufeff';
/** Text that a spreadsheet reads as a number: it keeps fifteen digits and writes zeros for the rest. */
const LIKE_A_NUMBER = /^[+-]?[\d.,]*\d[\d.,]*(e[+-]?\d+)?$/i;
/** Text that a spreadsheet reads as a formula; the last four are full-width `=`, `+`, `-` and `@`. */
const LIKE_A_FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

type Cells = readonly (string | number | null)[];

/** Formats a report as CSV, row by row. */
export interface CsvForm {
  itemHeader: string;
  mappingHeader: string;
  item(item: ReportItem): string;
  mapping(item: ReportItem): string;
}

/**
 * For programs: plain CSV, with an apostrophe before text that a spreadsheet would read as a formula. For a spreadsheet also a
 * byte order mark, and `="…"` around text that looks like numbers, such as FileIds.
 */
export function csvForm({ spreadsheet }: { spreadsheet: boolean }): CsvForm {
  const row = spreadsheet ? protectedRow : plainRow;
  const mark = spreadsheet ? BYTE_ORDER_MARK : '';
  return {
    itemHeader: mark + row(ITEM_COLUMNS),
    mappingHeader: mark + row(MAPPING_COLUMNS),
    item: (item) => row(itemCells(item)),
    mapping: ({ fileId, resultFileId, recipe }) => row([fileId, resultFileId, recipe.name]),
  };
}

function itemCells(item: ReportItem): Cells {
  const { name, ...options } = item.recipe;
  const cells = {
    ...item,
    recipe: name,
    recipeOptions: Object.keys(options).length === 0 ? '' : JSON.stringify(options),
  };
  return ITEM_COLUMNS.map((column) => cells[column]);
}

function plainRow(cells: Cells): string {
  return stringify([[...cells]], { escape_formulas: true });
}

function protectedRow(cells: Cells): string {
  return stringify([cells.map(protectedCell)]);
}

function protectedCell(cell: string | number | null): string | number | null {
  if (typeof cell !== 'string') return cell;
  if (LIKE_A_NUMBER.test(cell)) return `="${cell}"`;
  return LIKE_A_FORMULA.test(cell) ? `'${cell}` : cell;
}
