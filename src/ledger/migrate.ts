import { type Kysely, Migrator } from 'kysely';
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

/**
 * Brings the ledger at `databaseUrl` to this program's schema. Safe to run at any time and from several processes at once.
 *
 * @returns names of the migrations that were applied; empty when there was nothing to do
 * @throws LedgerError when the database cannot be reached, is newer than this program, or a migration fails (its transaction is
 *   then undone)
 */
export async function migrateLedger(databaseUrl: string): Promise<string[]> {
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
    return (results ?? []).filter((r) => r.status === 'Success').map((r) => r.migrationName);
  } catch (error) {
    throw toLedgerError(error, 'migrate the ledger');
  } finally {
    await db.destroy();
  }
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
