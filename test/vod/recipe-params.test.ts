import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { normalizeRecipe } from '../../src/contract/recipe-schema.js';
import { RECIPE_NAMES } from '../../src/contract/recipes.js';
import { toMpsParams } from '../../src/tencent-vod/recipe-params.js';

/** One golden file a case: `{recipe, sent}`, where `sent` is what goes to the vendor, text inside text. */
const GOLDEN = new URL('./golden/', import.meta.url);

interface Golden {
  recipe: { name: string };
  sent: { MPSProcessMediaParams: string } | { SmartEraseTask: Record<string, unknown> };
}

const files = readdirSync(GOLDEN).filter((file) => file.endsWith('.golden.json'));

function golden(file: string): Golden {
  return JSON.parse(readFileSync(new URL(file, GOLDEN), 'utf8')) as Golden;
}

describe('the parameters of a recipe', () => {
  test('subtitles are, byte by byte, the example of the API document', () => {
    // ProcessMediaByMPS, example "initiate a smart erase task": MPSProcessMediaParams.
    expect(toMpsParams({ name: 'subtitles' })).toEqual({
      mpsProcessMediaParams:
        '{"AiAnalysisTask": {"Definition":25,"ExtendedParameter":"{\\"delogo\\":{\\"cluster_id\\":\\"gpu_zhiyan\\",\\"CustomerAppId\\":\\"subtitle_erase_fast\\"}}"}}',
      smartEraseTask: null,
    });
  });

  test.each(files)('%s', (file) => {
    const { recipe, sent } = golden(file);
    const { mpsProcessMediaParams, smartEraseTask } = toMpsParams(normalizeRecipe(recipe));
    expect(
      smartEraseTask === null
        ? { MPSProcessMediaParams: mpsProcessMediaParams }
        : { SmartEraseTask: smartEraseTask, ...(mpsProcessMediaParams === null ? {} : { mpsProcessMediaParams }) },
    ).toEqual(sent);
  });

  test('have a golden file for every recipe', () => {
    expect([...new Set(files.map((file) => golden(file).recipe.name))].sort()).toEqual([...RECIPE_NAMES].sort());
  });

  test('of raw are the same for one recipe in two forms', () => {
    const text = toMpsParams({ name: 'subtitles' }).mpsProcessMediaParams;
    expect(toMpsParams(normalizeRecipe({ name: 'raw', params: text })).mpsProcessMediaParams).toBe(text);
  });
});
