import { SourceError } from './source.js';

/** The columns that are read. */
export const CSV_COLUMNS = ['fileId', 'subAppId', 'recipe', 'key', 'publish'] as const;
export type CsvColumn = (typeof CSV_COLUMNS)[number];

export interface CsvColumns {
  /** False: the first row is an item already, and its first cell the FileId. */
  header: boolean;
  /** Where each column stands, from 0. */
  at: Partial<Record<CsvColumn, number>>;
  /** Names of the others; without a header, `column 2` and so on. */
  ignored: string[];
}

/** How people and programs write the same name: `file_id`, `FileID`, `File Id`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, '');
}

/** A FileId, or what a spreadsheet makes of one. */
const LIKE_A_FILE_ID = /^['="\s]*\d[\d.,]*(e\+?\d+)?["\s]*$/i;

/** Reads the first row that is not empty. @throws SourceError when there is no column of FileIds */
export function columnsOf(cells: readonly string[]): CsvColumns {
  const names = cells.map((cell) => cell.trim());
  const at: CsvColumns['at'] = {};
  const ignored: string[] = [];
  for (const [index, name] of names.entries()) {
    const column = CSV_COLUMNS.find((known) => plain(known) === plain(name));
    if (column === undefined) {
      if (name !== '') ignored.push(name);
    } else if (at[column] !== undefined) {
      throw new SourceError('input', `The header has the column ${column} twice.`, 'Rename or remove one of them.');
    } else {
      at[column] = index;
    }
  }
  if (at.fileId !== undefined) return { header: true, at, ignored };
  if (LIKE_A_FILE_ID.test(names[0] ?? '')) return withoutHeader(names);
  const shown = names.filter((name) => name !== '').slice(0, 20);
  throw new SourceError(
    'input',
    `There is no column fileId: the first row is ${shown.map((name) => JSON.stringify(name.slice(0, 40))).join(', ')}.`,
    'Name the column of the FileIds fileId; without a header, FileIds have to be in the first column.',
  );
}

function withoutHeader(cells: readonly string[]): CsvColumns {
  // A decimal comma makes two cells of one number; the second is no column.
  const more = isSplitNumber(cells) ? [] : cells.slice(1);
  return { header: false, at: { fileId: 0 }, ignored: more.map((_, index) => `column ${index + 2}`) };
}

/** `5,28549E+18`, cut at its comma. */
export function isSplitNumber([whole = '', rest = '']: readonly string[]): boolean {
  return /^\s*\d$/.test(whole) && /^\d+e\+?\d+\s*$/i.test(rest);
}
