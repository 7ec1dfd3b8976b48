import { type Kysely, sql } from 'kysely';

/** Which runs are past their task: what is in review or being published costs nothing more, and stood nowhere in the books. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('run_phase')
    // A workflow has one run that is open: a run that was reset takes the row of the one before.
    .addColumn('workflow_id', 'text', (c) => c.primaryKey())
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('phase', 'text', (c) => c.notNull().check(sql`phase in ('review', 'publishing')`))
    .addColumn('since', 'timestamptz', (c) => c.notNull().defaultTo(sql`clock_timestamp()`))
    // When somebody last made sure that the run is still open.
    .addColumn('seen_at', 'timestamptz', (c) => c.notNull().defaultTo(sql`clock_timestamp()`))
    .execute();
  await sql`create index run_phase_seen on run_phase (seen_at)`.execute(db);
}
