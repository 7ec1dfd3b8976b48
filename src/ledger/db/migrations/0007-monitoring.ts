import { type Kysely, sql } from 'kysely';

/** What monitoring counts every few seconds must not cost more with every year of books. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index submission_in_doubt on submission (place_at) where state = 'sending'`.execute(db);
  await sql`create index submission_outcome on submission (outcome) where outcome is not null`.execute(db);
}
