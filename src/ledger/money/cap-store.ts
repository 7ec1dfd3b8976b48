import { type Kysely, type RawBuilder, sql } from 'kysely';
import { writeAudit } from '../audit/audit.js';
import { guarded } from '../db/ledger-error.js';
import type { LedgerDatabase } from '../db/schema.js';
import type { SubmissionKey } from '../submissions/submission-key.js';
import { batchScope, type Cap, type CapPeriod, type CapScope, type CounterScope, countersOf } from './cap.js';

/**
 * Statements on the caps. Counters are locked after the breakers, always in the order of `countersOf`: a fixed order prevents
 * deadlocks.
 */

type Db = Kysely<LedgerDatabase>;

/** Amounts as they come: a numeric from a row is a string, from JSON a number. */
export interface CapRow {
  scope: string;
  period: CapPeriod;
  limit_usd: string | number | null;
  spent_usd: string | number;
}

/** Thrown inside the transaction of a submit, to roll it back. */
export class CapReached extends Error {
  constructor(
    readonly cap: Cap<CounterScope>,
    readonly costUsd: number,
  ) {
    super(`The cap ${cap.scope}/${cap.period} is reached.`);
    this.name = 'CapReached';
  }
}

/**
 * A statement that counts a submit, and gives the counters as they are then. They stay locked until the transaction ends, so
 * that each submit sees what all before it took.
 *
 * @param day of the submit, by the database's clock, `YYYY-MM-DD` in UTC
 */
export function countStatement(
  { subAppId, batchId }: { subAppId: number; batchId: string | null },
  costUsd: number,
  day: string,
): RawBuilder<CapRow> {
  const rows = countersOf(subAppId, batchId).map(
    ({ scope, period }) => sql`(${scope}, ${period}, ${money(costUsd)}::numeric, ${day}::date)`,
  );
  // A later day begins at nothing; a clock that was set back does not bring an earlier day again.
  return sql<CapRow>`
    insert into cap (scope, period, spent_usd, day) values ${sql.join(rows)}
    on conflict (scope, period) do update set
      spent_usd = excluded.spent_usd + case when cap.period = 'day' and cap.day < excluded.day then 0 else cap.spent_usd end,
      day = greatest(cap.day, excluded.day)
    returning scope, period, limit_usd, spent_usd`;
}

/**
 * @param counters as they are with a submit of `costUsd` counted
 * @throws CapReached when a limit has no room for it
 */
export function checkCaps(counters: readonly CapRow[], costUsd: number): void {
  const over = counters.find((row) => row.limit_usd !== null && Number(row.spent_usd) > Number(row.limit_usd));
  if (over === undefined) return;
  const before = { ...over, spent_usd: String(Number(over.spent_usd) - costUsd) };
  throw new CapReached(toCap<CounterScope>(before), costUsd);
}

/** Takes a submit off the counters: nothing was spent on it. Repeating it changes nothing. */
export async function release(db: Db, key: SubmissionKey): Promise<void> {
  const { rows } = await sql<{ cost_usd: string; cost_day: string; sub_app_id: string; batch_id: string | null }>`
    select cost_usd, cost_day::text, erase.sub_app_id, submission.batch_id
    from submission join erase on erase.id = submission.erase_id
    where erase_id = ${key.eraseId}::bigint and number = ${key.number}::integer and cost_day is not null
    for update of submission`.execute(db);
  const row = rows[0];
  if (row === undefined) return;
  await setCostDay(db, key, null);
  const scopes = new Set(countersOf(Number(row.sub_app_id), row.batch_id).map(({ scope }) => scope));
  await sql`
    with counter as materialized (
      select scope, period from cap where scope in (${sql.join([...scopes])}) order by scope, period for update
    )
    update cap set spent_usd = greatest(0, spent_usd - ${row.cost_usd}::numeric)
    from counter where cap.scope = counter.scope and cap.period = counter.period
      and (cap.period = 'total' or cap.day = ${row.cost_day}::date)`.execute(db);
}

