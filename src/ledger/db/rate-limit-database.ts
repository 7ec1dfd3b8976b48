import { CompiledQuery } from 'kysely';
import type { Database } from '../../rate-limit/index.js';
import { openDatabase } from './database.js';
import { toLedgerError } from './ledger-error.js';

/** Separate connections for queries and answers: a slot never waits behind the ledger's statements. */
const CONNECTIONS = 2;
/** Longest time of one statement, in milliseconds: a slot that arrives later is useless. */
const STATEMENT_TIMEOUT_MS = 5_000;

/** The database of the ledger, for the rate limiter. Connects lazily; the caller closes it. Errors are LedgerErrors. */
export function openRateLimitDatabase(databaseUrl: string): Database & { close(): Promise<void> } {
  const db = openDatabase(databaseUrl, { maxConnections: CONNECTIONS, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  return {
    query: async (text, values) => {
      try {
        return await db.executeQuery(CompiledQuery.raw(text, [...values]));
      } catch (error) {
        throw toLedgerError(error, 'ask the rate limiter');
      }
    },
    close: () => db.destroy(),
  };
}
