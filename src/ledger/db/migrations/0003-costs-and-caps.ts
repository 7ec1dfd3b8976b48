import { type Kysely, sql } from 'kysely';

/** What each submit is expected to cost, and how much may be spent. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table submission add column cost_usd numeric(20, 6) check (cost_usd >= 0)`.execute(db);
  // The day, in UTC, on which the cost is counted; null once it is known that nothing was spent. A submit from before this
  // migration has no cost, and counts for nothing.
  await sql`alter table submission add column cost_day date`.execute(db);
  await sql`alter table submission add constraint submission_counted_has_cost check (cost_day is null or cost_usd is not null)`.execute(
    db,
  );

  // A counter for each scope and period, whether it has a limit or not: one that gets its limit later knows what was spent.
  await db.schema
    .createTable('cap')
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('period', 'text', (c) => c.notNull().check(sql`period in ('day', 'total')`))
    .addColumn('limit_usd', 'numeric(20, 6)', (c) => c.check(sql`limit_usd >= 0`))
    .addColumn('spent_usd', 'numeric(20, 6)', (c) => c.notNull())
    // The day that `spent_usd` is of, where the period is a day; else that of the last submit.
    .addColumn('day', 'date', (c) => c.notNull())
    .addPrimaryKeyConstraint('cap_pkey', ['scope', 'period'])
    .execute();
  // Every submit writes these few rows: room for new versions beside the old ones keeps that cheap.
  await sql`alter table cap set (fillfactor = 20)`.execute(db);
}
