import type { TLSSocket } from 'node:tls';
import type pg from 'pg';
import { addressOf, Connections } from './connections.js';
import { guarded } from './ledger-error.js';
import type { LedgerDatabase } from './schema.js';

/** What doctor reports about the database, beyond that the ledger answers. */
export interface LedgerInspection {
  /** The connection is encrypted; and its certificate was checked. */
  tls: boolean;
  verified: boolean;
  overNetwork: boolean;
  /** A pooler stands in between: the session that answers is not the one that was opened. */
  pooled: boolean;
  /** Rights that the login lacks, like "insert on erase". */
  missingRights: string[];
  /** The login may not create tables, which importing a backlog needs; nor temporary ones, which a redrive needs. */
  mayCreate: boolean;
  mayCreateTemporary: boolean;
  schema: string;
  user: string;
}

const TIMEOUT_MS = 10_000;
/** Read and written by workers and commands. */
const LEDGER_TABLES: readonly (keyof LedgerDatabase)[] = [
  'erase',
  'submission',
  'rate_limit',
  'rate_limit_slot',
  'breaker',
  'cap',
  'hold',
  'run_phase',
  'audit',
  'watch',
  'waiter',
  'media',
  'batch',
  'batch_item',
  'worker_prices',
  'backlog',
];

interface Row {
  pid: number;
  schema: string;
  user: string;
  may_create: boolean;
  may_create_temporary: boolean;
  missing: string[];
}

/**
 * Inspects the database of a verified ledger, and writes a row, which is rolled back.
 *
 * @throws LedgerError also when nothing can be written
 */
export async function inspectLedger(databaseUrl: string): Promise<LedgerInspection> {
  const connections = new Connections(databaseUrl, {
    maxConnections: 1,
    statementMs: TIMEOUT_MS,
    idleInTransactionMs: TIMEOUT_MS,
  });
  try {
    return await guarded('write to the ledger', async () => {
      const client = (await connections.connect()) as unknown as pg.PoolClient & pg.Client;
      try {
        await client.query('begin');
        await client.query("insert into audit (action, subject) values ('doctor', 'taken back')");
        const { rows } = await client.query<Row>(RIGHTS, [LEDGER_TABLES]);
        await client.query('rollback');
        return found(client, rows[0] as Row, databaseUrl);
      } finally {
        client.release();
      }
    });
  } finally {
    await connections.end();
  }
}

/** Rights on every table of the ledger: those beside its list of migrations that this program names. */
const RIGHTS = `
  select pg_backend_pid() as pid, current_schema() as schema, current_user as "user",
    has_schema_privilege(current_schema(), 'CREATE') as may_create,
    has_database_privilege(current_database(), 'TEMPORARY') as may_create_temporary,
    array(
      select r || ' on ' || t.relname
      from pg_class as t cross join unnest('{select,insert,update,delete}'::text[]) as r
      where t.relkind in ('r', 'p') and pg_table_is_visible(t.oid) and t.relname = any ($1::text[])
        and not has_table_privilege(t.oid, r)
      order by 1
    ) as missing`;

function found(client: pg.Client, row: Row, databaseUrl: string): LedgerInspection {
  const { processID, connection } = client as unknown as {
    processID: number;
    connection: { stream: Partial<TLSSocket> };
  };
  const { hosts, tls } = addressOf(databaseUrl);
  const encrypted = connection.stream.encrypted === true;
  return {
    tls: encrypted,
    verified: encrypted && tls.options !== false && tls.options.rejectUnauthorized === true,
    overNetwork: hosts.some(({ host }) => !/^(\/|localhost$|127\.|::1$)/.test(host)),
    pooled: processID !== row.pid,
    missingRights: row.missing,
    mayCreate: row.may_create,
    mayCreateTemporary: row.may_create_temporary,
    schema: row.schema,
    user: row.user,
  };
}
