import { describe, expect, test } from 'vitest';
import { PRICE_LIST } from '../../src/contract/price-list.js';
import { normalizeRecipe, recipeSchema } from '../../src/contract/recipe-schema.js';
import { makesVideo, priceItemsOf, RECIPE_NAMES, RECIPES, type RecipeName } from '../../src/contract/recipes.js';
import { parseEraseRequest } from '../../src/contract/request-schema.js';

const AREA = { left: 0.1, top: 0.6, right: 0.9, bottom: 0.95 };
const DELOGO = { AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: { CustomerAppId: 'facial_blur' } } } };

/** The least that each recipe needs. */
const LEAST: Partial<Record<RecipeName, object>> = {
  raw: { params: DELOGO },
  'smart-erase-task': { definition: 301 },
};

function refusal(recipe: unknown): string {
  const parsed = parseEraseRequest({ fileId: '1', subAppId: 1, recipe });
  return parsed.ok ? 'accepted' : parsed.problems.map(({ message }) => message).join('\n');
}

describe('every recipe', () => {
  test.each(RECIPE_NAMES)('%s is accepted with the least that it needs, and normalises to itself', (name) => {
    const recipe = normalizeRecipe({ name, ...LEAST[name] });
    expect(normalizeRecipe(recipe)).toEqual(recipe);
  });

  test.each(RECIPE_NAMES)('%s refuses an option that it does not have', (name) => {
    expect(refusal({ name, ...LEAST[name], wobble: 1 })).toContain('recipe.wobble is not known here');
  });

  test('documents exactly the options that its schema takes', () => {
    for (const option of recipeSchema.options) {
      const names = [...option.shape.name.values] as RecipeName[];
      const taken = Object.keys(option.shape).filter((key) => key !== 'name');
      for (const name of names) {
        expect({ name, options: Object.keys(RECIPES[name].options).sort() }).toEqual({ name, options: taken.sort() });
      }
    }
    expect(recipeSchema.options.flatMap((option) => [...option.shape.name.values])).toEqual(RECIPE_NAMES);
  });

  test('is billed by rows of the price list', () => {
    for (const name of RECIPE_NAMES) {
      for (const item of RECIPES[name].priceItems) {
        expect(PRICE_LIST[item].usdPerMinute).toHaveLength(4);
      }
    }
  });
});

describe('areas', () => {
  test.each([
    [{ ...AREA, left: 0.95 }, 'is empty'],
    [{ ...AREA, bottom: 0.6 }, 'is empty'],
    [{ left: 0.5, top: 10, right: 100, bottom: 20 }, 'mixes ratios'],
    [{ ...AREA, left: -0.1 }, 'recipe.areas[0].left'],
    [{ ...AREA, right: 99_999 }, 'recipe.areas[0].right'],
    [{ left: 0, top: 0, right: 1 }, 'recipe.areas[0].bottom is missing'],
    [{ ...AREA, left: '0.1' }, 'must be a number'],
    [{ ...AREA, type: 'logo' }, 'recipe.areas[0].type is not known here'],
  ])('%j are refused: %s', (area, why) => {
    expect(refusal({ name: 'subtitles', areas: [area] })).toContain(why);
  });

  test('may be pixels that begin at zero', () => {
    expect(refusal({ name: 'logo', areas: [{ left: 0, top: 0, right: 200, bottom: 90 }] })).toBe('accepted');
  });

  test('are at least one and at most ten', () => {
    expect(refusal({ name: 'logo', areas: [] })).toContain('leave it out');
    expect(refusal({ name: 'logo', areas: Array(11).fill(AREA) })).toContain('at most 10');
  });

  test('that are timed may not end at 1, which is a pixel there', () => {
    const timedAreas = [{ areas: [{ left: 0, top: 0, right: 1, bottom: 1 }] }];
    expect(refusal({ name: 'subtitles', timedAreas })).toContain('0.9999');
  });

  test('that are timed have to begin before they end', () => {
    expect(refusal({ name: 'subtitles', timedAreas: [{ beginMs: 5, endMs: 5, areas: [AREA] }] })).toContain(
      'ends before',
    );
  });

  test('hold text unless they say logo, where both are erased', () => {
    expect(normalizeRecipe({ name: 'subtitles-and-logo', areas: [AREA, { ...AREA, type: 'logo' }] })).toEqual({
      name: 'subtitles-and-logo',
      areas: [
        { ...AREA, type: 'text' },
        { ...AREA, type: 'logo' },
      ],
    });
  });
});

describe('other options', () => {
  test.each([
    [{ name: 'subtitles', textHeight: {} }, 'needs min, max or both'],
    [{ name: 'subtitles', textHeight: { min: 0.5, max: 0.1 } }, 'is empty'],
    [{ name: 'subtitles-translate', translate: { to: 'English' } }, 'language code'],
    [{ name: 'subtitles-translate', embed: {} }, 'leave it out'],
    [{ name: 'subtitles-translate', embed: { font: 'arial' } }, 'simkai'],
    [{ name: 'subtitles-extract', format: 'ass' }, '"srt" or "vtt"'],
    [{ name: 'subtitles-extract', outputName: 'a'.repeat(200) }, 'at most 199'],
    [{ name: 'subtitles-extract', outputName: '../x' }, 'letters, digits'],
    [{ name: 'subtitles', translate: { to: 'en' } }, 'recipe.translate is not known here'],
    [{ name: 'logo-basic', areas: [AREA] }, 'recipe.areas is not known here'],
  ])('%j is refused: %s', (recipe, why) => {
    expect(refusal(recipe)).toContain(why);
  });

  test('a height range may mix pixels and a ratio, as in the example of the vendor', () => {
    expect(refusal({ name: 'subtitles', textHeight: { min: 10, max: 0.06 } })).toBe('accepted');
  });
});

