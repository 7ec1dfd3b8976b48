import { type Kysely, sql } from 'kysely';

/** Batches with their items, and what is known of media files: read once, priced often. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('media')
    .addColumn('sub_app_id', 'bigint', (c) => c.notNull())
    .addColumn('file_id', 'text', (c) => c.notNull())
    .addColumn('duration_seconds', 'double precision')
    .addColumn('width', 'integer')
    .addColumn('height', 'integer')
    .addColumn('read_at', 'timestamptz', (c) => c.notNull().defaultTo(sql`clock_timestamp()`))
    .addPrimaryKeyConstraint('media_pkey', ['sub_app_id', 'file_id'])
    .execute();

  await db.schema
    .createTable('batch')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('workflow_id', 'text', (c) => c.notNull().unique())
    .addColumn('state', 'text', (c) =>
      c.notNull().defaultTo('running').check(sql`state in ('running', 'paused', 'draining', 'cancelling', 'ended')`),
    )
    .addColumn('waiting_for', 'text', (c) =>
      c.check(sql`waiting_for in ('breaker', 'cap', 'budget', 'sample', 'tolerance', 'vendor')`),
    )
    .addColumn('waiting_detail', 'text')
    .addColumn('ended_as', 'text', (c) =>
      c.check(sql`ended_as in ('completed', 'failed', 'drained', 'cancelled', 'deadline')`),
    )
    .addColumn('settings', 'jsonb', (c) => c.notNull())
    .addColumn('source', 'jsonb', (c) => c.notNull())
    .addColumn('total', 'integer', (c) => c.notNull())
    .addColumn('estimated_usd', 'numeric')
    .addColumn('parent_batch_id', 'text', (c) => c.references('batch.id'))
    .addColumn('parent_relation', 'text')
    .addColumn('requested_by', 'text')
    .addColumn('reason', 'text')
    .addColumn('window', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('sample_passed_at', 'timestamptz')
    .addColumn('outcomes_until', 'timestamptz')
    .addColumn('created_at', 'timestamptz', (c) => c.notNull().defaultTo(sql`clock_timestamp()`))
    .addColumn('ended_at', 'timestamptz')
    .addCheckConstraint('batch_ended_says_how', sql`(state = 'ended') = (ended_as is not null)`)
    .execute();

  await db.schema
    .createTable('batch_item')
    .addColumn('batch_id', 'text', (c) => c.notNull().references('batch.id'))
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('row', 'bigint')
    .addColumn('sub_app_id', 'bigint', (c) => c.notNull())
    .addColumn('file_id', 'text', (c) => c.notNull())
    .addColumn('recipe_hash', 'text', (c) => c.notNull())
    .addColumn('workflow_id', 'text', (c) => c.notNull())
    .addColumn('request', 'jsonb', (c) => c.notNull())
    .addColumn('estimated_usd', 'numeric')
    .addColumn('state', 'text', (c) =>
      c
        .notNull()
        .defaultTo('pending')
        .check(
          sql`state in ('pending', 'running', 'held', 'succeeded', 'reused', 'failed', 'timedOut', 'cancelled', 'skipped')`,
        ),
    )
    .addColumn('run_id', 'text')
    .addColumn('started_at', 'timestamptz')
    .addColumn('submitted_at', 'timestamptz')
    .addColumn('task_ended_at', 'timestamptz')
    .addColumn('checked_at', 'timestamptz')
    .addColumn('cancel_asked_at', 'timestamptz')
    .addColumn('ended_at', 'timestamptz')
    .addColumn('task_id', 'text')
    .addColumn('result_file_id', 'text')
    .addColumn('error_class', 'text')
    .addColumn('error_code', 'text')
    .addColumn('error_message', 'text')
    .addColumn('request_id', 'text')
    .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('cost_usd', 'numeric')
    .addPrimaryKeyConstraint('batch_item_pkey', ['batch_id', 'number'])
    .addUniqueConstraint('batch_item_workflow', ['batch_id', 'workflow_id'])
    .execute();
  await db.schema.createIndex('batch_item_state').on('batch_item').columns(['batch_id', 'state', 'number']).execute();
  await db.schema.createIndex('batch_item_by_workflow').on('batch_item').column('workflow_id').execute();
  // What runs is a small part of a large batch, and is looked at several times a second.
  await sql`create index batch_item_open on batch_item (batch_id, submitted_at) where state in ('running', 'held')`.execute(
    db,
  );
  await sql`create index batch_item_ended on batch_item (batch_id, ended_at) where ended_at is not null`.execute(db);
  await db.schema.createIndex('submission_by_workflow').on('submission').column('workflow_id').execute();
  await sql`create index submission_by_batch on submission (batch_id, place_at) where batch_id is not null`.execute(db);
  await sql`create index submission_ended_by_batch on submission (batch_id, outcome_at)
    where batch_id is not null and outcome_at is not null`.execute(db);
}
