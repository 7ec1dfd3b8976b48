import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { HashedText } from './bytes.js';
import { type CsvColumns, columnsOf } from './csv-columns.js';
import { fieldsOf } from './csv-fields.js';
import { refuseOwnReports } from './own-report.js';
import { type BacklogSource, SourceError, type SourceRow } from './source.js';

/** Longest row, in characters. Ours: a quote that is never closed must not read the whole file into memory. */
const MAX_ROW = 1024 * 1024;
/** How much of a file is looked at for the end of its first line, in characters. */
const MAX_FIRST_LINE = 64 * 1024;

/** Spreadsheets of many countries separate by `;`, because a comma is in their numbers. */
const DELIMITERS = [',', ';', '\t'] as const;

/**
 * CSV, with a header or without one. `row` is the number that the spreadsheet shows at its edge, a header being 1: an empty
 * line is a row, and a cell with line ends in it does not make more rows of one.
 */
export function csvSource(name: string, bytes: AsyncIterable<Uint8Array>): BacklogSource {
  const input = new HashedText(bytes);
  let columns: CsvColumns | null = null;
  async function* rows(): AsyncGenerator<SourceRow, void, undefined> {
    let row = 0;
    for await (const cells of refuseOwnReports(recordsOf(input.text()))) {
      row += 1;
      if (cells.every((cell) => cell.trim() === '')) continue;
      if (columns === null) {
        columns = columnsOf(cells);
        if (columns.header) continue;
      }
      yield fieldsOf(cells, columns, row);
    }
  }
  return {
    kind: 'csv',
    name,
    rows,
    sha256: () => input.sha256(),
    ignoredColumns: () => columns?.ignored ?? [],
  };
}

/** Rows of cells, whatever separates them. @throws SourceError at the first row that is not CSV */
export async function* recordsOf(
  text: AsyncGenerator<string, void, undefined>,
): AsyncGenerator<string[], void, undefined> {
  let head = '';
  while (!/[\r\n]/.test(head) && head.length < MAX_FIRST_LINE) {
    const next = await text.next();
    if (next.done) break;
    head += next.value;
  }
  const parser = parse({
    delimiter: delimiterOf(head),
    // A file that was put together from several has several kinds.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: MAX_ROW,
  });
  const all = async function* () {
    yield head;
    yield* text;
  };
  // What goes wrong in it is thrown where the parser is read.
  const fed = pipeline(Readable.from(all()), parser).catch(() => undefined);
  let row = 0;
  const records = parser[Symbol.asyncIterator]() as AsyncIterator<string[]>;
  try {
    for (;;) {
      const next = await records.next().catch((error) => {
        // The parser is ahead of what was read of it.
        throw error instanceof CsvError ? unreadable(error, Number(error.records ?? row) + 1) : error;
      });
      if (next.done) break;
      row += 1;
      yield next.value;
    }
  } finally {
    await records.return?.();
  }
  await fed;
}

/** What separates the cells of the first line, outside of quotes; a comma where nothing does. */
function delimiterOf(text: string): string {
  const counts = new Map<string, number>(DELIMITERS.map((delimiter) => [delimiter, 0]));
  let quoted = false;
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    else if (!quoted && (char === '\n' || char === '\r')) break;
    else if (!quoted && counts.has(char)) counts.set(char, (counts.get(char) ?? 0) + 1);
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  return best !== undefined && best[1] > 0 ? best[0] : ',';
}

function unreadable(error: CsvError, row: number): SourceError {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE') {
    return new SourceError(
      'input',
      `Row ${row} has a quoted cell that does not end, or more than ${MAX_ROW} characters: what follows cannot be told apart.`,
      'Close the quote, or export the file again.',
      { cause: error },
    );
  }
  return new SourceError('input', `Row ${row} is not CSV: ${error.message}.`, 'Export the file again.', {
    cause: error,
  });
}
