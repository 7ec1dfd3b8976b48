import { type Kysely, sql } from 'kysely';

/** What stops submits for everybody (breakers), who waits for an operator (holds), and who decided what, and why (audit). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('breaker')
    .addColumn('scope', 'text', (c) => c.primaryKey())
    .addColumn('state', 'text', (c) => c.notNull().check(sql`state in ('open', 'probing')`))
    .addColumn('error_class', 'text', (c) => c.notNull())
    .addColumn('error_code', 'text', (c) => c.notNull())
    .addColumn('error_message', 'text', (c) => c.notNull())
    .addColumn('request_id', 'text')
    .addColumn('opened_at', 'timestamptz', (c) => c.notNull())
    .addColumn('workflow_id', 'text', (c) => c.notNull())
    .addColumn('probe_erase_id', 'bigint')
    .addColumn('probe_number', 'integer')
    .addColumn('probe_at', 'timestamptz')
    .execute();

  await db.schema
    .createTable('hold')
    .addColumn('id', 'bigint', (c) => c.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('workflow_id', 'text', (c) => c.notNull())
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('sub_app_id', 'bigint', (c) => c.notNull())
    .addColumn('file_id', 'text', (c) => c.notNull())
    .addColumn('batch_id', 'text')
    .addColumn('stage', 'text', (c) => c.notNull().check(sql`stage in ('submit', 'publish')`))
    .addColumn('error_class', 'text', (c) => c.notNull())
    .addColumn('error_code', 'text')
    .addColumn('message', 'text', (c) => c.notNull())
    .addColumn('request_id', 'text')
    .addColumn('since', 'timestamptz', (c) => c.notNull().defaultTo(sql`clock_timestamp()`))
    .addColumn('ended_at', 'timestamptz')
    .addColumn('ended_as', 'text')
    .addColumn('ended_by', 'text')
    .addColumn('ended_reason', 'text')
    .execute();
  // One open hold a run, however often the activity that writes it is repeated.
  await sql`create unique index hold_open_run on hold (workflow_id, run_id) where ended_at is null`.execute(db);
  await sql`create index hold_open_sub_app on hold (sub_app_id, id) where ended_at is null`.execute(db);

  await db.schema
    .createTable('audit')
    .addColumn('id', 'bigint', (c) => c.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('at', 'timestamptz', (c) => c.notNull().defaultTo(sql`clock_timestamp()`))
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('by', 'text')
    .addColumn('reason', 'text')
    .addColumn('details', 'jsonb')
    .execute();
  await sql`create index audit_at on audit (at)`.execute(db);

  // Since when every submit was throttled, with none accepted in between.
  await sql`alter table pace add column throttled_since timestamptz`.execute(db);
}
