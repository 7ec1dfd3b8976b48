import { type Kysely, sql } from 'kysely';
import { jsonText } from '../db/parameters.js';
import type { LedgerDatabase } from '../db/schema.js';

/** One line of who decided what, and why. Kept permanently, beyond Temporal's retention. */
export interface AuditEntry {
  /** Such as `hold-ended`, `resume`, `breaker-opened`. */
  action: string;
  /** A workflow id, or the scope of a breaker. */
  subject: string;
  /** A person, or the run that did it automatically. */
  by: string | null;
  reason: string | null;
  details: Record<string, unknown> | null;
  /** True: writes nothing if the same line was written within a week. For writers that may be repeated. */
  once?: boolean;
}

export async function writeAudit(db: Kysely<LedgerDatabase>, { once = false, ...entry }: AuditEntry): Promise<void> {
  if (once && (await isWritten(db, entry))) return;
  await db
    .insertInto('audit')
    .values({ ...entry, details: entry.details === null ? null : jsonText(entry.details) })
    .execute();
}

/** The table's index is on its time: older lines are not scanned. */
async function isWritten(db: Kysely<LedgerDatabase>, entry: Omit<AuditEntry, 'once'>): Promise<boolean> {
  const { rows } = await sql`
    select 1 from audit where at > clock_timestamp() - interval '7 days'
      and action = ${entry.action} and subject = ${entry.subject}
      and details is not distinct from ${entry.details === null ? null : jsonText(entry.details)}::jsonb
    limit 1`.execute(db);
  return rows.length > 0;
}
