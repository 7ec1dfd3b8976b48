import { type PriceItem, type PriceList, RESOLUTION, type Resolution } from '../contract/price-list.js';
import { priceItemsOf, RECIPE_NAMES } from '../contract/recipes.js';
import type { SaidPrices } from '../ledger/money/price-store.js';
import type { Output } from './output.js';

/** A recipe that workers book at another price than this shell. USD per minute of output. */
export interface PriceDifference {
  recipe: string;
  /** The first resolution at which the prices differ. */
  resolution: Resolution;
  usdPerMinute: number;
  workersUsdPerMinute: number;
  /** ISO 8601, the time of a worker's last report. */
  saidAt: string;
  /** False: no worker runs now; the price is the last reported one. */
  now: boolean;
}

/**
 * The recipes that workers book at other prices than `here`, for each price list in use. Undefined where no worker is known or
 * the prices are equal; the output then omits the field.
 */
export function otherPrices(
  said: readonly SaidPrices[],
  here: PriceList,
  recipes: readonly string[] = RECIPE_NAMES,
): PriceDifference[] | undefined {
  const found = said.flatMap(({ prices, saidAt, now }) =>
    differences(here, prices, recipes).map((one) => ({ ...one, saidAt: saidAt.toISOString(), now })),
  );
  return found.length === 0 ? undefined : found;
}

/** Shown before the confirmation. It refuses nothing: spending, `--max-cost` and caps use the workers' prices. */
export function tellOtherPrices(
  output: Output,
  found: readonly PriceDifference[] = [],
  estimate = 'this estimate',
): void {
  const [example] = found;
  if (example === undefined) return;
  const { recipe, resolution, usdPerMinute, workersUsdPerMinute, saidAt, now } = example;
  const others = new Set(found.map((one) => one.recipe)).size - 1;
  const who = now ? 'Workers book' : `No worker runs; the last that did, at ${saidAt}, booked`;
  const more = others === 0 ? '' : `, and ${others} more recipe${others === 1 ? '' : 's'}`;
  output.say(
    `${who} by other prices than ${estimate}: ${recipe} at ${workersUsdPerMinute} USD a minute of ${resolution}, here at ` +
      `${usdPerMinute}${more}.`,
  );
  output.say(
    'What is spent, --max-cost and caps go by the prices of the workers. For an estimate by them, set VOD_PRICE_FILE here as ' +
      'the workers have it (unset: the list prices).',
  );
}

function differences(
  here: PriceList,
  there: PriceList,
  recipes: readonly string[],
): Omit<PriceDifference, 'saidAt' | 'now'>[] {
  return recipes.flatMap((recipe) => {
    for (const items of billings(recipe)) {
      for (const [size, resolution] of RESOLUTION.entries()) {
        const usdPerMinute = perMinute(here, items, size);
        const workersUsdPerMinute = perMinute(there, items, size);
        if (usdPerMinute !== workersUsdPerMinute) return [{ recipe, resolution, usdPerMinute, workersUsdPerMinute }];
      }
    }
    return [];
  });
}

/** The possible billings of a recipe by its options; any item where its parameters decide. */
function billings(recipe: string): (readonly PriceItem[])[] {
  switch (recipe) {
    case 'raw':
    case 'smart-erase-task':
      return RECIPE_NAMES.map((name) => priceItemsOf({ name }));
    case 'subtitles-extract':
      return [['ocrExtract'], ['ocrTranslate']];
    case 'subtitles-translate':
      return [priceItemsOf({ name: recipe }), ['subtitleRemoval', 'ocrTranslate']];
    default:
      return [priceItemsOf({ name: recipe })];
  }
}

/** Rounded to remove binary fractions. */
function perMinute(prices: PriceList, items: readonly PriceItem[], size: number): number {
  return Number(items.reduce((sum, item) => sum + (prices[item].usdPerMinute[size] ?? 0), 0).toFixed(6));
}
