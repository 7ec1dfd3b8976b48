import { PRICE_LIST, type PriceItem, type PriceList, RESOLUTION, type Resolution } from '../contract/price-list.js';
import { priceItemsOf, type RawRecipe, type Recipe, type SmartEraseTaskRecipe } from '../contract/recipes.js';

/** The price-relevant data of a file. Null: the vendor reports none, or was unavailable. */
export interface MediaMeasures {
  /** Seconds. */
  durationSeconds: number | null;
  /** Pixels. */
  width: number | null;
  height: number | null;
}

export const UNKNOWN_MEASURES: MediaMeasures = { durationSeconds: null, width: null, height: null };

/**
 * Assumed length of a file of unknown length, in minutes. Ours: longer than an episode, so that a cap is reached early rather
 * than late. One such file must not use up a day's cap.
 */
export const UNKNOWN_DURATION_MINUTES = 60;

/** Longest short side of each size class, in pixels. Source: the price list's column headings; 2K ends at 1440 (judged). */
const SHORT_SIDE: readonly (readonly [Resolution, number])[] = [
  ['720p', 720],
  ['1080p', 1080],
  ['2K', 1440],
];

/**
 * Price items of each scenario of the default route, for a caller's own parameters. Source: Smart Erase tutorial (1041/58269) for
 * the scenarios, billing overview (1041/49204) for the items.
 */
const ITEMS_OF_SCENARIO: Readonly<Record<string, readonly PriceItem[]>> = {
  ai_delogo_v1: ['logoAdvanced'],
  subtitle_erase_fast: ['subtitleRemoval'],
  subtitle_erase_area: ['subtitleRemoval'],
  subtitle_extract_v1: ['ocrExtract'],
  subtitle_erase_and_translate: ['subtitleRemoval', 'ocrTranslate', 'embed'],
  subtitle_logo_erase: ['subtitleRemoval', 'logoAdvanced'],
  facial_blur: ['privacy'],
  facial_mosaic: ['privacy'],
  facial_and_numberplate_mosaic_v2: ['privacy'],
};

/**
 * The estimated price of one erase, in USD, rounded up to a millionth. Unknown data always raises the estimate: an unknown size
 * counts as 4K, an unknown length as {@link UNKNOWN_DURATION_MINUTES}, an unknown scenario or template as the most expensive one.
 *
 * @param prices USD a minute of output; default: the vendor's list price
 */
export function estimateUsd(recipe: Recipe, measures: MediaMeasures, prices: PriceList = PRICE_LIST): number {
  const size = RESOLUTION.indexOf(sizeClass(measures));
  const perMinute = (items: readonly PriceItem[]) =>
    items.reduce((sum, item) => sum + (prices[item].usdPerMinute[size] ?? 0), 0);
  const items = billedItems(recipe);
  const usdPerMinute = items === null ? Math.max(...Object.values(ITEMS_OF_SCENARIO).map(perMinute)) : perMinute(items);
  return roundedUp(usdPerMinute * minutesOf(measures));
}

export function sizeClass({ width, height }: MediaMeasures): Resolution {
  const shortSide = Math.min(width ?? 0, height ?? 0);
  if (!(shortSide > 0)) return '4K';
  return SHORT_SIDE.find(([, longest]) => shortSide <= longest)?.[0] ?? '4K';
}

/** The vendor reports a length of 0 for a file that it has not analysed yet. */
function minutesOf({ durationSeconds }: MediaMeasures): number {
  return durationSeconds !== null && durationSeconds > 0 ? durationSeconds / 60 : UNKNOWN_DURATION_MINUTES;
}

/** Null where the price is unknown. */
function billedItems(recipe: Recipe): readonly PriceItem[] | null {
  switch (recipe.name) {
    case 'raw':
      return itemsOfRaw(recipe);
    case 'smart-erase-task':
      return itemsOfTyped(recipe);
    default:
      return priceItemsOf(recipe);
  }
}

function itemsOfRaw({ params }: RawRecipe): readonly PriceItem[] | null {
  const delogo = params.AiAnalysisTask.ExtendedParameter?.delogo;
  // Without a scenario, the vendor applies the basic logo removal.
  if (delogo?.CustomerAppId === undefined) return ['logoBasic'];
  const scenario = String(delogo.CustomerAppId);
  const items = Object.hasOwn(ITEMS_OF_SCENARIO, scenario) ? ITEMS_OF_SCENARIO[scenario] : undefined;
  if (items === undefined) return null;
  const subtitles = delogo.subtitle_param as Record<string, unknown> | null | undefined;
  if (scenario === 'subtitle_extract_v1' && subtitles?.translate_dst_language) return ['ocrTranslate'];
  return items;
}

/** Only the vendor knows the content of a template and of its overrides. */
function itemsOfTyped({ rawParameter: raw }: SmartEraseTaskRecipe): readonly PriceItem[] | null {
  switch (raw?.EraseType) {
    case 'subtitle': {
      const config = raw.EraseSubtitleConfig as Record<string, unknown> | undefined;
      if (config?.TransSwitch === 'ON') return ['subtitleRemoval', 'ocrTranslate'];
      return config?.OcrSwitch === 'ON' ? ['subtitleRemoval', 'ocrExtract'] : ['subtitleRemoval'];
    }
    case 'watermark': {
      const config = raw.EraseWatermarkConfig as Record<string, unknown> | undefined;
      return config?.WatermarkModel === 'basic' ? ['logoBasic'] : ['logoAdvanced'];
    }
    case 'privacy':
      return ['privacy'];
    default:
      return null;
  }
}

/** Removes binary rounding errors first: 0.30000000000000004 is not 0.300001. */
function roundedUp(usd: number): number {
  return Math.ceil(Number((usd * 1_000_000).toFixed(3))) / 1_000_000;
}
