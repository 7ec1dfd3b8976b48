import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { ImpatientClient } from './impatient-client.js';
import type { LedgerDatabase } from './schema.js';

export interface DatabaseOptions {
  /** Connections of this process, default 10. */
  maxConnections?: number;
}

/** Milliseconds to wait for a connection before the caller hears that the ledger is unavailable. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Milliseconds after which an unused connection is closed: submits come in waves, and opening one costs both ends more than a statement. */
const IDLE_TIMEOUT_MS = 60_000;
/** No statement of ours takes longer than milliseconds: one that does hangs on a dead connection or a foreign lock. */
const STATEMENT_TIMEOUT_MS = 10_000;

/** The server ends a transaction that says nothing for so many milliseconds: ours say something every few. */
const IDLE_IN_TRANSACTION_MS = 5_000;

/** Opens the ledger's connection pool. Connects lazily. The caller ends it with `destroy()`. */
export function openDatabase(databaseUrl: string, options: DatabaseOptions = {}): Kysely<LedgerDatabase> {
  const pool = new pg.Pool({
    Client: ImpatientClient,
    connectionString: databaseUrl,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    // Noticed by the client even when the server cannot answer any more (host gone, process stopped).
    query_timeout: STATEMENT_TIMEOUT_MS + 2_000,
    // A process that is stopped between two statements would keep its locks, on the pace too, for as long as it is stopped.
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    application_name: 'vod-smart-erase',
    allowExitOnIdle: true,
  });
  // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
  pool.on('error', () => {});
  return new Kysely<LedgerDatabase>({ dialect: new PostgresDialect({ pool }) });
}
