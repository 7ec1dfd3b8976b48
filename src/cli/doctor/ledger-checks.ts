import { shownDatabase } from '../../config/database-address.js';
import { EXIT } from '../../contract/error-classes.js';
import type { PriceList } from '../../contract/price-list.js';
import type { LedgerInspection } from '../../ledger/db/inspect.js';
import type { Ledger } from '../../ledger/index.js';
import { openLedger } from '../../ledger/index.js';
import { otherPrices } from '../other-prices.js';
import { type Check, fail, failedBy, ok, warn } from './check.js';

/** Maximum clock difference in seconds. Rate and settle time use the database's clock; ours affects only displayed times. */
const MAX_CLOCK_DIFFERENCE = 5;

/** @param prices of this shell; null where they are unreadable */
export async function ledgerChecks(
  databaseUrl: string,
  namespace?: string,
  prices: PriceList | null = null,
): Promise<Check[]> {
  const ledger = openLedger(databaseUrl, { namespace });
  try {
    const { serverVersion, schema, encoding, clockDifferenceMs } = await ledger.check();
    const within = schema === 'public' ? '' : `, schema ${schema}`;
    const database = await databaseChecks(databaseUrl, encoding);
    const found = `PostgreSQL ${serverVersion} at ${shownDatabase(databaseUrl)}${within}, migrated`;
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
    const seconds = Math.round(clockDifferenceMs / 1_000);
    const check =
      seconds <= MAX_CLOCK_DIFFERENCE
        ? ok('Ledger', found)
        : warn('Ledger', `${found}; its clock differs from ours by ${seconds} s`, 'Synchronise the clocks (NTP).');
    return [check, ...database, ...shared, ...(await priceChecks(ledger, prices))];
  } catch (error) {
    return [failedBy('Ledger', error)];
  } finally {
    await ledger.close();
  }
}

/** Problems of the database. @throws LedgerError when it is not writable */
async function databaseChecks(databaseUrl: string, encoding: string): Promise<Check[]> {
  const { inspectLedger } = await import('../../ledger/db/inspect.js');
  const seen = await inspectLedger(databaseUrl);
  const checks: Check[] = [];
  if (seen.pooled) checks.push(ok('Ledger pooler', 'a pooler stands between; nothing here depends on a session'));
  if (seen.overNetwork && !seen.verified) {
    const found = seen.tls ? 'encrypted, but the certificate of the server is not checked' : 'not encrypted';
    checks.push(warn('Ledger connection', found, 'Use sslmode=verify-full in DATABASE_URL: docs/deploy.md.'));
  }
  if (encoding !== 'UTF8') {
    const advice = `Move it to a database that is UTF8 (pg_dump, create database … encoding 'UTF8' template template0).`;
    const found = `the database is ${encoding}: names in other writings cannot be kept`;
    checks.push(
      encoding === 'SQL_ASCII'
        ? warn('Ledger encoding', found, advice)
        : fail('Ledger encoding', found, advice, EXIT.configuration),
    );
  }
  checks.push(...rightsChecks(seen));
  return checks;
}

function rightsChecks({ missingRights, mayCreate, mayCreateTemporary, schema, user }: LedgerInspection): Check[] {
  const checks: Check[] = [];
  if (missingRights.length > 0) {
    const found = `${user} lacks ${missingRights.join(', ')}`;
    const advice = `grant select, insert, update, delete on all tables in schema ${schema} to ${user};`;
    checks.push(fail('Ledger rights', found, advice, EXIT.configuration));
  }
  const lacking = [
    ...(mayCreate ? [] : [`grant create on schema ${schema} to ${user}; (batch plan and start make tables)`]),
    ...(mayCreateTemporary
      ? []
      : [`grant temporary on database … to ${user}; (batch redrive makes a temporary table)`]),
  ];
  if (lacking.length > 0) {
    checks.push(warn('Ledger rights', `${user} may not make tables, which batches need`, lacking.join(' ')));
  }
  return checks;
}

/** Empty where all price lists are equal, or no worker is known. */
async function priceChecks(ledger: Ledger, here: PriceList | null): Promise<Check[]> {
  const said = await ledger.prices.said();
  const [first, ...others] = said;
  if (first === undefined) return [];
  const [between] = otherPrices(others, first.prices) ?? [];
  if (between !== undefined) {
    const { recipe, resolution, usdPerMinute, workersUsdPerMinute } = between;
    const found = `workers book by ${said.length} price lists: ${recipe} at ${usdPerMinute} and at ${workersUsdPerMinute} USD a minute of ${resolution}`;
    return [
      warn('Prices', found, 'Give all workers the same VOD_PRICE_FILE; one that has ended counts for three minutes.'),
    ];
  }
  const [other] = (here === null ? undefined : otherPrices(said, here)) ?? [];
  if (other === undefined) return [];
  const { recipe, resolution, usdPerMinute, workersUsdPerMinute } = other;
  const found = `workers book ${recipe} at ${workersUsdPerMinute} USD a minute of ${resolution}, and plans made here say ${usdPerMinute}`;
  return [warn('Prices', found, 'Set VOD_PRICE_FILE here as the workers have it; unset, it is the list prices.')];
}
