import type { Kysely } from 'kysely';

/** Why an erase was asked for: kept for a payment again before, now for every submit that says so. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('submission').addColumn('reason', 'text').execute();
}
