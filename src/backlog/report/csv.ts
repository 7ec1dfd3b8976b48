import { stringify } from 'csv-stringify/sync';
import type { ReportItem } from '../../contract/report.js';

/** Columns of `succeeded.csv` and `failed.csv`: the fields of an item, the recipe in two. */
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
] as const satisfies readonly (keyof ReportItem | 'recipeOptions')[];

const MAPPING_COLUMNS = ['sourceFileId', 'resultFileId', 'recipe'] as const;

export const ITEM_HEADER = csv([ITEM_COLUMNS]);
export const MAPPING_HEADER = csv([MAPPING_COLUMNS]);

export function itemCsv(item: ReportItem): string {
  const { name, ...options } = item.recipe;
  const cells = {
    ...item,
    recipe: name,
    recipeOptions: Object.keys(options).length === 0 ? '' : JSON.stringify(options),
  };
  return csv([ITEM_COLUMNS.map((column) => cells[column])]);
}

export function mappingCsv({ fileId, resultFileId, recipe }: ReportItem): string {
  return csv([[fileId, resultFileId, recipe.name]]);
}

/** A text that a spreadsheet would take for a formula (= + - @, tab) gets an apostrophe before it. */
function csv(rows: readonly (readonly (string | number | null)[])[]): string {
  return stringify(rows as (string | number | null)[][], { escape_formulas: true });
}
