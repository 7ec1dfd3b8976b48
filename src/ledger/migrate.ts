import { type Kysely, Migrator, sql } from 'kysely';
import { openDatabase } from './database.js';
import { LedgerError, toLedgerError } from './ledger-error.js';
import { MIGRATIONS } from './migrations/index.js';
import type { LedgerDatabase } from './schema.js';

function migratorOf(db: Kysely<LedgerDatabase>): Migrator {
  return new Migrator({
    db,
    provider: { getMigrations: async () => MIGRATIONS },
    migrationTableName: 'ledger_migration',
    migrationLockTableName: 'ledger_migration_lock',
  });
}

/** Temporal's own. */
export const DEFAULT_NAMESPACE = 'default';
/** Tables whose rows are about a namespace's runs. */
const OF_A_NAMESPACE = ['submission', 'hold', 'waiter', 'run_phase', 'watch', 'batch'];
/** Rows of one statement, so that none of a large ledger takes longer than a statement may. */
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
  const db = openDatabase(databaseUrl, { maxConnections: 2 });
  try {
    const { error, results } = await migratorOf(db).migrateToLatest();
    if (error instanceof Error && /corrupted migrations/.test(error.message)) {
      throw new LedgerError(
        'schema',
        'The ledger was migrated by a newer version of this program. Upgrade the program, or point DATABASE_URL at its own database.',
      );
    }
    if (error !== undefined) throw toLedgerError(error, 'migrate the ledger');
    for (const table of OF_A_NAMESPACE) await stamp(db, table, namespace);
    return (results ?? []).filter((r) => r.status === 'Success').map((r) => r.migrationName);
  } catch (error) {
    throw toLedgerError(error, 'migrate the ledger');
  } finally {
    await db.destroy();
  }
}

async function stamp(db: Kysely<LedgerDatabase>, table: string, namespace: string): Promise<void> {
  for (;;) {
    // In one order, so that two who stamp at once do not wait for each other.
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

/**
 * Migrations that this program knows and the database lacks.
 *
 * @throws LedgerError when the database cannot be reached
 */
export async function pendingMigrations(db: Kysely<LedgerDatabase>): Promise<string[]> {
  try {
    const migrations = await migratorOf(db).getMigrations();
    return migrations.filter((m) => m.executedAt === undefined).map((m) => m.name);
  } catch (error) {
    throw toLedgerError(error, 'read the ledger’s schema version');
  }
}
