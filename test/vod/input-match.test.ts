import { describe, expect, test } from 'vitest';
import { normalizeRecipe } from '../../src/contract/recipe-schema.js';
import { RECIPE_NAMES } from '../../src/contract/recipes.js';
import { inputMatches, sentFields } from '../../src/tencent-vod/input-match.js';
import { toMpsParams } from '../../src/tencent-vod/recipe-params.js';

const SUBTITLES = normalizeRecipe({ name: 'subtitles' });
const AREAS = normalizeRecipe({ name: 'subtitles', areas: [{ left: 0.1, top: 0.6, right: 0.9, bottom: 1 }] });
const BASIC = normalizeRecipe({ name: 'logo-basic' });
const TYPED = normalizeRecipe({
  name: 'smart-erase-task',
  rawParameter: { EraseType: 'privacy', ErasePrivacyConfig: { PrivacyModel: 'blur', PrivacyTargets: ['face'] } },
});

const delogo = { cluster_id: 'gpu_zhiyan', CustomerAppId: 'subtitle_erase_fast' };
const asText = JSON.stringify({ delogo });

describe('our own task', () => {
  test.each<[string, unknown]>([
    ['as it was sent', { AiAnalysisTask: { Definition: 25, ExtendedParameter: asText } }],
    ['without its wrapping', { Definition: 25, ExtendedParameter: asText }],
    ['with an object in place of text', { Definition: 25, ExtendedParameter: { delogo } }],
    ['with the number as text', { Definition: '25', ExtendedParameter: asText }],
    [
      'as text in text',
      JSON.stringify({ AiAnalysisTask: JSON.stringify({ Definition: 25, ExtendedParameter: asText }) }),
    ],
    ['in another wrapping', { DeLogoTask: { Definition: 25, ExtendedParameter: asText } }],
    [
      'with keys in another order and empty additions',
      {
        Definition: 25,
        Extra: 'x',
        ExtendedParameter: {
          delogo: { CustomerAppId: 'subtitle_erase_fast', cluster_id: 'gpu_zhiyan', als_filter: {} },
        },
      },
    ],
  ])('is recognised %s', (_how, echo) => {
    expect(inputMatches(SUBTITLES, echo)).toBe('same');
  });

  test.each<[string, unknown]>([
    [
      'another scenario',
      { Definition: 25, ExtendedParameter: { delogo: { ...delogo, CustomerAppId: 'facial_blur' } } },
    ],
    ['another definition', { Definition: 26, ExtendedParameter: asText }],
    ['an option of its own', { Definition: 25, ExtendedParameter: { delogo: { ...delogo, output_patten: 'x' } } }],
    [
      'an option of its own that is off',
      { Definition: 25, ExtendedParameter: { delogo: { ...delogo, use_draw: false } } },
    ],
    ['less than was sent', { Definition: 25, ExtendedParameter: { delogo: { CustomerAppId: 'subtitle_erase_fast' } } }],
    [
      'areas of its own',
      { Definition: 25, ExtendedParameter: { delogo: { ...delogo, als_filter: { active_areas: [{ lt_x: 0.1 }] } } } },
    ],
  ])('is not one with %s', (_what, echo) => {
    expect(inputMatches(SUBTITLES, echo)).toBe('other');
  });

  test.each<[string, unknown]>([
    ['nothing', null],
    ['no JSON', 'Definition=25'],
    ['a list', []],
    ['no definition', { ExtendedParameter: asText }],
    ['the definition alone', { Definition: 25 }],
    ['parameters that are not JSON', { Definition: 25, ExtendedParameter: '{delogo' }],
  ])('cannot be told from an echo that has %s', (_what, echo) => {
    expect(inputMatches(SUBTITLES, echo)).toBe('unreadable');
  });

  test('differs by the value of an area', () => {
    const echo = (x: number) => ({
      Definition: 25,
      ExtendedParameter: JSON.stringify({
        delogo: { ...delogo, als_filter: { active_areas: [{ lt_x: x, lt_y: 0.6, rb_x: 0.9, rb_y: 1 }] } },
      }),
    });
    expect(inputMatches(AREAS, echo(0.1))).toBe('same');
    expect(inputMatches(AREAS, echo(0.2))).toBe('other');
  });

  test('without parameters is one that has none', () => {
    expect(inputMatches(BASIC, { Definition: 25 })).toBe('same');
    expect(inputMatches(BASIC, { Definition: 25, ExtendedParameter: '' })).toBe('same');
    expect(inputMatches(BASIC, { Definition: 25, ExtendedParameter: asText })).toBe('other');
  });

  test('on the typed route is compared as a structure', () => {
    const RawParameter = {
      EraseType: 'privacy',
      ErasePrivacyConfig: { PrivacyModel: 'blur', PrivacyTargets: ['face'] },
    };
    expect(inputMatches(TYPED, { SmartEraseTask: { Definition: 0, RawParameter } })).toBe('same');
    expect(inputMatches(TYPED, { Definition: 0, RawParameter: { ...RawParameter, EraseWatermarkConfig: null } })).toBe(
      'same',
    );
    expect(inputMatches(TYPED, { Definition: 0, RawParameter: { ...RawParameter, SubtitleEmbedId: 0 } })).toBe(
      'unreadable',
    );
    expect(inputMatches(TYPED, { Definition: 0 })).toBe('unreadable');
    expect(inputMatches(TYPED, { Definition: 0, RawParameter: { ...RawParameter, EraseType: 'subtitle' } })).toBe(
      'other',
    );
  });

  test.each(RECIPE_NAMES)('of %s is recognised by what is sent, and by no other recipe', (name) => {
    const least = {
      raw: { params: { AiAnalysisTask: { Definition: 25, ExtendedParameter: '{"delogo":{"x":1}}' } } },
      'smart-erase-task': { definition: 301 },
    };
    const make = (which: string) => normalizeRecipe({ name: which, ...(least as Record<string, object>)[which] });
    const { mpsProcessMediaParams, smartEraseTask } = toMpsParams(make(name));
    const echo = mpsProcessMediaParams ?? JSON.stringify({ SmartEraseTask: smartEraseTask });
    expect(sentFields(make(name)).definition).toBe(name === 'smart-erase-task' ? 301 : 25);
    for (const other of RECIPE_NAMES) {
      expect({ other, match: inputMatches(make(other), echo) === 'same' }).toEqual({ other, match: other === name });
    }
  });
});
