import { shown, withoutShapeless } from '../contract/visible.js';
import type { HashedText } from './bytes.js';
import { type CsvColumns, columnsOf, isHeader, likeAFileId, surelyAFileId } from './csv-columns.js';
import { type CsvRecord, CsvRecordParser } from './csv-record.js';
import { rowInside, shapeProblem } from './csv-shape.js';
import { linesOf } from './lines.js';
import type { OwnReportGuard } from './own-report.js';
import { SourceError } from './source.js';

/** Maximum row length, in characters. Ours: an unclosed quote must not read the whole file into memory. */
const MAX_ROW = 1024 * 1024;
/** Lines examined to detect the delimiter and the header. */
const LOOK_AHEAD = 12;
/** Spreadsheets in many countries use `;`, because numbers there contain commas. */
const DELIMITERS = [',', ';', '\t'] as const;
/** A line that declares the delimiter to a spreadsheet, which shows no row for it. */
const SEPARATOR_LINE = /^\s*"?sep=("?)(.|\\t)?\1"?[,;\t]*\s*$/i;

/** One row below the header, with the spreadsheet's row number. */
export interface TableRow {
  row: number;
  cells: string[];
  /** Why its cells are ambiguous or unreadable; null when they are not. */
  problem: string | null;
}

/** The rows of a CSV file, each with the problem of its shape. Empty rows are counted and skipped. */
export class CsvTable {
  /** Known once the first row was read. */
  columns: CsvColumns | null = null;

  /**
   * @param options.more columns besides those of a backlog
   * @param options.guard rejects our own reports
   */
  constructor(
    private readonly input: HashedText,
    private readonly options: { more?: readonly string[]; guard?: OwnReportGuard } = {},
  ) {}

  /** @throws SourceError where the rows are ambiguous, or the columns unknown */
  async *rows(): AsyncGenerator<TableRow, void, undefined> {
    const lines = linesOf(this.input.text(), MAX_ROW, (line) => notClosed(line));
    const { ahead, delimiter } = await begin(lines);
    const parser = new CsvRecordParser(delimiter);
    let row = 0;
    let size = 0;
    for await (const line of inOrder(ahead, lines)) {
      const record = parser.push(line);
      size += line.length;
      if (record === null) {
        if (size > MAX_ROW) throw notClosed(row + 1, this.#insideOf(parser));
        continue;
      }
      size = 0;
      row += 1;
      this.#refuseSwallowedRows(record, row, delimiter);
      if (record.problem === null && record.cells.every(isBlank)) continue;
      if (this.options.guard?.isReportHeader(record.cells)) continue;
      if (this.columns === null) {
        this.columns = this.#columnsOf(record, row, ahead);
        if (this.columns.header) continue;
      }
      const problem = shapeProblem(record, this.columns, delimiter) ?? this.#unreadable(record.cells, row);
      yield { row, cells: record.cells, problem };
    }
    if (parser.isOpen) throw notClosed(row + 1, this.#insideOf(parser));
    this.options.guard?.end();
  }

  /** The first line of an open cell that looks like a row. */
  #insideOf(parser: CsvRecordParser): string | null {
    return rowInside(parser.rest(), this.columns, parser.delimiter);
  }

  /** A misplaced quote would swallow rows up to the next quote. */
  #refuseSwallowedRows(record: CsvRecord, row: number, delimiter: string): void {
    for (const cell of record.multiline) {
      const inside = rowInside(cell, this.columns, delimiter);
      if (inside === null && record.problem === null) continue;
      const what =
        inside === null
          ? 'and is followed by text behind its closing quote'
          : `and holds what looks like a row, ${inside}`;
      throw new SourceError(
        'input',
        `Row ${row} has a cell in quotes that goes over ${cell.split('\n').length} lines, ${what}.`,
        `A quote in row ${row}, or some rows below it, is missing or one too many. Inside of quotes a quote is written twice ("").`,
      );
    }
  }

