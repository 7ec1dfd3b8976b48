import { type Kysely, type Selectable, sql } from 'kysely';
import { writeAudit } from '../audit/audit.js';
import { guarded } from '../db/ledger-error.js';
import type { BreakerTable, LedgerDatabase } from '../db/schema.js';
import { workflowOf } from '../submissions/records.js';
import type { SubmissionKey, SubmitError } from '../submissions/submission.js';
import { type Breaker, type BreakerKey, type BreakerScope, scopesOf } from './breaker.js';

/** Statements on the breakers. Each takes the connection or transaction to run in. */

type Db = Kysely<LedgerDatabase>;

export async function listBreakers(db: Db): Promise<Breaker[]> {
  return (await db.selectFrom('breaker').selectAll().orderBy('scope').execute()).map(toBreaker);
}

/** The first open breaker that covers the scopes. */
export async function findOpenBreaker(db: Db, scopes: readonly BreakerScope[]): Promise<Breaker | null> {
  const row = await db
    .selectFrom('breaker')
    .selectAll()
    .where('scope', 'in', scopes)
    .orderBy('scope')
    .executeTakeFirst();
  return row === undefined ? null : toBreaker(row);
}

/** Opens a breaker. An open one keeps its time and first reason. Returns the open one. */
export async function openBreaker(
  db: Db,
  scope: BreakerScope,
  error: SubmitError,
  workflowId: string,
): Promise<Breaker> {
  const { rows } = await sql<Selectable<BreakerTable> & { is_new: boolean }>`
    insert into breaker (scope, error_class, error_code, error_message, request_id, opened_at, workflow_id)
    values (${scope}, ${error.class}, ${error.code}, ${error.message}, ${error.requestId},
            date_trunc('milliseconds', clock_timestamp()), ${workflowId})
    -- Changes nothing, and gives the row that is there.
    on conflict (scope) do update set scope = excluded.scope
    returning *, xmax = 0 as is_new`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error(`The breaker ${scope} was not opened.`);
  if (row.is_new) {
    await writeAudit(db, {
      action: 'breaker-opened',
      subject: scope,
      by: workflowId,
      reason: `${error.code}: ${error.message}`,
      details: { requestId: error.requestId },
    });
  }
  return toBreaker(row);
}

/**
 * Closes this opening of the breaker, and no later one. No effect when it is closed already.
 *
 * @returns a time by the database's clock at which it was closed
 */
async function closeBreaker(
  db: Db,
  { scope, openedAt }: BreakerKey,
  { by, reason }: { by: string; reason: string },
): Promise<Date> {
  const { rows } = await sql<{ now: Date; was_open: boolean }>`
    with closed as (
      delete from breaker where scope = ${scope} and opened_at = ${openedAt.toISOString()}::timestamptz returning scope
    )
    select exists (select from closed) as was_open, clock_timestamp() as now`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error(`The breaker ${scope} was not closed.`);
  if (row.was_open) {
    await writeAudit(db, {
      action: 'breaker-closed',
      subject: scope,
      by,
      reason,
      details: { openedAt: openedAt.toISOString() },
    });
  }
  return row.now;
}

/**
 * Whether the vendor accepted a submit of the scope sent after `since`: of any run while its task is unread, or of this run. A
 * refusal caused by this run's request counts too, since the account was not the reason.
 */
async function takenSince(
  db: Db,
  scope: BreakerScope,
  since: Date,
  { workflowId }: { workflowId: string },
): Promise<boolean> {
  const inScope = scope === 'account' ? sql`true` : sql`erase.sub_app_id = ${scope.slice('sub-app/'.length)}::bigint`;
  const after = sql`place_at > ${since.toISOString()}::timestamptz`;
  // Each part reads its own index: the table has all submits of all years.
  const { rows } = await sql<{ taken: boolean }>`
    select exists (
      select from submission join erase on erase.id = submission.erase_id
      where state = 'accepted' and not adopted and outcome is null and ${after} and ${inScope}
    ) or exists (
      select from submission
      where workflow_id = ${workflowId} and ${after} and (state = 'accepted' or (state = 'refused' and error_class = 'input'))
    ) as taken`.execute(db);
  return rows[0]?.taken ?? false;
}

function toBreaker(row: Selectable<BreakerTable>): Breaker {
  return {
    scope: row.scope as BreakerScope,
    class: row.error_class,
    code: row.error_code,
    message: row.error_message,
    requestId: row.request_id,
    openedAt: row.opened_at,
    workflowId: row.workflow_id,
  };
}

/** Breakers of the account. Every write is safe to repeat; every method throws a `LedgerError`. */
export interface BreakerStore {
  /** Opens a breaker for a reason that built up over many calls; the submission is the last of them. */
  open(scope: BreakerScope, submission: SubmissionKey, error: SubmitError): Promise<void>;
  /** The open breaker that covers submits of the sub-application; null when there is none. */
  findOpen(subAppId: number): Promise<Breaker | null>;
  list(): Promise<Breaker[]>;
  /**
   * An operator closes this opening of a breaker; one that opened since stays open. Repeating it changes nothing.
   * @returns a time by the database's clock at which it was closed
   */
  close(breaker: BreakerKey, decision: { by: string; reason: string }): Promise<Date>;
  /**
   * Whether the vendor accepted a submit of the scope that was sent after `since`: of this run, or one whose task is not read
   * yet.
   */
  takenSince(scope: BreakerScope, since: Date, run: { workflowId: string }): Promise<boolean>;
}

export function openBreakerStore(db: Db): BreakerStore {
  return {
    open: (scope, key, error) =>
      guarded('open a breaker', () =>
        db.transaction().execute(async (trx) => {
          await openBreaker(trx, scope, error, await workflowOf(trx, key));
        }),
      ),
    findOpen: (subAppId) => guarded('read the breaker', () => findOpenBreaker(db, scopesOf(subAppId))),
    list: () => guarded('read the breakers', () => listBreakers(db)),
    close: (breaker, decision) =>
      guarded('close a breaker', () => db.transaction().execute((trx) => closeBreaker(trx, breaker, decision))),
    takenSince: (scope, since, run) => guarded('look for an accepted submit', () => takenSince(db, scope, since, run)),
  };
}
