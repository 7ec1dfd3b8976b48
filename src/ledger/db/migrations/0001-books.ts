import { type Kysely, sql } from 'kysely';

/** The first books: what is paid for, each submit of it, and the pace of submits. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('erase')
    .addColumn('id', 'bigint', (c) => c.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('sub_app_id', 'bigint', (c) => c.notNull())
    .addColumn('file_id', 'text', (c) => c.notNull())
    .addColumn('recipe_hash', 'text', (c) => c.notNull())
    .addColumn('pay_token', 'text', (c) => c.notNull())
    .addColumn('pay_reason', 'text')
    .addColumn('recipe', 'jsonb', (c) => c.notNull())
    .addColumn('created_at', 'timestamptz', (c) => c.notNull().defaultTo(sql`clock_timestamp()`))
    .addUniqueConstraint('erase_payment_identity', ['sub_app_id', 'file_id', 'recipe_hash', 'pay_token'])
    .execute();

  await db.schema
    .createTable('submission')
    .addColumn('erase_id', 'bigint', (c) => c.notNull().references('erase.id'))
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull().check(sql`state in ('sending', 'accepted', 'refused', 'unknown')`))
    .addColumn('arms', 'integer', (c) => c.notNull())
    .addColumn('intent_at', 'timestamptz', (c) => c.notNull())
    .addColumn('place_at', 'timestamptz', (c) => c.notNull())
    .addColumn('answered_at', 'timestamptz')
    .addColumn('task_id', 'text', (c) => c.unique())
    .addColumn('request_id', 'text')
    .addColumn('error_class', 'text')
    .addColumn('error_code', 'text')
    .addColumn('error_message', 'text')
    .addColumn('said_duplicate', 'boolean', (c) => c.notNull().defaultTo(false))
    .addColumn('adopted', 'boolean', (c) => c.notNull().defaultTo(false))
    .addColumn('workflow_id', 'text', (c) => c.notNull())
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('requested_by', 'text')
    .addColumn('batch_id', 'text')
    .addColumn('outcome', 'text', (c) => c.check(sql`outcome in ('succeeded', 'failed', 'aborted', 'expired')`))
    .addColumn('outcome_at', 'timestamptz')
    .addColumn('outcome_code', 'text')
    .addColumn('outcome_message', 'text')
    .addColumn('result_file_id', 'text')
    .addColumn('result', 'jsonb')
    .addPrimaryKeyConstraint('submission_pkey', ['erase_id', 'number'])
    // The books never say that money was spent without saying on what.
    .addCheckConstraint('submission_accepted_has_task', sql`(state = 'accepted') = (task_id is not null)`)
    .addCheckConstraint('submission_outcome_needs_task', sql`outcome is null or state = 'accepted'`)
    .execute();

  await db.schema
    .createTable('pace')
    .addColumn('scope', 'text', (c) => c.primaryKey())
    .addColumn('next_at', 'timestamptz', (c) => c.notNull())
    .execute();
}
