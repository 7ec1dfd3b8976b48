/**
 * The international list price of Smart Erase, in USD for a minute of output, by the short side of the video.
 * Source: Tencent Cloud MPS, "Billing overview", section Smart Erase (document 1041/49204). Contracts differ.
 */

export const RESOLUTION = ['720p', '1080p', '2K', '4K'] as const;
export type Resolution = (typeof RESOLUTION)[number];

export interface PriceRow {
  readonly title: string;
  /** USD a minute, in the order of {@link RESOLUTION}. */
  readonly usdPerMinute: readonly [number, number, number, number];
}

const flat = (usd: number): PriceRow['usdPerMinute'] => [usd, usd, usd, usd];

export const PRICE_LIST = {
  subtitleRemoval: { title: 'subtitle removal', usdPerMinute: [0.2239, 0.4478, 0.8955, 0.8955] },
  logoAdvanced: { title: 'logo removal, advanced', usdPerMinute: [0.2239, 0.4478, 0.8955, 0.8955] },
  logoBasic: { title: 'logo removal, basic', usdPerMinute: [0.03, 0.05, 0.1, 0.21] },
  privacy: { title: 'faces and plates', usdPerMinute: [0.1493, 0.2985, 0.597, 0.597] },
  ocrExtract: { title: 'subtitles read (OCR)', usdPerMinute: flat(0.0896) },
  ocrTranslate: { title: 'subtitles read and translated', usdPerMinute: flat(0.1194) },
  embed: { title: 'subtitles embedded', usdPerMinute: flat(0.0094) },
} as const satisfies Record<string, PriceRow>;

export type PriceItem = keyof typeof PRICE_LIST;

/** A price for every item: the list above, or a company's contract. */
export type PriceList = Readonly<Record<PriceItem, PriceRow>>;
