import { type Kysely, sql } from 'kysely';

/**
 * Which Temporal namespace a row belongs to, which hold a decision is about, what a reviewer said of a result, and what a batch
 * has spent. An empty namespace is that of a row from before: `migrateLedger` gives it the namespace of its caller.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['submission', 'hold', 'waiter', 'run_phase', 'watch', 'batch']) {
    await sql`alter table ${sql.table(table)} add column namespace text not null default ''`.execute(db);
  }
  await rekey(db, 'waiter', ['task_id', 'namespace', 'workflow_id']);
  await rekey(db, 'run_phase', ['namespace', 'workflow_id']);
  await rekey(db, 'watch', ['namespace', 'sub_app_id']);
  await sql`drop index hold_open_run`.execute(db);
  await sql`create unique index hold_open_run on hold (namespace, workflow_id, run_id) where ended_at is null`.execute(
    db,
  );

  // Which submission a hold is about, and when somebody last made sure that its run is still open.
  await sql`alter table hold add column submission integer,
    add column seen_at timestamptz not null default clock_timestamp()`.execute(db);

  // The result was found to be deleted; was rejected by a reviewer; and its task was left to others by the run that paid.
  await sql`alter table submission add column result_gone_at timestamptz, add column rejected_at timestamptz,
    add column rejected_by text, add column rejected_reason text, add column left_to_others_at timestamptz`.execute(db);

  // Runs that ask the vendor themselves wait, too: who cancels a task asks for whom it is left.
  await sql`alter table waiter add column watched boolean not null default true`.execute(db);

  // A run that will review the result of a task, from the moment at which it waits for that task.
  await sql`alter table run_phase add column task_id text`.execute(db);
  await sql`alter table run_phase drop constraint run_phase_phase_check`.execute(db);
  await sql`alter table run_phase add constraint run_phase_phase_check check (phase in ('toReview', 'review', 'publishing'))`.execute(
    db,
  );
  await sql`create index run_phase_task on run_phase (task_id) where task_id is not null`.execute(db);

  // Whether starting the item may lead to a payment; and which item of the redriven batch it is.
  await sql`alter table batch_item add column may_pay boolean not null default true, add column source_number integer`.execute(
    db,
  );
  await sql`update batch_item set may_pay = false where estimated_usd = 0 and (request->>'neverPay')::boolean`.execute(
    db,
  );
  await sql`create index batch_item_read_only on batch_item (batch_id) where state = 'pending' and not may_pay`.execute(
    db,
  );
  await sql`update submission set result_gone_at = coalesce(item.ended_at, clock_timestamp())
    from batch_item item join erase on erase.sub_app_id = item.sub_app_id and erase.file_id = item.file_id
      and erase.recipe_hash = item.recipe_hash and erase.pay_token = coalesce(item.request->'payAgain'->>'token', '')
    where item.error_code = 'ResultDeleted' and submission.erase_id = erase.id and submission.outcome = 'succeeded'`.execute(
    db,
  );
  await sql`alter table batch drop constraint batch_waiting_for_check`.execute(db);
  await sql`alter table batch add constraint batch_waiting_for_check
    check (waiting_for in ('breaker', 'cap', 'budget', 'sample', 'tolerance', 'vendor', 'busyFiles'))`.execute(db);

  // The budget of a batch is a limit like the others, counted in the same statement.
  await sql`insert into cap (scope, period, limit_usd, spent_usd, day)
    select 'batch/' || batch.id, 'total', (batch.settings->>'maxCostUsd')::numeric, coalesce(sum(submission.cost_usd), 0),
      (clock_timestamp() at time zone 'UTC')::date
    from batch left join submission on submission.batch_id = batch.id and submission.cost_day is not null
    group by batch.id on conflict (scope, period) do nothing`.execute(db);

  // The prices that workers book by, so that a plan by other prices is told.
  await db.schema
    .createTable('worker_prices')
    .addColumn('namespace', 'text', (c) => c.notNull())
    .addColumn('fingerprint', 'text', (c) => c.notNull())
    .addColumn('prices', 'jsonb', (c) => c.notNull())
    .addColumn('seen_at', 'timestamptz', (c) => c.notNull().defaultTo(sql`clock_timestamp()`))
    .addPrimaryKeyConstraint('worker_prices_pkey', ['namespace', 'fingerprint'])
    .execute();
}

async function rekey(db: Kysely<unknown>, table: string, columns: string[]): Promise<void> {
  await sql`alter table ${sql.table(table)} drop constraint ${sql.ref(`${table}_pkey`)}`.execute(db);
  await sql`alter table ${sql.table(table)} add constraint ${sql.ref(`${table}_pkey`)}
    primary key (${sql.join(columns.map((column) => sql.ref(column)))})`.execute(db);
}
