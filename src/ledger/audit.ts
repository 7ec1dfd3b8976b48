import type { Kysely } from 'kysely';
import type { LedgerDatabase } from './schema.js';

/** One line of who decided what, and why. Kept for good, beyond Temporal's retention. */
export interface AuditEntry {
  /** Such as `hold-ended`, `resume`, `breaker-opened`. */
  action: string;
  /** A workflow id, or the scope of a breaker. */
  subject: string;
  /** A person, or the run that did it by itself. */
  by: string | null;
  reason: string | null;
  details: Record<string, unknown> | null;
}

export async function writeAudit(db: Kysely<LedgerDatabase>, entry: AuditEntry): Promise<void> {
  await db
    .insertInto('audit')
    .values({ ...entry, details: entry.details === null ? null : JSON.stringify(entry.details) })
    .execute();
}