  #columnsOf(record: CsvRecord, row: number, ahead: readonly string[]): CsvColumns {
    if (record.problem !== null) {
      throw new SourceError('input', `Row ${row} ${record.problem}.`, 'Export the file again.');
    }
    try {
      return columnsOf(record.cells, this.options.more);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      const header = headerBelow(ahead, row);
      if (header !== null) {
        throw new SourceError(
          'input',
          `${error.message} The header seems to stand in row ${header}.`,
          'Remove what stands above it.',
        );
      }
      if (record.cells.join().includes('\uFFFD')) throw this.input.broken(`Row ${row}`) ?? error;
      if (/^\s*[{[]\s*"/.test(ahead[0] ?? '')) {
        throw new SourceError('input', error.message, 'It looks like JSON, one object a line: give --format ndjson.');
      }
      throw error;
    }
  }

  /** Only columns that are read are checked. */
  #unreadable(cells: readonly string[], row: number): string | null {
    const { at, more } = this.columns as CsvColumns;
    for (const [column, index] of Object.entries({ ...at, ...more })) {
      const cell = cells[index] ?? '';
      const misread = this.input.misread(cell, `Row ${row}: ${column}`);
      if (misread !== null) throw misread;
      if (!cell.includes('\uFFFD')) continue;
      const broken = this.input.broken(`Row ${row}: ${column}`);
      if (broken !== null) throw broken;
      const escaped = shown(cell.slice(0, 60)).replaceAll('\uFFFD', '\\ufffd');
      return `${column} holds U+FFFD, the trace of text that was broken before it came here: ${escaped}. Export it again from where it was right.`;
    }
    return null;
  }
}

function isBlank(cell: string): boolean {
  return withoutShapeless(cell).trim() === '';
}

async function* inOrder(
  ahead: readonly string[],
  lines: AsyncIterable<string>,
): AsyncGenerator<string, void, undefined> {
  yield* ahead;
  yield* lines;
}

async function begin(lines: AsyncGenerator<string, void, undefined>): Promise<{ ahead: string[]; delimiter: string }> {
  const ahead: string[] = [];
  while (ahead.length < LOOK_AHEAD) {
    const next = await lines.next();
    if (next.done) break;
    ahead.push(next.value);
  }
  // Two programs may each have written a byte order mark.
  if (ahead[0] !== undefined) ahead[0] = ahead[0].replace(/^\ufeff+/, '');
  const [, , said] = SEPARATOR_LINE.exec(ahead[0] ?? '') ?? [];
  const isSaid = SEPARATOR_LINE.test(ahead[0] ?? '');
  if (isSaid) ahead.shift();
  if (!isSaid) return { ahead, delimiter: delimiterOf(ahead) };
  const delimiter = said === undefined || said === '\\t' ? '\t' : said;
  if (DELIMITERS.some((known) => known === delimiter)) return { ahead, delimiter };
  throw new SourceError(
    'input',
    `The first line says that ${shown(delimiter)} separates cells, which is not read.`,
    'Separate them by , ; or tabs.',
  );
}

/** The delimiter by which the first row is a header or an item; else the one with the most cells, or a comma. */
function delimiterOf(ahead: readonly string[]): string {
  const found = DELIMITERS.map((delimiter) => ({ delimiter, cells: firstRow(ahead, delimiter) }));
  const byCells = found.toSorted((a, b) => b.cells.length - a.cells.length);
  const best =
    found.find(({ cells }) => isHeader(cells)) ??
    byCells.find(({ cells }) => surelyAFileId(cells[0] ?? '')) ??
    byCells.find(({ cells }) => likeAFileId(cells[0] ?? '')) ??
    byCells[0];
  return best !== undefined && best.cells.length > 1 ? best.delimiter : ',';
}

function firstRow(lines: readonly string[], delimiter: string): string[] {
  const parser = new CsvRecordParser(delimiter);
  for (const line of lines) {
    const record = parser.push(line);
    if (record?.cells.some((cell) => cell.trim() !== '')) return record.cells;
  }
  return [];
}

/** The first examined row below that names a column fileId. */
function headerBelow(ahead: readonly string[], after: number): number | null {
  const at = ahead.findIndex(
    (line, index) => index >= after && DELIMITERS.some((delimiter) => isHeader(firstRow([line], delimiter))),
  );
  return at === -1 ? null : at + 1;
}

function notClosed(row: number, inside: string | null = null): SourceError {
  const holds = inside === null ? '' : ` It holds what looks like a row, ${inside}.`;
  return new SourceError(
    'input',
    `Row ${row} has a quoted cell that does not end, or more than ${MAX_ROW} characters: what follows cannot be told apart.${holds}`,
    'Close the quote, or export the file again.',
  );
}
