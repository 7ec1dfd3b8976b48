import { type Kysely, sql } from 'kysely';
import { writeAudit } from './audit.js';
import type { LedgerDatabase } from './schema.js';

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
  /** Number of the submission that is uncertain; null for any other hold. */
  submission: number | null;
  since: Date;
}

export type HoldEndedAs = 'retry' | 'skip' | 'abort' | 'cancel' | 'resolved';

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

/** Writes that a run is held. A run has one open hold: repeating it renews the reason. */
export async function recordHold(db: Db, hold: Omit<HoldRecord, 'since'>): Promise<void> {
  await sql`
    insert into hold (workflow_id, run_id, sub_app_id, file_id, batch_id, stage, error_class, error_code, message, request_id,
                      submission)
    values (${hold.workflowId}, ${hold.runId}, ${hold.subAppId}, ${hold.fileId}, ${hold.batchId}, ${hold.stage}, ${hold.class},
            ${hold.code}, ${hold.message}, ${hold.requestId}, ${hold.submission}::integer)
    on conflict (namespace, workflow_id, run_id) where ended_at is null do update set
      stage = excluded.stage,
      error_class = excluded.error_class, error_code = excluded.error_code, message = excluded.message,
      request_id = excluded.request_id, submission = excluded.submission`.execute(db);
}

/** Writes how a hold ended, by whom and why. Nothing happens when there is none. */
export async function endHold(
  db: Db,
  run: { workflowId: string; runId: string },
  end: { as: HoldEndedAs; by: string | null; reason: string | null },
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('hold')
    .set({
      ended_at: sql<Date>`clock_timestamp()`,
      ended_as: end.as,
      ended_by: end.by,
      ended_reason: end.reason,
    })
    .where('workflow_id', '=', run.workflowId)
    .where('run_id', '=', run.runId)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return;
  await writeAudit(db, {
    action: 'hold-ended',
    subject: run.workflowId,
    by: end.by,
    reason: end.reason,
    details: { as: end.as, runId: run.runId },
  });
}

/** Open holds, oldest first. */
export async function listHolds(db: Db, filter: HoldFilter = {}): Promise<HoldRecord[]> {
  let query = db
    .selectFrom('hold')
    .selectAll()
    .where('ended_at', 'is', null)
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
