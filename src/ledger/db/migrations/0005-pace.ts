import { type Kysely, sql } from 'kysely';

/** What the pace of submits goes by, besides the clock: how far latencies spread, refusals for the rate, whose turn it is. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table pace
    add column last_at timestamptz,
    add column spread_ms double precision,
    add column spread_at timestamptz,
    add column rate double precision,
    add column refused_at timestamptz,
    add column refused_in_row integer not null default 0,
    add column batch_at timestamptz`.execute(db);
  // One row that is written twenty times a second: room for its next versions on its own page.
  await sql`alter table pace set (fillfactor = 10)`.execute(db);
}
