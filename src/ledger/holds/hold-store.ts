import { type Kysely, sql } from 'kysely';
import { writeAudit } from '../audit/audit.js';
import { guarded } from '../db/ledger-error.js';
import type { LedgerDatabase } from '../db/schema.js';
import type { RunKey } from '../submissions/phase-store.js';

/** A run that waits for an operator. */
export interface HoldRecord {
  workflowId: string;
  runId: string;
  subAppId: number;
  fileId: string;
  batchId: string | null;
  /** What is held: a submit, or the publishing of a result. */
  stage: 'submit' | 'publish';
  class: string;
  code: string | null;
  message: string;
  requestId: string | null;
  /** Number of the submission whose outcome is unknown; null for any other hold. */
  submission: number | null;
  since: Date;
}

export type HoldEndedAs = 'retry' | 'skip' | 'abort' | 'cancel' | 'resolved';

/** A hold to be written. */
export type NewHold = Omit<HoldRecord, 'since'> & {
  /** When the run asked for what is held; default: now. Earlier holds of other runs of its id are over. */
  askedAt?: Date;
};

/** A run with its open hold; with the other fields, exactly that hold. */
export type HeldRun = RunKey & Partial<Pick<HoldRecord, 'class' | 'submission' | 'since'>>;

/** A hold whose run is checked. */
export type SeenHold = RunKey & Pick<HoldRecord, 'since'>;

export interface HoldEnd {
  as: HoldEndedAs;
  by: string | null;
  reason: string | null;
}

export interface HoldFilter {
  subAppId?: number;
  workflowId?: string;
  batchId?: string;
  /** Error classes; default: any. */
  classes?: readonly string[];
  exceptClasses?: readonly string[];
  /** Without those whose submit an open breaker would stop. */
  exceptStopped?: boolean;
  stage?: HoldRecord['stage'];
  /** At most this many, oldest first; default 1,000. */
  limit?: number;
}

type Db = Kysely<LedgerDatabase>;

/**
 * Records that a run is held. Repeating it renews the reason; another class or submission makes a new hold.
 *
 * A workflow id has one open run, so holds of earlier runs end. A terminated run may still write late; that ends no newer hold.
 */
async function recordHold(db: Db, namespace: string, hold: NewHold): Promise<Date> {
  const { rows } = await sql<{ since: Date }>`
    insert into hold (workflow_id, run_id, sub_app_id, file_id, batch_id, stage, error_class, error_code, message, request_id,
                      submission, namespace)
    values (${hold.workflowId}, ${hold.runId}, ${hold.subAppId}, ${hold.fileId}, ${hold.batchId}, ${hold.stage}, ${hold.class},
            ${hold.code}, ${hold.message}, ${hold.requestId}, ${hold.submission}::integer, ${namespace})
    on conflict (namespace, workflow_id, run_id) where ended_at is null do update set
      stage = excluded.stage,
      error_class = excluded.error_class, error_code = excluded.error_code, message = excluded.message,
      request_id = excluded.request_id, submission = excluded.submission, seen_at = clock_timestamp(),
      since = case when hold.error_class = excluded.error_class and hold.submission is not distinct from excluded.submission
        then hold.since else clock_timestamp() end
    returning since`.execute(db);
  const [written] = rows;
  if (written === undefined) throw new Error('A hold that was written is not there.');
  const before = await sql<{ run_id: string }>`
    select run_id from hold where workflow_id = ${hold.workflowId} and run_id <> ${hold.runId} and ended_at is null
      and namespace = ${namespace} and since < ${hold.askedAt ?? written.since}::timestamptz`.execute(db);
  for (const { run_id: runId } of before.rows) {
    await endHold(db, namespace, { workflowId: hold.workflowId, runId }, RUN_ENDED);
  }
  return written.since;
}

/** Ends the hold of a run that was terminated, reset, or forgotten, and so cannot end it itself. */
export const RUN_ENDED: HoldEnd = { as: 'resolved', by: null, reason: 'its run has ended' };

/** Records how a hold ended, by whom and why. No effect when there is none, or a different one. */
async function endHold(db: Db, namespace: string, run: HeldRun, end: HoldEnd): Promise<void> {
  const { numAffectedRows = 0n } = await sql`
    update hold set ended_at = clock_timestamp(), ended_as = ${end.as}, ended_by = ${end.by}, ended_reason = ${end.reason}
    where ${isMeant(namespace, run)}`.execute(db);
  if (numAffectedRows === 0n) return;
  await writeAudit(db, {
    action: 'hold-ended',
    subject: run.workflowId,
    by: end.by,
    reason: end.reason,
    details: { as: end.as, runId: run.runId },
  });
}

