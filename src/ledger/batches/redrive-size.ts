import { sql, type Transaction } from 'kysely';
import type { NormalizedEraseRequest } from '../../contract/request.js';
import { MAX_REQUEST_BYTES, sizeProblem } from '../../contract/request-schema.js';
import type { LedgerDatabase } from '../db/schema.js';

/** An item whose request, as a new batch would send it, is larger than a run takes. */
export interface TooLargeItem {
  number: number;
  row: number | null;
  fileId: string;
  problem: string;
}

/** What a redrive adds to a request at most, in bytes: ids of 100 and a reason of 500 characters, and the names of its fields. */
const ADDED_BYTES = 4_096;

/**
 * Takes those items out of the table `judged`, so that they are neither counted nor written: their runs would fail.
 * @param next the request of the new batch for a row of the table
 */
export async function takeOutTooLarge<Row extends { number: number }>(
  trx: Transaction<LedgerDatabase>,
  wanted: readonly string[],
  next: (row: Row) => NormalizedEraseRequest,
): Promise<TooLargeItem[]> {
  const { rows } = await sql<Row & { row: string | null; file_id: string }>`
    select * from judged where elsewhere is null and kind in (${sql.join(wanted)})
      and octet_length(request::text) > ${MAX_REQUEST_BYTES - ADDED_BYTES}::integer order by number`.execute(trx);
  const tooLarge = rows.flatMap((item): TooLargeItem[] => {
    const problem = sizeProblem(next(item));
    if (problem === null) return [];
    return [{ number: item.number, row: item.row === null ? null : Number(item.row), fileId: item.file_id, problem }];
  });
  const numbers = tooLarge.map(({ number }) => number);
  if (numbers.length > 0) await sql`delete from judged where number = any(${numbers}::integer[])`.execute(trx);
  return tooLarge;
}
