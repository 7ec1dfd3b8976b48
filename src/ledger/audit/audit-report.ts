import { type Kysely, sql } from 'kysely';
import type { LedgerDatabase } from '../db/schema.js';

export interface AuditFilter {
  /** Lines from this time on. */
  since?: Date;
  /** Lines before this time. */
  until?: Date;
}

/** One decision or submit: by whom, and why. */
export interface AuditLine {
  at: Date;
  /** `submit` for money that was, or may have been, spent; any other as in the audit's table, such as `hold-ended`. */
  action: string;
  /** A workflow id, a batch, the scope of a breaker or of a cap. */
  subject: string;
  /** Who asked, or decided; null where unknown. */
  by: string | null;
  reason: string | null;
  details: Record<string, unknown> | null;
}

/** Lines read at once. */
const PAGE = 1_000;

interface Row {
  at: Date;
  /** With all its digits, which a `Date` would truncate. */
  exactly: string;
  kind: string;
  key: string;
  action: string;
  subject: string;
  by: string | null;
  reason: string | null;
  details: Record<string, unknown> | null;
}

/**
 * Decisions and submits, oldest first: what was spent, held, resumed, approved, cancelled or limited. A submit has its own
 * reason, or else that of its batch. Read page by page, so memory stays constant.
 */
export async function* auditLines(
  db: Kysely<LedgerDatabase>,
  { since, until }: AuditFilter,
): AsyncGenerator<AuditLine> {
  let after: Row | undefined;
  for (;;) {
    const { rows } = await sql<Row>`
      select at, at::text as exactly, kind, key, action, subject, by, reason, details from (
        select at, 'decision' as kind, lpad(id::text, 20, '0') as key, action, subject, "by", reason, details from audit
        union all
        select submission.intent_at, 'submit', lpad(erase_id::text, 20, '0') || '/' || lpad(number::text, 10, '0'),
               'submit', submission.workflow_id, coalesce(submission.requested_by, batch.requested_by),
               coalesce(erase.pay_reason, submission.reason, batch.reason),
               jsonb_build_object('subAppId', erase.sub_app_id, 'fileId', erase.file_id, 'recipe', erase.recipe->>'name',
                 'state', submission.state, 'taskId', task_id, 'requestId', request_id, 'outcome', outcome,
                 'estimatedUsd', case when cost_day is null then 0 else cost_usd end, 'batchId', batch_id, 'runId', run_id)
        from submission join erase on erase.id = submission.erase_id
          left join batch on batch.id = submission.batch_id) as line
      where at >= ${since?.toISOString() ?? '-infinity'}::timestamptz
        and at < ${until?.toISOString() ?? 'infinity'}::timestamptz
        and (at, kind, key) > (${after?.exactly ?? '-infinity'}::timestamptz, ${after?.kind ?? ''}, ${after?.key ?? ''})
      order by at, kind, key limit ${PAGE}`.execute(db);
    for (const { at, action, subject, by, reason, details } of rows) yield { at, action, subject, by, reason, details };
    after = rows.at(-1);
    if (rows.length < PAGE) return;
  }
}