/** Counts a submission again that was taken off, and then turned out to be accepted. */
export async function countAgain(db: Db, key: SubmissionKey): Promise<void> {
  const { rows } = await sql<{ cost_usd: string; sub_app_id: string; batch_id: string | null; day: string }>`
    select cost_usd, erase.sub_app_id, submission.batch_id, (place_at at time zone 'UTC')::date::text as day
    from submission join erase on erase.id = submission.erase_id
    where erase_id = ${key.eraseId}::bigint and number = ${key.number}::integer
      and cost_day is null and cost_usd is not null`.execute(db);
  const row = rows[0];
  if (row === undefined) return;
  await setCostDay(db, key, row.day);
  const counted = { subAppId: Number(row.sub_app_id), batchId: row.batch_id };
  await countStatement(counted, Number(row.cost_usd), row.day).execute(db);
}

async function setCostDay(db: Db, key: SubmissionKey, day: string | null): Promise<void> {
  await sql`update submission set cost_day = ${day}::date
    where erase_id = ${key.eraseId}::bigint and number = ${key.number}::integer`.execute(db);
}

export interface CapChange {
  scope: CapScope;
  period: CapPeriod;
  /** Null: no limit any more. */
  limitUsd: number | null;
  by: string;
  reason: string;
}

/** False when there was nothing to remove. A submit that begins after this sees the new limit. */
export async function changeCap(db: Db, { scope, period, limitUsd, by, reason }: CapChange): Promise<boolean> {
  const today = sql`(clock_timestamp() at time zone 'UTC')::date`;
  await sql`insert into cap (scope, period, spent_usd, day) values (${scope}, ${period}, 0, ${today})
    on conflict (scope, period) do nothing`.execute(db);
  const { rows } = await sql<{ limit_usd: string | null }>`
    select limit_usd from cap where scope = ${scope} and period = ${period} for update`.execute(db);
  const before = rows[0]?.limit_usd ?? null;
  if (limitUsd === null && before === null) return false;
  await sql`update cap set limit_usd = ${limitUsd === null ? null : money(limitUsd)}::numeric
    where scope = ${scope} and period = ${period}`.execute(db);
  await writeAudit(db, {
    action: limitUsd === null ? 'cap-removed' : 'cap-set',
    subject: `${scope}/${period}`,
    by,
    reason,
    details: { limitUsd, beforeUsd: before === null ? null : Number(before) },
  });
  return true;
}

/** Sets the budget of a batch, in USD; null: none. What was spent in its name stays counted. */
export async function setBatchBudget(db: Db, batchId: string, maxCostUsd: number | null): Promise<void> {
  const limit = maxCostUsd === null ? null : money(maxCostUsd);
  await sql`insert into cap (scope, period, limit_usd, spent_usd, day)
    values (${batchScope(batchId)}, 'total', ${limit}::numeric, 0, (clock_timestamp() at time zone 'UTC')::date)
    on conflict (scope, period) do update set limit_usd = excluded.limit_usd`.execute(db);
}

/** Caps that have a limit; budgets of batches are listed with their batch. */
export async function listCaps(db: Db): Promise<Cap[]> {
  const { rows } = await sql<CapRow>`
    select scope, period, limit_usd,
      case when period = 'day' and day < (clock_timestamp() at time zone 'UTC')::date then 0 else spent_usd end as spent_usd
    from cap where limit_usd is not null and scope not like 'batch/%' order by scope, period`.execute(db);
  return rows.map((row) => toCap<CapScope>(row));
}

function toCap<Scope extends CounterScope>(row: CapRow): Cap<Scope> {
  const [limitUsd, spentUsd] = [Number(row.limit_usd), Number(row.spent_usd)];
  return {
    scope: row.scope as Scope,
    period: row.period,
    limitUsd,
    spentUsd: rounded(spentUsd),
    leftUsd: Math.max(0, rounded(limitUsd - spentUsd)),
  };
}

/** As the column keeps it. */
function money(usd: number): string {
  return usd.toFixed(6);
}

function rounded(usd: number): number {
  return Number(money(usd));
}

/** Limits on what is spent. Every method throws a `LedgerError`. */
export interface CapStore {
  /** Sets a limit, or takes it away; with who and why in the audit. False when there was none to take away. */
  change(change: CapChange): Promise<boolean>;
  /** Every limit with what counts against it. */
  list(): Promise<Cap[]>;
}

export function openCapStore(db: Db): CapStore {
  return {
    change: (change) => guarded('change a cap', () => db.transaction().execute((trx) => changeCap(trx, change))),
    list: () => guarded('list the caps', () => listCaps(db)),
  };
}
