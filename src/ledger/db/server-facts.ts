import { type Kysely, sql } from 'kysely';
import { LedgerError } from './ledger-error.js';
import { MIGRATIONS } from './migrations/index.js';
import type { LedgerDatabase } from './schema.js';

/** The oldest PostgreSQL that the ledger runs on. */
const OLDEST = 14;
/** Which migrations were applied; named so since the first version. */
export const MIGRATION_TABLE = 'ledger_migration';

/** Where no schema of the search path exists. */
export const CREATE_SCHEMA = 'Create it (create schema …), or correct the search_path of DATABASE_URL.';

/** Properties of a server and its database that matter to a ledger. */
export interface ServerFacts {
  version: string;
  /** Of the database: UTF8. */
  encoding: string;
  searchPath: string;
  /** Where the ledger is, or would be created. Null: no schema of the search path exists. */
  schema: string | null;
  hasLedger: boolean;
}

interface FactsRow {
  version: string;
  number: number;
  encoding: string;
  read_only: boolean;
  replica: boolean;
  path: string;
  path_source: string;
  first: string | null;
  in_first: boolean;
  visible: string | null;
}

/**
 * A ledger is where the search path finds its tables. Only a path set by the session itself determines where to create one.
 *
 * @throws LedgerError when it is too old, or can only be read
 */
export async function serverFacts(db: Kysely<LedgerDatabase>): Promise<ServerFacts> {
  const { rows } = await sql<FactsRow>`
    select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
      getdatabaseencoding() as encoding, current_setting('transaction_read_only') = 'on' as read_only,
      pg_is_in_recovery() as replica, current_setting('search_path') as path,
      (select source from pg_settings where name = 'search_path') as path_source, current_schema() as first,
      exists (select from pg_class as t join pg_namespace as s on s.oid = t.relnamespace
        where t.relname = ${MIGRATION_TABLE} and s.nspname = current_schema()) as in_first,
      (select s.nspname from pg_class as t join pg_namespace as s on s.oid = t.relnamespace
        where t.relname = ${MIGRATION_TABLE} and pg_table_is_visible(t.oid)) as visible`.execute(db);
  const row = rows[0] as FactsRow;
  if (row.number < OLDEST * 10_000) {
    throw new LedgerError('schema', `PostgreSQL ${row.version} is too old: the ledger needs ${OLDEST} or newer.`);
  }
  if (row.read_only) {
    const why = row.replica ? 'it is a replica' : 'default_transaction_read_only is on';
    throw new LedgerError(
      'unavailable',
      `This PostgreSQL can only be read: ${why}. Point DATABASE_URL at the primary, or name all servers in it (host1,host2): the one that can be written is then taken.`,
    );
  }
  const asked = row.path_source === 'client';
  return {
    version: row.version,
    encoding: row.encoding,
    searchPath: row.path,
    schema: asked ? row.first : (row.visible ?? row.first),
    hasLedger: asked ? row.in_first : row.visible !== null,
  };
}

/** Names of the migrations that were applied to the ledger of a schema. @throws LedgerError when that table is no table of ours */
export async function migrationsIn(db: Kysely<LedgerDatabase>, schema: string): Promise<string[]> {
  try {
    const { rows } = await sql<{ name: string }>`
      select name from ${sql.id(schema, MIGRATION_TABLE)} order by name`.execute(db);
    return rows.map(({ name }) => name);
  } catch (error) {
    if ((error as { code?: string }).code !== '42703') throw error;
    throw new LedgerError('schema', `The table ${schema}.${MIGRATION_TABLE} is another program's.`, { cause: error });
  }
}

/** Two cheap statements, however many tables there are. @throws LedgerError when this program cannot work with it */
export async function checkLedger(
  db: Kysely<LedgerDatabase>,
): Promise<{ serverVersion: string; encoding: string; schema: string; clock: Date; clockDifferenceMs: number }> {
  const { version, encoding, schema, hasLedger, searchPath } = await serverFacts(db);
  if (schema === null) {
    throw new LedgerError('schema', `No schema of the search path (${searchPath}) exists. ${CREATE_SCHEMA}`);
  }
  // A separate statement: the longer a statement takes, the less accurate its clock.
  const asked = Date.now();
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
  const answered = Date.now();
  const done = hasLedger ? await migrationsIn(db, schema) : [];
  const pending = Object.keys(MIGRATIONS).filter((name) => !done.includes(name));
  if (pending.length > 0) {
    throw new LedgerError(
      'schema',
      `The ledger (schema ${schema}) lacks ${pending.length === 1 ? 'the migration' : 'the migrations'} ${pending.join(', ')}. Run \`smart-erase setup\`.`,
    );
  }
  const clock = rows[0]?.now ?? new Date(Number.NaN);
  const clockDifferenceMs = Math.max(0, asked - clock.getTime(), clock.getTime() - answered);
  return { serverVersion: version, encoding, schema, clock, clockDifferenceMs };
}
