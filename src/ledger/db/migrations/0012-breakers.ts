import { type Kysely, sql } from 'kysely';

/** A breaker is open as long as its row is there. One that let a single submit through to try it is open like any other. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table breaker drop column state, drop column probe_erase_id, drop column probe_number,
    drop column probe_at`.execute(db);
  // Programs name an opening by its time, and their clocks have no more digits.
  await sql`update breaker set opened_at = date_trunc('milliseconds', opened_at)`.execute(db);
}
