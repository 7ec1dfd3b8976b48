import { HashedText, type SaidEncoding } from './bytes.js';
import { fieldsOf } from './csv-fields.js';
import { CsvTable } from './csv-table.js';
import { OwnReportGuard } from './own-report.js';
import type { BacklogSource, SourceRow } from './source.js';

/**
 * CSV, with or without a header. `row` is the spreadsheet's row number, a header being 1: empty lines count, and a cell with line
 * ends is part of one row.
 */
export function csvSource(
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  encoding: SaidEncoding | null = null,
): BacklogSource {
  const input = new HashedText(bytes, encoding);
  const table = new CsvTable(input, { guard: new OwnReportGuard() });
  async function* rows(): AsyncGenerator<SourceRow, void, undefined> {
    for await (const row of table.rows()) yield fieldsOf(row, table.columns);
  }
  return {
    kind: 'csv',
    name,
    rows,
    sha256: () => input.sha256(),
    ignoredColumns: () => table.columns?.ignored ?? [],
  };
}
