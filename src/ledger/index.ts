import { type AuditStore, openAuditStore } from './audit/audit-store.js';
import { type AdoptStore, adoptStore } from './batches/batch-adopt.js';
import type { BatchFeedStore } from './batches/batch-feed-store.js';
import { type RedriveStore, redriveStore } from './batches/batch-redrive.js';
import { type BatchReportStore, batchReportStore } from './batches/batch-report.js';
import type { BatchStore } from './batches/batch-store.js';
import { PostgresBatchFeedStore } from './batches/postgres-batch-feed-store.js';
import { PostgresBatchStore } from './batches/postgres-batch-store.js';
import { openDatabase } from './db/database.js';
import { guarded } from './db/ledger-error.js';
import { DEFAULT_NAMESPACE } from './db/migrate.js';
import { checkLedger } from './db/server-facts.js';
import { type BreakerStore, openBreakerStore } from './holds/breaker-store.js';
import { type HoldStore, openHoldStore } from './holds/hold-store.js';
import { type CapStore, openCapStore } from './money/cap-store.js';
import { type CostFilter, type CostRow, reportCosts } from './money/cost-report.js';
import { type MediaStore, openMediaStore } from './money/media-store.js';
import { type PriceStore, priceStore } from './money/price-store.js';
import { type PhaseStore, phaseStore } from './submissions/phase-store.js';
import { PostgresSubmissionStore } from './submissions/postgres-submission-store.js';
import { openStateStore, type StateStore } from './submissions/state-store.js';
import type { SubmissionStore } from './submissions/submission-store.js';
import { openWatchStore, type WatchStore } from './watch/watch-store.js';

/**
 * The record of everything that costs money, for activities and the CLI: one store for each subject. Every write is safe to
 * repeat, and every method throws a `LedgerError` on failure.
 */
export interface Ledger {
  /** Temporal's. Submissions, breakers, caps and audit are the account's; all else is about runs of this namespace. */
  readonly namespace: string;
  /** Paid calls and their outcomes. */
  readonly submissions: SubmissionStore;
  readonly breakers: BreakerStore;
  readonly holds: HoldStore;
  readonly caps: CapStore;
  /** What was spent, by day, batch, recipe or who asked. */
  readonly costs: { report(filter: CostFilter): Promise<CostRow[]> };
  readonly audit: AuditStore;
  /** Batches and their items. */
  readonly batches: BatchStore;
  /** The same, for the batch dispatcher. */
  readonly batchFeed: BatchFeedStore;
  /** The data of batch reports. */
  readonly reports: BatchReportStore;
  /** New batches of items that did not succeed in old ones. */
  readonly redrives: RedriveStore;
  /** Payments of other programs. */
  readonly adoptions: AdoptStore;
  /** Which runs wait for which task. */
  readonly watch: WatchStore;
  /** Which runs are past their task. */
  readonly phases: PhaseStore;
  /** Lengths and sizes of files, where known. */
  readonly media: MediaStore;
  /** Prices that the workers estimate with. */
  readonly prices: PriceStore;
  /** Numbers for monitoring. */
  readonly state: StateStore;
  /** Throws a `LedgerError` of kind `schema` when the tables are not those of this program. */
  check(): Promise<{
    serverVersion: string;
    /** Of the database; it should be UTF8. */
    encoding: string;
    /** The schema of its tables. */
    schema: string;
    clock: Date;
    /** The least difference between that clock and ours; the answer's duration is subtracted. */
    clockDifferenceMs: number;
  }>;
  close(): Promise<void>;
}

export interface LedgerOptions {
  /** Temporal's, of the opener: runs, holds, waits, phases and batches of others are not shown. Default: `default`. */
  namespace?: string;
  /** Connections of this process; default 10. */
  maxConnections?: number;
}

/** Opens the ledger in PostgreSQL 14 or later; connects lazily. */
export function openLedger(databaseUrl: string, options: LedgerOptions = {}): Ledger {
  const { namespace = DEFAULT_NAMESPACE, maxConnections } = options;
  const db = openDatabase(databaseUrl, { maxConnections });
  return {
    namespace,
    submissions: new PostgresSubmissionStore(db, namespace),
    breakers: openBreakerStore(db),
    holds: openHoldStore(db, namespace),
    caps: openCapStore(db),
    costs: { report: (filter) => guarded('report the costs', () => reportCosts(db, filter)) },
    audit: openAuditStore(db),
    batches: new PostgresBatchStore(db, namespace),
    batchFeed: new PostgresBatchFeedStore(db),
    reports: batchReportStore(db),
    redrives: redriveStore(db, namespace),
    adoptions: adoptStore(db, namespace),
    watch: openWatchStore(db, namespace),
    phases: phaseStore(db, namespace),
    media: openMediaStore(db),
    prices: priceStore(db, namespace),
    state: openStateStore(db, namespace),
    check: () => guarded('check the ledger', () => checkLedger(db)),
    close: () => db.destroy(),
  };
}
