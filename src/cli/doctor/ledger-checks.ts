import { shownDatabase } from '../../config/database-address.js';
import type { PriceList } from '../../contract/price-list.js';
import type { Ledger } from '../../ledger/ledger.js';
import { openLedger } from '../../ledger/postgres-ledger.js';
import { otherPrices } from '../other-prices.js';
import { type Check, failedBy, ok, warn } from './check.js';

/** The pace goes by the database's clock; only what a person reads goes by ours. Seconds. */
const MAX_CLOCK_DIFFERENCE = 5;

/** @param prices of this shell; null where they cannot be read */
export async function ledgerChecks(
  databaseUrl: string,
  namespace?: string,
  prices: PriceList | null = null,
): Promise<Check[]> {
  const ledger = openLedger(databaseUrl, { namespace });
  try {
    const { serverVersion, clock } = await ledger.check();
    const found = `PostgreSQL ${serverVersion} at ${shownDatabase(databaseUrl)}, migrated`;
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
    const check =
      seconds <= MAX_CLOCK_DIFFERENCE
        ? ok('Ledger', found)
        : warn('Ledger', `${found}; its clock differs from ours by ${seconds} s`, 'Synchronise the clocks (NTP).');
    return [check, ...shared, ...(await priceChecks(ledger, prices))];
  } catch (error) {
    return [failedBy('Ledger', error)];
  } finally {
    await ledger.close();
  }
}

/** Nothing where all have the same prices, and where no worker is known. */
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
