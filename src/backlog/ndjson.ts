import { kindOf } from '../contract/problem.js';
import { MAX_REQUEST_BYTES } from '../contract/request-schema.js';
import { HashedText } from './bytes.js';
import { linesOf } from './lines.js';
import { refuseOwnLine } from './own-report.js';
import type { BacklogSource, SourceRow } from './source.js';

/** NDJSON: one request a line, of which everything that is the same for all may be left out. Empty lines count as rows. */
export function ndjsonSource(name: string, bytes: AsyncIterable<Uint8Array>): BacklogSource {
  const input = new HashedText(bytes);
  return {
    kind: 'ndjson',
    name,
    rows: () => rowsOf(input),
    sha256: () => input.sha256(),
    ignoredColumns: () => [],
  };
}

async function* rowsOf(input: HashedText): AsyncGenerator<SourceRow, void, undefined> {
  let row = 0;
  for await (const line of linesOf(input.text(), MAX_REQUEST_BYTES)) {
    row += 1;
    if (line.trim() !== '') yield rowOf(line, row);
  }
}

function rowOf(line: string, row: number): SourceRow {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return { row, fileId: null, problem: `is not JSON: ${said}.` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { row, fileId: null, problem: `is ${kindOf(value)}; each line has to be a JSON object, one request.` };
  }
  refuseOwnLine(value as Record<string, unknown>);
  return { row, fields: value as Record<string, unknown> };
}