describe('raw parameters', () => {
  const normal = { name: 'raw', params: DELOGO };

  test.each<[string, unknown]>([
    ['an object', DELOGO],
    ['JSON text', JSON.stringify(DELOGO)],
    ['JSON text with spaces', JSON.stringify(DELOGO, null, 4)],
    [
      'ExtendedParameter as text',
      { AiAnalysisTask: { Definition: 25, ExtendedParameter: '{ "delogo": {"CustomerAppId": "facial_blur"} }' } },
    ],
  ])('given as %s are the same recipe', (_how, params) => {
    expect(normalizeRecipe({ name: 'raw', params })).toEqual(normal);
  });

  test('with an empty ExtendedParameter have none', () => {
    const params = { AiAnalysisTask: { Definition: 25, ExtendedParameter: '' } };
    expect(normalizeRecipe({ name: 'raw', params })).toEqual({
      name: 'raw',
      params: { AiAnalysisTask: { Definition: 25 } },
    });
  });

  test.each<[unknown, string]>([
    [undefined, 'recipe.params is missing'],
    [7, 'must be an object, or its JSON text'],
    ['{', 'recipe.params is not JSON'],
    ['[]', 'recipe.params is a list'],
    [{}, 'recipe.params.AiAnalysisTask is missing'],
    [{ ...DELOGO, MediaProcessTask: {} }, 'recipe.params.MediaProcessTask would be ignored'],
    [{ AiAnalysisTask: { ...DELOGO.AiAnalysisTask, Definition: 24 } }, 'before September 2025'],
    [{ AiAnalysisTask: { ...DELOGO.AiAnalysisTask, Definition: 26 } }, 'highlights'],
    [{ AiAnalysisTask: { ...DELOGO.AiAnalysisTask, Definition: '25' } }, 'the number 25'],
    [{ AiAnalysisTask: { Definition: 25, Extra: 1 } }, 'AiAnalysisTask.Extra is not known'],
    [{ AiAnalysisTask: { Definition: 25, ExtendedParameter: '{"hht":{}}' } }, 'hht does not belong to Smart Erase'],
    [{ AiAnalysisTask: { Definition: 25, ExtendedParameter: '{delogo' } }, 'ExtendedParameter is not JSON'],
    [{ AiAnalysisTask: { Definition: 25, ExtendedParameter: '{"delogo":1}' } }, 'delogo is a number'],
    [
      { AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: { CustomerAppId: 'a,b' } } } },
      'the name of one scenario',
    ],
    [
      {
        AiAnalysisTask: {
          Definition: 25,
          ExtendedParameter: { delogo: { CustomerAppId: 'a', also: { CustomerAppId: 'b' } } },
        },
      },
      'more than one CustomerAppId',
    ],
    ['{"AiAnalysisTask":{"Definition":25,"ExtendedParameter":{"delogo":{"x":12345678901234567890}}}}', '2^53'],
  ])('%j are refused: %s', (params, why) => {
    expect(refusal({ name: 'raw', params })).toContain(why);
  });
});

describe('the typed route', () => {
  const config = { WatermarkEraseMethod: 'auto', WatermarkModel: 'advanced' };

  test.each<[object, string]>([
    [{}, 'needs either definition'],
    [
      { definition: 5, rawParameter: { EraseType: 'watermark', EraseWatermarkConfig: config } },
      'only with definition 0',
    ],
    [{ overrideParameter: {} }, 'only with the definition of a template'],
    [{ rawParameter: { EraseType: 'watermark' } }, 'EraseWatermarkConfig is missing'],
    [
      {
        rawParameter: {
          EraseType: 'privacy',
          ErasePrivacyConfig: { PrivacyModel: 'blur', PrivacyTargets: ['face'] },
          EraseWatermarkConfig: config,
        },
      },
      'does not go with EraseType privacy',
    ],
    [{ rawParameter: { EraseType: 'logo' } }, '"watermark"'],
  ])('%j is refused: %s', (options, why) => {
    expect(refusal({ name: 'smart-erase-task', ...options })).toContain(why);
  });

  test('takes parameters of its own', () => {
    const rawParameter = { EraseType: 'watermark', EraseWatermarkConfig: config };
    expect(normalizeRecipe({ name: 'smart-erase-task', rawParameter })).toEqual({
      name: 'smart-erase-task',
      definition: 0,
      rawParameter,
    });
  });
});

describe('what a recipe makes', () => {
  test('is a video, but for those that only read', () => {
    const without = RECIPE_NAMES.filter((name) => !makesVideo({ name }));
    expect(without).toEqual(['subtitles-extract']);
    const params = (id: string) => ({
      AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: { CustomerAppId: id } } },
    });
    expect(makesVideo({ name: 'raw', params: params('subtitle_extract_v1') })).toBe(false);
    expect(makesVideo({ name: 'raw', params: params('facial_blur') })).toBe(true);
    expect(makesVideo({ name: 'raw', params: 'not normalised' })).toBe(true);
  });

  test('is billed by what is asked', () => {
    expect(priceItemsOf({ name: 'subtitles-extract' })).toEqual(['ocrExtract']);
    expect(priceItemsOf({ name: 'subtitles-extract', translate: { to: 'en' } })).toEqual(['ocrTranslate']);
    expect(priceItemsOf({ name: 'subtitles-translate', embed: { draw: false } })).not.toContain('embed');
    expect(priceItemsOf({ name: 'unknown' })).toEqual([]);
  });
});
