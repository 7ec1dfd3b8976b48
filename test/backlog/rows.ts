import type { BacklogSource, SourceRow } from '../../src/backlog/source.js';

export async function* bytesOf(text: string | Uint8Array, chunk = 1 << 16): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(text as string);
  for (let at = 0; at < all.length; at += chunk) yield all.subarray(at, at + chunk);
}

export async function rowsOf(source: BacklogSource): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  for await (const row of source.rows()) rows.push(row);
  return rows;
}