/** Moves the hold of a run that was reset to its new run id. False when the hold is over, or the new run has one. */
async function moveHold(db: Db, namespace: string, run: HeldRun, runId: string): Promise<boolean> {
  const { numAffectedRows = 0n } = await sql`
    update hold set run_id = ${runId}, seen_at = clock_timestamp() where ${isMeant(namespace, run)} and not exists (
      select from hold as other where other.namespace = hold.namespace and other.workflow_id = hold.workflow_id
        and other.run_id = ${runId} and other.ended_at is null)`.execute(db);
  return numAffectedRows > 0n;
}

/** A `Date` holds milliseconds, the ledger more. */
function isMeant(namespace: string, { workflowId, runId, class: errorClass, submission, since }: HeldRun) {
  const terms = [
    sql`namespace = ${namespace}`,
    sql`workflow_id = ${workflowId}`,
    sql`run_id = ${runId}`,
    sql`ended_at is null`,
  ];
  if (errorClass !== undefined) terms.push(sql`error_class = ${errorClass}`);
  if (submission !== undefined) terms.push(sql`submission is not distinct from ${submission}::integer`);
  if (since !== undefined) terms.push(sql`abs(extract(epoch from since - ${since}::timestamptz)) < 0.001`);
  return sql.join(terms, sql` and `);
}

async function unseenHolds(db: Db, namespace: string, forSeconds: number, limit: number): Promise<SeenHold[]> {
  const { rows } = await sql<SeenHold>`
    update hold set seen_at = clock_timestamp() where id in (
      select id from hold where namespace = ${namespace} and ended_at is null and seen_at < clock_timestamp() - make_interval(secs => ${forSeconds})
      order by seen_at limit ${limit}::integer for update skip locked)
    returning workflow_id as "workflowId", run_id as "runId", since`.execute(db);
  return rows;
}

/** Open holds, oldest first. */
async function listHolds(db: Db, namespace: string, filter: HoldFilter = {}): Promise<HoldRecord[]> {
  let query = db
    .selectFrom('hold')
    .selectAll()
    .where('ended_at', 'is', null)
    .where('namespace', '=', namespace)
    .orderBy('id')
    .limit(filter.limit ?? 1_000);
  if (filter.subAppId !== undefined) query = query.where('sub_app_id', '=', String(filter.subAppId));
  if (filter.workflowId !== undefined) query = query.where('workflow_id', '=', filter.workflowId);
  if (filter.batchId !== undefined) query = query.where('batch_id', '=', filter.batchId);
  if (filter.classes !== undefined) query = query.where('error_class', 'in', [...filter.classes]);
  if (filter.exceptClasses !== undefined) query = query.where('error_class', 'not in', [...filter.exceptClasses]);
  if (filter.exceptStopped === true) {
    query = query.where(
      sql<boolean>`(stage <> 'submit' or not exists (
        select from breaker where scope in ('account', 'sub-app/' || hold.sub_app_id)))`,
    );
  }
  if (filter.stage !== undefined) query = query.where('stage', '=', filter.stage);
  const rows = await query.execute();
  return rows.map((row) => ({
    workflowId: row.workflow_id,
    runId: row.run_id,
    subAppId: Number(row.sub_app_id),
    fileId: row.file_id,
    batchId: row.batch_id,
    stage: row.stage,
    class: row.error_class,
    code: row.error_code,
    message: row.message,
    requestId: row.request_id,
    submission: row.submission,
    since: row.since,
  }));
}

/** Runs that wait for an operator, of one namespace. Every write is safe to repeat; every method throws a `LedgerError`. */
export interface HoldStore {
  /** The run waits for an operator. Repeating it renews the reason. Returns the time since when it waits. */
  record(hold: NewHold): Promise<Date>;
  /** No effect when the run has no open hold, or not the named one. */
  end(run: HeldRun, end: HoldEnd): Promise<void>;
  /**
   * Runs whose open holds were not verified for that long, at most `limit`, for one caller: other callers do not get them until
   * the time has passed again.
   */
  unseen(forSeconds: number, limit: number): Promise<SeenHold[]>;
  /** Moves the hold to another run of its id, after a reset. False when it is over, or that run has one. */
  move(run: HeldRun, runId: string): Promise<boolean>;
  /** Open holds, oldest first. */
  list(filter?: HoldFilter): Promise<HoldRecord[]>;
}

export function openHoldStore(db: Kysely<LedgerDatabase>, namespace: string): HoldStore {
  return {
    record: (hold) =>
      guarded('record a hold', () => db.transaction().execute((trx) => recordHold(trx, namespace, hold))),
    end: (run, end) =>
      guarded('end a hold', () => db.transaction().execute((trx) => endHold(trx, namespace, run, end))),
    unseen: (forSeconds, limit) => guarded('look after the holds', () => unseenHolds(db, namespace, forSeconds, limit)),
    move: (run, runId) => guarded('move a hold', () => moveHold(db, namespace, run, runId)),
    list: (filter = {}) => guarded('list the holds', () => listHolds(db, namespace, filter)),
  };
}
