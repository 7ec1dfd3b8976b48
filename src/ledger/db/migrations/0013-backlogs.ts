import { type Kysely, sql } from 'kysely';

/** Which backlogs are being taken in, each with tables of its own; when its program last said that it is there. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table backlog (
    id text primary key,
    created_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp()
  )`.execute(db);
}
