import { RECIPES } from '../contract/recipes.js';
import { shown } from '../contract/visible.js';
import { type CsvColumns, isSplitNumber, likeAFileId, surelyAFileId } from './csv-columns.js';
import type { CsvRecord } from './csv-record.js';

/** A line with at least this many cells is unlikely to be prose. */
const CELLS_OF_A_ROW = 3;

/**
 * A problem of the row's shape, by which cells may be in wrong columns; the end of a sentence that names the row, or null.
 * Guessing could erase and pay by another recipe.
 */
export function shapeProblem(record: CsvRecord, columns: CsvColumns, delimiter: string): string | null {
  if (record.problem !== null) return `${record.problem}.`;
  const { header, width, at } = columns;
  const { cells } = record;
  if (!header || isSplitNumber(cells.slice(at.fileId))) return null;
  const filled = cells.findLastIndex((cell) => cell.trim() !== '') + 1;
  const name = delimiterName(delimiter);
  const counts = `has ${filled} cells, and the header names ${width}`;
  if (filled > width) return `${counts}: put a cell that holds ${name} in quotes.`;
  if (cells.length > width && hasShiftedWord(cells, columns)) {
    return `has ${cells.length} cells, and the header names ${width}: put a cell that holds ${name} in quotes.`;
  }
  if (cells.length >= width) return null;
  const missing = `has ${cells.length} cells, and the header names ${width}`;
  if (record.quotedDelimiter)
    return `${missing}, and one in quotes holds ${name}: a quote is missing, or one too many.`;
  const strange = columnThatReadsLikeAnother(cells, columns);
  return strange === null ? null : `${missing}, and ${strange}: a cell is missing before it.`;
}

/** In a row with too many cells, even empty ones: `The, logo,` where the title was meant to be "The, logo". */
function hasShiftedWord(cells: readonly string[], { at, more }: CsvColumns): boolean {
  const read = [...Object.values(at), ...Object.values(more)];
  return read.some((index) => {
    const before = index > 0 && !read.includes(index - 1) ? (cells[index - 1] ?? '').trim() : '';
    return before !== '' && /^\s+\S/.test(cells[index] ?? '');
  });
}

/** Some spreadsheets omit empty cells at the end; that is valid unless a cell has the form of another column. */
function columnThatReadsLikeAnother(cells: readonly string[], { at }: CsvColumns): string | null {
  for (const [index, cell] of cells.entries()) {
    const text = cell.trim();
    const gone = (column: keyof CsvColumns['at']) => at[column] !== undefined && at[column] >= cells.length;
    const elsewhere = !Object.values(at).includes(index);
    if (gone('recipe') && (elsewhere || index === at.key) && Object.hasOwn(RECIPES, text)) {
      return `cell ${index + 1} is the recipe ${text}`;
    }
    if (gone('publish') && elsewhere && text.startsWith('{')) return `cell ${index + 1} is JSON`;
    if (gone('subAppId') && elsewhere && /^1[0-9]{9}$/.test(text)) return `cell ${index + 1} is a SubAppId`;
    if (gone('fileId') && surelyAFileId(text)) return `cell ${index + 1} is a FileId`;
  }
  return null;
}

/** A line within a quoted cell that looks like a row; null where there is none, or the cell is JSON. */
export function rowInside(cell: string, columns: CsvColumns | null, delimiter: string): string | null {
  if (isJson(cell)) return null;
  const lines = cell.trim().split('\n');
  // A line end before or after a word does not make a row.
  if (lines.length === 1 && !cell.includes(delimiter)) return null;
  const found = lines.find((line, index) => {
    const parts = line.split(delimiter);
    if (parts.some(surelyAFileId)) return true;
    // The first and last lines may be fragments of rows.
    if (index === 0 || index === lines.length - 1 || columns === null || !columns.header) return false;
    if (parts.length !== columns.width || parts.length < 2) return false;
    if (likeAFileId(parts[columns.at.fileId ?? 0] ?? '')) return true;
    return parts.length >= CELLS_OF_A_ROW && parts.slice(1).every((part) => !/^\s+\S/.test(part));
  });
  return found === undefined ? null : shown(found.slice(0, 60));
}

function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Delimiter as named in a sentence. */
export function delimiterName(delimiter: string): string {
  return delimiter === '\t' ? 'a tab' : `"${delimiter}"`;
}
