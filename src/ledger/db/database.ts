import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresDialect,
  PostgresDriver,
  type PostgresPool,
  type TransactionSettings,
} from 'kysely';
import { Connections } from './connections.js';
import type { LedgerDatabase } from './schema.js';

export interface DatabaseOptions {
  /** Connections of this process, default 10. */
  maxConnections?: number | undefined;
  /**
   * Longest time of one statement in milliseconds, default 10,000: a longer one hangs on a dead connection or another session's
   * lock.
   */
  statementTimeoutMs?: number | undefined;
}

const STATEMENT_TIMEOUT_MS = 10_000;

/** The server ends a transaction that is idle for so many milliseconds: ours send a statement every few. */
const IDLE_IN_TRANSACTION_MS = 5_000;

/** Opens the ledger's connection pool. Connects lazily. The caller ends it with `destroy()`. */
export function openDatabase(databaseUrl: string, options: DatabaseOptions = {}): Kysely<LedgerDatabase> {
  const { maxConnections = 10, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const timeouts = { statementMs: statementTimeoutMs, idleInTransactionMs: IDLE_IN_TRANSACTION_MS };
  const connections = new Connections(databaseUrl, { maxConnections, ...timeouts });
  return new Kysely<LedgerDatabase>({ dialect: new LedgerDialect(connections, timeouts) });
}

export interface Timeouts {
  statementMs: number;
  /** A process that is suspended between two statements would keep its locks, including those that all submits need. */
  idleInTransactionMs: number;
}

class LedgerDialect extends PostgresDialect {
  constructor(
    private readonly pool: PostgresPool,
    private readonly timeouts: Timeouts,
  ) {
    super({ pool });
  }

  override createDriver(): Driver {
    return new LedgerDriver(this.pool, this.timeouts);
  }
}

/**
 * Each transaction sets its own timeouts in its first message. Session settings would be lost or shared behind a pooler that
 * assigns each transaction another session.
 */
class LedgerDriver extends PostgresDriver {
  constructor(
    pool: PostgresPool,
    private readonly timeouts: Timeouts,
  ) {
    super({ pool });
  }

  override async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const { isolationLevel, accessMode } = settings;
    const isolation = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`;
    const access = accessMode === undefined ? '' : ` ${accessMode}`;
    const { statementMs, idleInTransactionMs } = this.timeouts;
    await connection.executeQuery(
      CompiledQuery.raw(
        `start transaction${isolation}${access}; set local statement_timeout = ${statementMs}; ` +
          `set local idle_in_transaction_session_timeout = ${idleInTransactionMs}`,
      ),
    );
  }
}
