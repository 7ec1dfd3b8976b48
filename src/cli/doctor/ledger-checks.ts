import { withoutPassword } from '../../config/describe-settings.js';
import { openLedger } from '../../ledger/postgres-ledger.js';
import { type Check, failedBy, ok, warn } from './check.js';

/** The pace goes by the database's clock; only what a person reads goes by ours. Seconds. */
const MAX_CLOCK_DIFFERENCE = 5;

export async function ledgerChecks(databaseUrl: string, namespace?: string): Promise<Check[]> {
  const ledger = openLedger(databaseUrl);
  try {
    const { serverVersion, clock } = await ledger.check();
    const found = `PostgreSQL ${serverVersion} at ${withoutPassword(databaseUrl)}, migrated`;
    const others = (await ledger.state.namespaces()).filter((each) => each !== namespace);
    const shared =
      namespace === undefined || others.length === 0
        ? []
        : [
            ok(
              'Shared ledger',
              `also has rows of ${others.length === 1 ? 'the namespace' : 'the namespaces'} ${others.join(', ')}`,
            ),
          ];
    const seconds = Math.round(Math.abs(clock.getTime() - Date.now()) / 1_000);
    if (seconds <= MAX_CLOCK_DIFFERENCE) return [ok('Ledger', found), ...shared];
    return [
      warn('Ledger', `${found}; its clock differs from ours by ${seconds} s`, 'Synchronise the clocks (NTP).'),
      ...shared,
    ];
  } catch (error) {
    return [failedBy('Ledger', error)];
  } finally {
    await ledger.close();
  }
}
