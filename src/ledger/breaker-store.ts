import { type Kysely, type Selectable, sql } from 'kysely';
import { writeAudit } from './audit.js';
import type { Breaker, BreakerScope } from './breaker.js';
import type { SubmissionKey, SubmitError } from './ledger.js';
import type { BreakerTable, LedgerDatabase } from './schema.js';

/** Statements on the breakers. Each takes the connection or transaction to run in. */

type Db = Kysely<LedgerDatabase>;

/** Reads the breakers of these scopes and locks them, so that one run becomes the probe. Costs no lock while all are closed. */
export async function lockBreakers(db: Db, scopes: readonly BreakerScope[]): Promise<Breaker[]> {
  const rows = await db
    .selectFrom('breaker')
    .selectAll()
    .where('scope', 'in', scopes)
    .orderBy('scope')
    .forUpdate()
    .execute();
  return rows.map(toBreaker);
}

export async function listBreakers(db: Db): Promise<Breaker[]> {
  return (await db.selectFrom('breaker').selectAll().orderBy('scope').execute()).map(toBreaker);
}

/** The first open breaker that covers the scopes; the cheap look right before a call leaves. */
export async function findOpenBreaker(db: Db, scopes: readonly BreakerScope[]): Promise<Breaker | null> {
  const row = await db
    .selectFrom('breaker')
    .selectAll()
    .where('scope', 'in', scopes)
    .where('state', '=', 'open')
    .orderBy('scope')
    .executeTakeFirst();
  return row === undefined ? null : toBreaker(row);
}

export async function setProbe(db: Db, scopes: readonly BreakerScope[], probe: SubmissionKey): Promise<void> {
  await db
    .updateTable('breaker')
    .set({
      state: 'probing',
      probe_erase_id: probe.eraseId,
      probe_number: probe.number,
      probe_at: sql<Date>`clock_timestamp()`,
    })
    .where('scope', 'in', scopes)
    .execute();
}

/** Opens a breaker, or opens it again after its probe was refused. One that is open keeps its first reason. */
export async function openBreaker(db: Db, scope: BreakerScope, error: SubmitError, workflowId: string): Promise<void> {
  const { rows } = await sql<{ scope: string }>`
    insert into breaker (scope, state, error_class, error_code, error_message, request_id, opened_at, workflow_id)
    values (${scope}, 'open', ${error.class}, ${error.code}, ${error.message}, ${error.requestId}, clock_timestamp(), ${workflowId})
    on conflict (scope) do update set
      state = 'open', error_class = excluded.error_class, error_code = excluded.error_code,
      error_message = excluded.error_message, request_id = excluded.request_id, opened_at = excluded.opened_at,
      workflow_id = excluded.workflow_id, probe_erase_id = null, probe_number = null, probe_at = null
    where breaker.state = 'probing'
    returning scope`.execute(db);
  if (rows.length > 0) {
    await writeAudit(db, {
      action: 'breaker-opened',
      subject: scope,
      by: workflowId,
      reason: `${error.code}: ${error.message}`,
      details: { requestId: error.requestId },
    });
  }
}

/** Closes the breakers whose probe this submission was: the vendor took it. */
export async function closeByProbe(db: Db, probe: SubmissionKey): Promise<void> {
  const closed = await db
    .deleteFrom('breaker')
    .where('probe_erase_id', '=', probe.eraseId)
    .where('probe_number', '=', probe.number)
    .returning('scope')
    .execute();
  for (const { scope } of closed) {
    await writeAudit(db, {
      action: 'breaker-closed',
      subject: scope,
      by: null,
      reason: 'its probe was accepted',
      details: null,
    });
  }
}

/** Lets whoever comes next probe: a breaker that is probing, with nobody at it. */
export async function readyBreakers(db: Db, scopes: readonly BreakerScope[]): Promise<void> {
  if (scopes.length === 0) return;
  await db
    .updateTable('breaker')
    .set({ state: 'probing', probe_erase_id: null, probe_number: null, probe_at: null })
    .where('scope', 'in', scopes)
    .execute();
}

/** The probe was never sent: the breaker is open as before, and the next run with leave probes. */
export async function dropProbe(db: Db, probe: SubmissionKey): Promise<void> {
  await db
    .updateTable('breaker')
    .set({ state: 'open', probe_erase_id: null, probe_number: null, probe_at: null })
    .where('probe_erase_id', '=', probe.eraseId)
    .where('probe_number', '=', probe.number)
    .execute();
}

function toBreaker(row: Selectable<BreakerTable>): Breaker {
  return {
    scope: row.scope as BreakerScope,
    state: row.state,
    class: row.error_class,
    code: row.error_code,
    message: row.error_message,
    requestId: row.request_id,
    openedAt: row.opened_at,
    workflowId: row.workflow_id,
    probe:
      row.probe_erase_id === null || row.probe_number === null
        ? null
        : { eraseId: row.probe_erase_id, number: row.probe_number },
    probeAt: row.probe_at,
  };
}
