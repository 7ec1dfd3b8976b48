import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { canonicalJson } from '../../contract/identity.js';
import { PRICE_LIST, type PriceItem, type PriceList, type PriceRow } from '../../contract/price-list.js';
import { guarded } from '../db/ledger-error.js';
import { jsonText } from '../db/parameters.js';
import type { LedgerDatabase } from '../db/schema.js';

/** How long a worker's report is valid, in minutes: each worker reports every minute. */
const SAID_WITHIN_MINUTES = 3;

/** What of a price list decides a price: USD a minute of every item, by resolution. */
type Rates = Readonly<Record<PriceItem, PriceRow['usdPerMinute']>>;

/** A price list that workers use. */
export interface SaidPrices {
  /** With the titles of the built-in list. */
  prices: PriceList;
  /** When a worker last said so. */
  saidAt: Date;
  /** False: no worker has said anything for minutes, and this is the last that one said. */
  now: boolean;
}

/** The price lists that workers use, to warn a planner that uses another. Every method throws a `LedgerError`. */
export interface PriceStore {
  /** A worker uses this list now. */
  say(prices: PriceList): Promise<void>;
  /** Newest first: what workers say now, or else the last that one said. Empty: no worker is known. */
  said(): Promise<SaidPrices[]>;
}

const ITEMS = Object.keys(PRICE_LIST) as PriceItem[];

function ratesOf(prices: PriceList): Rates {
  return Object.fromEntries(ITEMS.map((item) => [item, prices[item].usdPerMinute])) as unknown as Rates;
}

/** An item that the worker's version does not know costs nothing there. */
function listOf(rates: Partial<Rates>): PriceList {
  return Object.fromEntries(
    ITEMS.map((item) => [item, { title: PRICE_LIST[item].title, usdPerMinute: rates[item] ?? [0, 0, 0, 0] }]),
  ) as unknown as PriceList;
}

export function priceStore(db: Kysely<LedgerDatabase>, namespace: string): PriceStore {
  return {
    async say(prices) {
      const rates = ratesOf(prices);
      const fingerprint = createHash('sha256').update(canonicalJson(rates), 'utf8').digest('hex');
      await guarded('say what prices a worker books by', () =>
        sql`
          insert into worker_prices (namespace, fingerprint, prices)
          values (${namespace}, ${fingerprint}, ${jsonText(rates)}::jsonb)
          on conflict (namespace, fingerprint) do update set seen_at = clock_timestamp()`.execute(db),
      );
    },
    async said() {
      const { rows } = await guarded('read what prices workers book by', () =>
        sql<{ rates: Partial<Rates>; saidAt: Date; now: boolean }>`
          with known as (
            select prices, seen_at, seen_at > clock_timestamp() - make_interval(mins => ${SAID_WITHIN_MINUTES}::integer) as now
            from worker_prices where namespace = ${namespace})
          select prices as rates, seen_at as "saidAt", now from known
          where now or seen_at = (select max(seen_at) from known) order by seen_at desc`.execute(db),
      );
      return rows.map(({ rates, saidAt, now }) => ({ prices: listOf(rates), saidAt, now }));
    },
  };
}
