import { describe, expect, it } from 'vitest';
import { PRICE_LIST, type PriceList, RESOLUTION } from '../../src/contract/price-list.js';
import { RECIPE_NAMES, type Recipe } from '../../src/contract/recipes.js';
import { estimateUsd, sizeClass, UNKNOWN_DURATION_MINUTES, UNKNOWN_MEASURES } from '../../src/tencent-vod/cost.js';

const SIZES = {
  '720p': { width: 1280, height: 720 },
  '1080p': { width: 1920, height: 1080 },
  '2K': { width: 2560, height: 1440 },
  '4K': { width: 3840, height: 2160 },
} as const;
const ONE_MINUTE = { durationSeconds: 60 };

const raw = (delogo?: Record<string, unknown>): Recipe => ({
  name: 'raw',
  params: { AiAnalysisTask: { Definition: 25, ...(delogo && { ExtendedParameter: { delogo } }) } },
});
const typed = (rawParameter?: Record<string, unknown>): Recipe => ({
  name: 'smart-erase-task',
  definition: rawParameter === undefined ? 301 : 0,
  rawParameter,
});

const SUBTITLES = [0.2239, 0.4478, 0.8955, 0.8955];
const LOGO = [0.2239, 0.4478, 0.8955, 0.8955];
const LOGO_BASIC = [0.03, 0.05, 0.1, 0.21];
const PRIVACY = [0.1493, 0.2985, 0.597, 0.597];
const OCR = [0.0896, 0.0896, 0.0896, 0.0896];
const TRANSLATE = [0.1194, 0.1194, 0.1194, 0.1194];
const BOTH = [0.4478, 0.8956, 1.791, 1.791];

/** USD a minute for 720p, 1080p, 2K and 4K, as on the vendor's price page. */
const TABLE: [string, Recipe, number[]][] = [
  ['logo-basic', { name: 'logo-basic' }, LOGO_BASIC],
  ['logo', { name: 'logo' }, LOGO],
  ['subtitles', { name: 'subtitles' }, SUBTITLES],
  ['subtitles-area', { name: 'subtitles-area' }, SUBTITLES],
  ['subtitles-extract', { name: 'subtitles-extract', format: 'vtt' }, OCR],
  ['subtitles-extract, translated', { name: 'subtitles-extract', format: 'vtt', translate: { to: 'en' } }, TRANSLATE],
  ['subtitles-translate', { name: 'subtitles-translate', translate: { to: 'en' } }, [0.3527, 0.5766, 1.0243, 1.0243]],
  [
    'subtitles-translate, not drawn',
    { name: 'subtitles-translate', translate: { to: 'en' }, embed: { draw: false } },
    [0.3433, 0.5672, 1.0149, 1.0149],
  ],
  ['subtitles-and-logo', { name: 'subtitles-and-logo' }, BOTH],
  ['faces-blur', { name: 'faces-blur' }, PRIVACY],
  ['faces-mosaic', { name: 'faces-mosaic' }, PRIVACY],
  ['faces-and-plates-mosaic', { name: 'faces-and-plates-mosaic' }, PRIVACY],
  ['raw without a scenario', raw(), LOGO_BASIC],
  ['raw ai_delogo_v1', raw({ CustomerAppId: 'ai_delogo_v1' }), LOGO],
  ['raw subtitle_erase_fast', raw({ CustomerAppId: 'subtitle_erase_fast' }), SUBTITLES],
  ['raw subtitle_erase_area', raw({ CustomerAppId: 'subtitle_erase_area' }), SUBTITLES],
  ['raw subtitle_extract_v1', raw({ CustomerAppId: 'subtitle_extract_v1' }), OCR],
  [
    'raw subtitle_extract_v1, translated',
    raw({ CustomerAppId: 'subtitle_extract_v1', subtitle_param: { translate_dst_language: 'en' } }),
    TRANSLATE,
  ],
  [
    'raw subtitle_erase_and_translate',
    raw({ CustomerAppId: 'subtitle_erase_and_translate' }),
    [0.3527, 0.5766, 1.0243, 1.0243],
  ],
  ['raw subtitle_logo_erase', raw({ CustomerAppId: 'subtitle_logo_erase' }), BOTH],
  ['raw facial_blur', raw({ CustomerAppId: 'facial_blur' }), PRIVACY],
  ['raw of a scenario that nobody knows: the dearest', raw({ CustomerAppId: 'constructor' }), BOTH],
  ['smart-erase-task subtitle', typed({ EraseType: 'subtitle' }), SUBTITLES],
  [
    'smart-erase-task subtitle, translated',
    typed({ EraseType: 'subtitle', EraseSubtitleConfig: { OcrSwitch: 'ON', TransSwitch: 'ON' } }),
    [0.3433, 0.5672, 1.0149, 1.0149],
  ],
  ['smart-erase-task watermark', typed({ EraseType: 'watermark' }), LOGO],
  [
    'smart-erase-task watermark, basic',
    typed({ EraseType: 'watermark', EraseWatermarkConfig: { WatermarkModel: 'basic' } }),
    LOGO_BASIC,
  ],
  ['smart-erase-task privacy', typed({ EraseType: 'privacy' }), PRIVACY],
  ['smart-erase-task of a template: the dearest', typed(), BOTH],
];

