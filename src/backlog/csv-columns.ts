import { pastedId, pastedWord } from '../contract/pasted.js';
import { shown } from '../contract/visible.js';
import { SourceError } from './source.js';

/** Known columns. */
export const CSV_COLUMNS = ['fileId', 'subAppId', 'recipe', 'key', 'publish'] as const;
export type CsvColumn = (typeof CSV_COLUMNS)[number];

export interface CsvColumns {
  /** False: the first row is an item, and its first cell the FileId. */
  header: boolean;
  /** Index of each known column, from 0. */
  at: Partial<Record<CsvColumn, number>>;
  /** Index of each additional column of this reader. */
  more: Record<string, number>;
  /** Number of columns up to the last named one; 0 without a header. */
  width: number;
  /** Names of the unknown columns; without a header, `column 2` and so on. */
  ignored: string[];
}

/** Normalises variants of a name: `file_id`, `FileID`, `File Id`, and characters pasted around it. */
export function plainName(name: string): string {
  return pastedWord(name)
    .replace(/^["'`*<\u2018-\u201f\ufeff]+|["'`*>\u2018-\u201f]+$/g, '')
    .toLowerCase()
    .replace(/[\s_-]/g, '');
}

const FILE_ID = plainName('fileId');
/** Maximum length of a known name, with the characters pasted around it. */
const LONGEST_NAME = 40;

/** A FileId, or a spreadsheet's conversion of one. */
const LIKE_A_FILE_ID = /^\d[\d.,]*(e\+?\d+)?$/i;
/** A number with this many digits is a FileId, and no year, count or price. */
const DIGITS_OF_A_FILE_ID = 15;

/** Whether a cell has a FileId, or a spreadsheet's conversion of one. */
export function likeAFileId(cell: string): boolean {
  return LIKE_A_FILE_ID.test(pastedId(cell).replace(/^["']+|["']+$/g, ''));
}

/** The same, but excluding every other number. */
export function surelyAFileId(cell: string): boolean {
  const text = pastedId(cell).replace(/^[="'\s]+|["'\s]+$/g, '');
  return (text.length >= DIGITS_OF_A_FILE_ID && /^\d{1,20}$/.test(text)) || /^\d[.,]\d+e\+?1\d$/i.test(text);
}

export function isHeader(cells: readonly string[]): boolean {
  return cells.some((cell) => cell.length <= LONGEST_NAME && plainName(cell) === FILE_ID);
}

/**
 * Reads the first nonempty row.
 * @param more additional columns of this reader
 * @throws SourceError when there is no column of FileIds
 */
export function columnsOf(cells: readonly string[], more: readonly string[] = []): CsvColumns {
  const columns: CsvColumns = { header: true, at: {}, more: {}, width: 0, ignored: [] };
  for (const [index, cell] of cells.entries()) {
    const name = pastedWord(cell);
    if (name !== '') columns.width = index + 1;
    const column = CSV_COLUMNS.find((known) => plainName(known) === plainName(name));
    const other = more.find((known) => plainName(known) === plainName(name));
    const found = column ?? other;
    if (found === undefined) {
      // A name with undecodable characters is replaced by its position.
      if (name !== '') columns.ignored.push(name.includes('\uFFFD') ? `column ${index + 1}` : name);
      continue;
    }
    if ((column === undefined ? columns.more[found] : columns.at[column]) !== undefined) {
      throw new SourceError('input', `The header has the column ${found} twice.`, 'Rename or remove one of them.');
    }
    if (column === undefined) columns.more[found] = index;
    else columns.at[column] = index;
  }
  if (columns.at.fileId !== undefined) return columns;
  if (likeAFileId(cells[0] ?? '')) return withoutHeader(cells);
  const names = cells.map((cell) => cell.trim()).filter((name) => name !== '');
  throw new SourceError(
    'input',
    `There is no column fileId: the first row is ${names
      .slice(0, 20)
      .map((name) => shown(name.slice(0, 40)))
      .join(', ')}.`,
    'Name the column of the FileIds fileId; without a header, FileIds have to be in the first column. Cells are separated by , ; or tabs.',
  );
}

function withoutHeader(cells: readonly string[]): CsvColumns {
  // A decimal comma splits one number into two cells, so the second is no column.
  const others = isSplitNumber(cells) ? [] : cells.slice(1);
  const ignored = others.map((_, index) => `column ${index + 2}`);
  return { header: false, at: { fileId: 0 }, more: {}, width: 0, ignored };
}

/** `5,28549E+18`, split at its comma. */
export function isSplitNumber([whole = '', rest = '']: readonly string[]): boolean {
  return /^\s*\d$/.test(whole) && /^\d+e\+?\d+\s*$/i.test(rest);
}
