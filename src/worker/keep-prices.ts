import type { PriceList } from '../contract/price-list.js';
import type { Ledger } from '../ledger/index.js';

/** Interval of the reports, in milliseconds. */
const SAY_EVERY_MS = 60_000;

/** Reports to the ledger the prices by which this worker books, now and every minute. Ends with `stopping`. */
export function keepPrices({ prices }: Pick<Ledger, 'prices'>, list: PriceList, stopping: AbortSignal): void {
  if (stopping.aborted) return;
  // Other parts report an unavailable ledger; the next attempt follows.
  const say = () => void prices.say(list).catch(() => {});
  say();
  const timer = setInterval(say, SAY_EVERY_MS);
  timer.unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
}
