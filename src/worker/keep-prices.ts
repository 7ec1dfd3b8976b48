import type { PriceList } from '../contract/price-list.js';
import type { Ledger } from '../ledger/index.js';

/** From one word to the next, in milliseconds. */
const SAY_EVERY_MS = 60_000;

/** Says in the ledger what prices this worker books by, now and every minute. Ends with `stopping`. */
export function keepPrices({ prices }: Pick<Ledger, 'prices'>, list: PriceList, stopping: AbortSignal): void {
  if (stopping.aborted) return;
  // A ledger that is away is noticed by everybody else; the next word may reach it.
  const say = () => void prices.say(list).catch(() => {});
  say();
  const timer = setInterval(say, SAY_EVERY_MS);
  timer.unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
}