describe('the estimate of', () => {
  it.each(TABLE)('%s is the list price, by size', (_what, recipe, usd) => {
    const estimated = RESOLUTION.map((size) => estimateUsd(recipe, { ...ONE_MINUTE, ...SIZES[size] }));
    expect(estimated).toEqual(usd);
  });

  it('every recipe is in that table', () => {
    const shown = new Set(TABLE.map(([, { name }]) => name));
    expect([...shown].toSorted()).toEqual([...RECIPE_NAMES].toSorted());
  });

  it('a file goes by the seconds, up to a millionth of a dollar', () => {
    const of = (durationSeconds: number) => estimateUsd({ name: 'subtitles' }, { ...SIZES['720p'], durationSeconds });
    expect(of(10)).toBe(0.037317);
    expect(of(5_400.5)).toBe(20.152866);
  });

  it('an unknown size is that of 4K, of an unknown length that of an hour; never nothing', () => {
    const of = (measures: Parameters<typeof estimateUsd>[1]) => estimateUsd({ name: 'logo-basic' }, measures);
    expect(UNKNOWN_DURATION_MINUTES).toBe(60);
    expect(of({ durationSeconds: 60, width: null, height: null })).toBe(0.21);
    expect(of({ durationSeconds: 60, width: 0, height: 0 })).toBe(0.21);
    expect(of({ durationSeconds: null, ...SIZES['720p'] })).toBe(1.8);
    expect(of({ durationSeconds: 0, ...SIZES['720p'] })).toBe(1.8);
    expect(of(UNKNOWN_MEASURES)).toBe(12.6);
  });

  it('a list of one’s own is by that list, the dearest included', () => {
    const prices = {
      ...PRICE_LIST,
      subtitleRemoval: { title: 'by contract', usdPerMinute: [0.1, 0.2, 0.3, 0.4] },
      privacy: { title: 'by contract', usdPerMinute: [5, 5, 5, 5] },
    } as const satisfies PriceList;
    const measures = { ...ONE_MINUTE, ...SIZES['1080p'] };
    expect(estimateUsd({ name: 'subtitles' }, measures, prices)).toBe(0.2);
    expect(estimateUsd(raw({ CustomerAppId: 'new_one' }), measures, prices)).toBe(5);
  });
});

describe('the size class', () => {
  it.each([
    [{ width: 1280, height: 720 }, '720p'],
    [{ width: 720, height: 1280 }, '720p'],
    [{ width: 1281, height: 721 }, '1080p'],
    [{ width: 1080, height: 1920 }, '1080p'],
    [{ width: 1920, height: 1081 }, '2K'],
    [{ width: 2560, height: 1440 }, '2K'],
    [{ width: 2561, height: 1441 }, '4K'],
    [{ width: 7680, height: 4320 }, '4K'],
    [{ width: 1280, height: null }, '4K'],
  ])('of %o is by its short side', (size, expected) => {
    expect(sizeClass({ durationSeconds: 1, ...size })).toBe(expected);
  });
});
