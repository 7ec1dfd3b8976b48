import { type Kysely, sql } from 'kysely';

/** How far the processes are from the vendor: a call of the nearest may overtake one of the farthest. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table pace
    add column nearest_ms double precision,
    add column nearest_at timestamptz,
    add column farthest_ms double precision,
    add column farthest_at timestamptz`.execute(db);
}
