import { type Kysely, sql } from 'kysely';

/** How far the lists of finished tasks were read, who waits for which task, and when an open task is looked at by itself. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('watch')
    .addColumn('sub_app_id', 'bigint', (c) => c.primaryKey())
    // The vendor's time: everything that it says ended before was seen.
    .addColumn('listed_until', 'timestamptz')
    // The database's clock: when the list was last read to its end.
    .addColumn('good_at', 'timestamptz')
    // When a list first showed a task of ours, and when one was last found to have left out what it should have shown.
    .addColumn('proven_at', 'timestamptz')
    .addColumn('missed_at', 'timestamptz')
    .execute();
  // One row for each sub-application, written every few seconds.
  await sql`alter table watch set (fillfactor = 20)`.execute(db);

  await db.schema
    .createTable('waiter')
    .addColumn('task_id', 'text', (c) => c.notNull())
    .addColumn('workflow_id', 'text', (c) => c.notNull())
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('sub_app_id', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('waiter_pkey', ['task_id', 'workflow_id'])
    .execute();
  await sql`create index waiter_sub_app on waiter (sub_app_id)`.execute(db);

  // When the vendor was first seen to say that the task is over, and when it is next asked about this task alone.
  await sql`alter table submission add column over_seen_at timestamptz, add column next_look_at timestamptz`.execute(
    db,
  );
  await sql`create index submission_open on submission (place_at) where state = 'accepted' and outcome is null`.execute(
    db,
  );
}
