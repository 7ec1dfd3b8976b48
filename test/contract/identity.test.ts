import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, describeDifference, eraseWorkflowId, recipeHash } from '../../src/contract/identity.js';
import { normalizeRecipe } from '../../src/contract/recipe-schema.js';
import { RECIPE_NAMES } from '../../src/contract/recipes.js';
import type { NormalizedEraseRequest, RecipeRequest } from '../../src/contract/request.js';

/**
 * Hashes of released recipes. They stand in ledgers and workflow ids: a changed line here means that what was paid for
 * is paid for again. Lines are added, never changed.
 */
const RELEASED: readonly (readonly [RecipeRequest, string])[] = [
  [{ name: 'logo-basic' }, '72808044c6ff5dcce2f3688e08ea8ed1'],
  [{ name: 'logo' }, '705c66cc223c3f9fe3a57774b198f44e'],
  [{ name: 'subtitles' }, 'f62c0f25cc4b98d3dc0fe194bf0360f0'],
  [{ name: 'subtitles-area' }, '1773e65ba31d6bcdffdcf7af24f2a986'],
  [{ name: 'subtitles-extract' }, 'adda76c2cbc71afa8e608fa8059b3f79'],
  [{ name: 'subtitles-translate' }, '979eff0676a45bdc9d777df2c8e2a4ac'],
  [{ name: 'subtitles-and-logo' }, '7760d21ec9d0ebe2fd5520633cb195c4'],
  [{ name: 'faces-blur' }, 'e125f6af025e9fcd8695323efb58d01a'],
  [{ name: 'faces-mosaic' }, '8b9a8f9fff3fd06c4a012a26b124c708'],
  [{ name: 'faces-and-plates-mosaic' }, 'ca1c969a527d1639a9e02e2680b453d3'],
  [
    {
      name: 'raw',
      params:
        '{"AiAnalysisTask": {"Definition":25,"ExtendedParameter":"{\\"delogo\\":{\\"cluster_id\\":\\"gpu_zhiyan\\",\\"CustomerAppId\\":\\"subtitle_erase_fast\\"}}"}}',
    },
    '7ea148b560b62d9b60a53b329556d69f',
  ],
  [{ name: 'smart-erase-task', definition: 301 }, 'dd0c291219892bf69841e5fec5805b78'],
  [
    { name: 'subtitles', areas: [{ left: 0.1, top: 0.6, right: 0.9, bottom: 0.95 }] },
    '8e6d52aeac168249d30e654cee68dc29',
  ],
  [
    { name: 'subtitles-and-logo', timedAreas: [{ beginMs: 0, areas: [{ left: 5, top: 5, right: 90, bottom: 40 }] }] },
    'e007ea762f9fcf7bfc0b5785ab486e20',
  ],
  [
    { name: 'subtitles-extract', translate: { to: 'ja' }, outputName: '{task_type}-x' },
    '96bf06a1bf1a0c32a6de8d44e34ade4a',
  ],
];

const request = (fields: Partial<NormalizedEraseRequest> = {}): NormalizedEraseRequest => ({
  fileId: '5285485487985271487',
  subAppId: 1500000001,
  recipe: { name: 'subtitles' },
  deadlineHours: 24,
  ...fields,
});

describe('the hash of a recipe', () => {
  test.each(RELEASED)('%j is frozen', (recipe, hash) => {
    expect(recipeHash(normalizeRecipe(recipe) as RecipeRequest)).toBe(hash);
  });

  test('is frozen for every recipe that there is', () => {
    expect([...new Set(RELEASED.map(([recipe]) => recipe.name))].sort()).toEqual([...RECIPE_NAMES].sort());
  });

  test('does not depend on the order of keys', () => {
    expect(recipeHash({ name: 'logo', b: 1, a: { y: 1, x: 2 } })).toBe(
      recipeHash({ a: { x: 2, y: 1 }, b: 1, name: 'logo' }),
    );
  });

  test('differs between recipes', () => {
    expect(new Set(RELEASED.map(([, hash]) => hash)).size).toBe(RELEASED.length);
  });

  test('uses the form of RFC 8785', () => {
    // The sample of RFC 8785, section 3.2.2 and 3.2.3, without its control characters.
    const sample =
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"literals":[null,true,false]}';
    expect(canonicalJson(JSON.parse(sample))).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}',
    );
    expect(canonicalJson({ '€': 1, '\r': 2, ö: 3, 1: 4, '😂': 5 })).toBe('{"\\r":2,"1":4,"ö":3,"€":1,"😂":5}');
    expect(() => canonicalJson(undefined)).toThrow(TypeError);
  });

  test('survives a way through JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (options) => {
        const recipe = JSON.parse(JSON.stringify({ ...options, name: 'raw' })) as RecipeRequest;
        expect(recipeHash(JSON.parse(canonicalJson(recipe)) as RecipeRequest)).toBe(recipeHash(recipe));
      }),
    );
  });
});

describe('the workflow id', () => {
  test('tells sub-application, file and recipe', () => {
    expect(eraseWorkflowId(request())).toBe('erase/1500000001/5285485487985271487/f62c0f25cc4b98d3dc0fe194bf0360f0');
  });

  test('is the key where there is one, and a new one for each payment', () => {
    expect(eraseWorkflowId(request({ key: 'order/1' }))).toBe('erase/key/order/1');
    const payAgain = { token: 'T', reason: 'r' };
    expect(eraseWorkflowId(request({ payAgain }))).toBe(`${eraseWorkflowId(request())}/pay-again/T`);
    expect(eraseWorkflowId(request({ key: 'k', payAgain }))).toBe('erase/key/k/pay-again/T');
  });

  test('stays within what Temporal allows', () => {
    const longest = request({ key: '字'.repeat(200), payAgain: { token: '字'.repeat(100), reason: 'r' } });
    expect(Buffer.byteLength(eraseWorkflowId(longest))).toBeLessThanOrEqual(1_000);
  });
});

describe('the difference of two requests', () => {
  test('is nothing where only the key, who asks and why, the batch and the leave to pay differ', () => {
    expect(
      describeDifference(
        request({ key: 'a', requestedBy: 'x', reason: 'y', batchId: 'b', rejectedFrom: 'r', neverPay: true }),
        request({ key: 'b' }),
      ),
    ).toEqual([]);
  });

  test('names every field that differs', () => {
    const a = request({
      recipe: { name: 'logo', areas: [{ left: 0, top: 0, right: 0.5, bottom: 0.5 }] },
      publish: { tags: ['a', 'b'] },
    });
    const b = request({
      recipe: { name: 'logo', areas: [{ left: 0.1, top: 0, right: 0.5, bottom: 0.5 }] },
      publish: { tags: ['a'], name: 'x' },
      deadlineHours: 12,
    });
    expect(describeDifference(a, b)).toEqual([
      'deadlineHours',
      'publish.name',
      'publish.tags[1]',
      'recipe.areas[0].left',
    ]);
    expect(describeDifference(b, a)).toEqual(describeDifference(a, b));
  });
});
