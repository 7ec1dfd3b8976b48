import type { Kysely } from 'kysely';
import { guarded, toLedgerError } from '../db/ledger-error.js';
import type { LedgerDatabase } from '../db/schema.js';
import { type AuditEntry, writeAudit } from './audit.js';
import { type AuditFilter, type AuditLine, auditLines } from './audit-report.js';

/** Who decided what, and why. Every method throws a `LedgerError`. */
export interface AuditStore {
  write(entry: AuditEntry): Promise<void>;
  /** Decisions and submits, oldest first. */
  lines(filter: AuditFilter): AsyncGenerator<AuditLine>;
}

export function openAuditStore(db: Kysely<LedgerDatabase>): AuditStore {
  return {
    write: (entry) => guarded('write the audit', () => writeAudit(db, entry)),
    async *lines(filter) {
      try {
        yield* auditLines(db, filter);
      } catch (error) {
        throw toLedgerError(error, 'read the audit');
      }
    },
  };
}
