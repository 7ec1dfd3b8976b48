import { type Kysely, sql, type Transaction } from 'kysely';
import { openDatabase } from './database.js';
import { causeOf } from './error-causes.js';
import { LedgerError, ledgerErrorOf, toLedgerError } from './ledger-error.js';
import { MIGRATIONS } from './migrations/index.js';
import type { LedgerDatabase } from './schema.js';
import { CREATE_SCHEMA, MIGRATION_TABLE, migrationsIn, type ServerFacts, serverFacts } from './server-facts.js';

/** Concurrent migrations are serialised; earlier releases take the same lock. */
const MIGRATION_LOCK = '3853314791062309107';
/** Longest wait for that lock, or for a table, in milliseconds. */
const LOCK_TIMEOUT_MS = 30_000;
/** Longest time of one statement in milliseconds: an index over a large ledger takes a while. */
const STATEMENT_TIMEOUT_MS = 15 * 60_000;

/** Temporal's own. */
export const DEFAULT_NAMESPACE = 'default';
/** Tables whose rows are about a namespace's runs. */
const OF_A_NAMESPACE = ['submission', 'hold', 'waiter', 'run_phase', 'watch', 'batch'];
/** Rows of one statement, so that it stays below the statement timeout on a large ledger. */
const STAMPED_AT_ONCE = 10_000;

/**
 * Brings the ledger at `databaseUrl` to this program's schema. Safe to run at any time and from several processes at once.
 *
 * @param options.namespace Temporal's: that of rows which were written before they had one
 * @returns names of the migrations that were applied; empty when there was nothing to do
 * @throws LedgerError when the database cannot be reached, is newer than this program, or a migration fails (its transaction is
 *   then undone)
 */
export async function migrateLedger(
  databaseUrl: string,
  { namespace = DEFAULT_NAMESPACE }: { namespace?: string } = {},
): Promise<string[]> {
  const db = openDatabase(databaseUrl, { maxConnections: 2, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  try {
    const applied = await db.transaction().execute(migrate);
    for (const table of OF_A_NAMESPACE) await stamp(db, table, namespace);
    return applied;
  } catch (error) {
    throw migrationError(error);
  } finally {
    await db.destroy();
  }
}

/** All in one transaction, or nothing. */
async function migrate(trx: Transaction<LedgerDatabase>): Promise<string[]> {
  await sql`select set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, true)`.execute(trx);
  await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`.execute(trx);
  const facts = await serverFacts(trx);
  const home = schemaFor(facts);
  await sql`select set_config('search_path', quote_ident(${home}) || ', ' || current_setting('search_path'), true)`.execute(
    trx,
  );
  await sql`create table if not exists ${sql.table(MIGRATION_TABLE)}
    (name varchar(255) primary key, timestamp varchar(255) not null)`.execute(trx);
  const done = await migrationsIn(trx, home);
  if (done.length > 0 && !done.some((name) => name in MIGRATIONS)) {
    throw new LedgerError('schema', `The table ${home}.${MIGRATION_TABLE} is another program's. ${ELSEWHERE}`);
  }
  if (done.some((name) => !(name in MIGRATIONS))) {
    throw new LedgerError(
      'schema',
      'The ledger was migrated by a newer version of this program. Upgrade the program, or point DATABASE_URL at its own database.',
    );
  }
  const pending = Object.keys(MIGRATIONS).filter((name) => !done.includes(name));
  for (const name of pending) {
    await MIGRATIONS[name]?.up(trx);
    const at = new Date().toISOString();
    await sql`insert into ${sql.table(MIGRATION_TABLE)} (name, timestamp) values (${name}, ${at})`.execute(trx);
  }
  return pending;
}

const ELSEWHERE =
  'Give the ledger a database of its own, or a schema: create schema smart_erase, and ?search_path=smart_erase behind DATABASE_URL.';

/** @throws LedgerError when no ledger can be created or kept there */
function schemaFor(facts: ServerFacts): string {
  const { schema, encoding, hasLedger } = facts;
  if (schema === null) {
    throw new LedgerError('schema', `No schema of the search path (${facts.searchPath}) exists. ${CREATE_SCHEMA}`);
  }
  if (!hasLedger && encoding !== 'UTF8') {
    throw new LedgerError(
      'schema',
      `The database is ${encoding}, which cannot keep every text. Make one that is UTF8: create database smart_erase encoding 'UTF8' template template0.`,
    );
  }
  return schema;
}

/** Without the hint to migrate. */
function migrationError(error: unknown): unknown {
  const doing = 'migrate the ledger';
  if (error instanceof LedgerError) return error;
  const { code, message } = (error ?? {}) as { code?: string; message?: string };
  const cause = causeOf(error);
  if (code === '42P07' || code === '42710') {
    const what = 'another program has a table or index of that name';
    return ledgerErrorOf({ ...cause, kind: 'schema', what, advice: ELSEWHERE }, error, doing);
  }
  if (code === '42501' && /schema/.test(message ?? '')) {
    const advice =
      'Let its owner run: grant usage, create on schema SCHEMA to USER; or give the ledger a schema of its own.';
    return ledgerErrorOf({ ...cause, advice }, error, doing);
  }
  if (cause.kind === 'schema' && code?.startsWith('42')) {
    const what = 'its tables are not those that its list of migrations says';
    const advice = 'Were some removed or changed by hand, or are there tables of another program? Restore them.';
    return ledgerErrorOf({ ...cause, what, advice }, error, doing);
  }
  return toLedgerError(error, doing);
}

async function stamp(db: Kysely<LedgerDatabase>, table: string, namespace: string): Promise<void> {
  for (;;) {
    // In one order, so that concurrent updates do not deadlock.
    const { numAffectedRows } = await sql`
      update ${sql.table(table)} set namespace = ${namespace} where namespace = '' and ctid = any(array(
        select ctid from ${sql.table(table)} where namespace = '' order by ctid limit ${STAMPED_AT_ONCE} for update
      ))`.execute(db);
    if ((numAffectedRows ?? 0n) === 0n) return;
  }
}

/** Namespaces of the rows that are there. */
export async function namespacesIn(db: Kysely<LedgerDatabase>): Promise<string[]> {
  const each = OF_A_NAMESPACE.map((table) => sql`select namespace from ${sql.table(table)}`);
  const { rows } = await sql<{ namespace: string }>`
    select distinct namespace from (${sql.join(each, sql` union `)}) as any_of_them where namespace <> '' order by 1`.execute(
    db,
  );
  return rows.map((row) => row.namespace);
}
