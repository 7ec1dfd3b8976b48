import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NormalizedEraseRequest } from '../../src/contract/request.js';
import { MAX_REQUEST_BYTES, parseEraseRequest } from '../../src/contract/request-schema.js';

const BASE = { fileId: '5285485487985271487', subAppId: 1500000001, recipe: { name: 'subtitles' } };

/** Problems as `path → message`. */
function problems(json: unknown): Record<string, string> {
  const parsed = parseEraseRequest(json);
  if (parsed.ok) {
    throw new Error(`accepted: ${JSON.stringify(parsed.request)}`);
  }
  return Object.fromEntries(parsed.problems.map(({ path, message }) => [path, message]));
}

function accepted(json: unknown): NormalizedEraseRequest {
  const parsed = parseEraseRequest(json);
  if (!parsed.ok) {
    throw new Error(JSON.stringify(parsed.problems));
  }
  return parsed.request;
}

describe('a request', () => {
  test('gets the default deadline and nothing else', () => {
    expect(accepted(BASE)).toEqual({ ...BASE, deadlineHours: 24 });
  });

  test('may use every field', () => {
    const full = {
      ...BASE,
      publish: {
        name: 'n'.repeat(64),
        description: 'd'.repeat(128),
        classId: 0,
        tags: Array.from({ length: 16 }, (_, index) => `${index}`.padEnd(32, 'x')),
        expireTime: '2031-01-31T00:00:00+08:00',
        inherit: ['name', 'cover'],
        procedure: 'renditions',
        prefetch: true,
      },
      key: 'order/4711',
      requestedBy: 'shop service',
      reason: 'asked for by sales',
      payAgain: { token: 't-1', reason: 'the logo was missed' },
      deadlineHours: 0.001,
      batchId: 'b1',
      review: { timeoutHours: 0.5, onTimeout: 'reject' },
      rejectedFrom: 'erase/key/order-1',
      neverPay: true,
    };
    expect(accepted(full)).toEqual(full);
  });

  test('that asks for a review is held when nobody decides, unless it says otherwise', () => {
    expect(accepted({ ...BASE, review: { timeoutHours: 24 } }).review).toEqual({ timeoutHours: 24, onTimeout: 'hold' });
    expect(problems({ ...BASE, review: {} })).toEqual({ 'review.timeoutHours': 'review.timeoutHours is missing.' });
    expect(problems({ ...BASE, review: { timeoutHours: 8_761 } })).toHaveProperty(['review.timeoutHours']);
    expect(problems({ ...BASE, review: { timeout: 24, timeoutHours: 24 } })).toHaveProperty(['review.timeout']);
  });

  test('is refused with everything that is wrong at once', () => {
    const found = problems({
      fileId: 5285485487985271000,
      subAppId: '1500000001',
      recipe: { name: 'subtitel' },
      publish: { nmae: 'x', tags: ['t'.repeat(33)], expireTime: '2031-02-30T00:00:00Z' },
      key: 'a b',
      payAgain: { token: '', reason: ' ' },
      deadlineHours: 69,
      batchId: '',
      retries: 3,
    });
    expect(Object.keys(found).sort()).toEqual(
      [
        'batchId',
        'deadlineHours',
        'fileId',
        'key',
        'payAgain.reason',
        'payAgain.token',
        'publish.expireTime',
        'publish.nmae',
        'publish.tags[0]',
        'recipe.name',
        'retries',
        'subAppId',
      ].sort(),
    );
    expect(found.fileId).toBe(
      'fileId is a number; a FileId has 19 digits and must be a string: "5285485487985271487".',
    );
    expect(found.subAppId).toContain('is a string; a SubAppId is a number');
    expect(found['recipe.name']).toContain('did you mean "subtitles"?');
    expect(found['publish.nmae']).toContain('did you mean "name"?');
    expect(found['publish.tags[0]']).toContain('33 characters; at most 32');
  });

  test.each([
    ['null', null],
    ['a string', 'erase it'],
    ['a list', []],
    ['nothing', undefined],
  ])('that is %s is refused in words', (_what, json) => {
    expect(problems(json)['']).toMatch(/^The request is /);
  });

  test.each([
    ['fileId', '', 'digits'],
    ['fileId', '52854854879852714871234', 'digits'],
    ['fileId', '5285x', 'digits'],
    ['subAppId', 0, 'at least 1'],
    ['subAppId', 1.5, 'whole number'],
    ['subAppId', 2 ** 60, '2^53'],
    ['recipe', 'subtitles', 'an object'],
    ['publish', null, 'leave it out'],
    ['publish', { expireTime: '2031-01-31' }, 'publish.expireTime'],
    ['publish', { expireTime: '2031-01-31T00:00:00' }, 'Z or an offset'],
    ['publish', { name: 'x'.repeat(65) }, 'at most 64'],
    ['publish', { description: 'x'.repeat(129) }, 'at most 128'],
    ['publish', { tags: Array.from({ length: 17 }, (_, index) => `t${index}`) }, 'at most 16'],
    ['publish', { inherit: ['title'] }, '"tags"'],
    ['publish', { classId: -1 }, 'publish.classId'],
    ['key', 'k'.repeat(201), 'at most 200'],
    ['key', 'line\nend', 'visible'],
    ['key', 'zero​width', 'visible'],
    ['requestedBy', 'r'.repeat(201), 'at most 200'],
    ['reason', 'r'.repeat(501), 'at most 500'],
    ['reason', ' ', 'blank'],
    ['payAgain', { token: 't' }, 'payAgain.reason is missing'],
    ['payAgain', { token: 't'.repeat(101), reason: 'r' }, 'at most 100'],
    ['deadlineHours', 0, 'above 0'],
    ['deadlineHours', '24', 'a number'],
    ['deadlineHours', Number.NaN, 'NaN'],
    ['batchId', 'b'.repeat(101), 'at most 100'],
    ['requestedBy', 'half \ud83d', 'half of a character'],
  ])('with %s %j is refused and says why', (field, value, why) => {
    expect(Object.values(problems({ ...BASE, [field]: value })).join(' ')).toContain(why);
  });

  test('with a FileId that is a bigint is refused in words', () => {
    expect(problems({ ...BASE, fileId: 5285485487985271487n }).fileId).toContain('is a bigint');
  });

  test('above the size limit is refused with its size', () => {
    const params = { AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: { note: 'é'.repeat(40_000) } } } };
    const json = { ...BASE, recipe: { name: 'raw', params } };
    expect(problems(json)['']).toContain(`at most ${MAX_REQUEST_BYTES}`);
  });

  test('above the size limit with its defaults is refused, as they are sent too', () => {
    const params = (length: number) => ({
      AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: { note: 'x'.repeat(length) } } },
    });
    const json = (length: number) => ({ ...BASE, recipe: { name: 'raw', params: params(length) } });
    const length = MAX_REQUEST_BYTES - Buffer.byteLength(JSON.stringify(json(0)));
    expect(problems(json(length))['']).toContain(`at most ${MAX_REQUEST_BYTES}`);
    const fits = parseEraseRequest(json(length - ',"deadlineHours":24'.length));
    expect(fits.ok && parseEraseRequest(fits.request)).toEqual(fits);
  });

  test('that refers to itself is refused', () => {
    const params: Record<string, unknown> = {};
    params.self = params;
    expect(Object.values(problems({ ...BASE, recipe: { name: 'raw', params } })).join()).toContain('levels deep');
  });

  test('with a publish part that asks for nothing has none', () => {
    for (const publish of [{}, { tags: [] }, { inherit: [], prefetch: false }]) {
      expect(accepted({ ...BASE, publish })).not.toHaveProperty('publish');
    }
  });

  test('names tags and inherited fields once', () => {
    const publish = { tags: ['a', 'b', 'a'], inherit: ['tags', 'name', 'tags'] };
    expect(accepted({ ...BASE, publish }).publish).toEqual({ tags: ['a', 'b'], inherit: ['name', 'tags'] });
  });

  test('parses to itself once it is normalised', () => {
    const recipes = fc.constantFrom<unknown>(
      { name: 'subtitles' },
      { name: 'subtitles-extract' },
      { name: 'subtitles-translate', translate: { to: 'ja' } },
      { name: 'subtitles-and-logo', areas: [{ left: 0, top: 0, right: 1, bottom: 0.5 }] },
      { name: 'raw', params: '{"AiAnalysisTask":{"Definition":25,"ExtendedParameter":"{\\"delogo\\":{}}"}}' },
      { name: 'smart-erase-task', definition: 301 },
    );
    const requests = fc.record(
      {
        fileId: fc.bigInt({ min: 1n, max: 10n ** 19n }).map(String),
        subAppId: fc.integer({ min: 1 }),
        recipe: recipes,
        publish: fc.record(
          {
            tags: fc.array(fc.constantFrom('a', 'b', 'c')),
            inherit: fc.array(fc.constantFrom('name', 'tags', 'cover')).filter((fields) => fields.length <= 6),
            prefetch: fc.boolean(),
          },
          { requiredKeys: [] },
        ),
        deadlineHours: fc.double({ min: 0.01, max: 68, noNaN: true }),
      },
      { requiredKeys: ['fileId', 'subAppId', 'recipe'] },
    );
    fc.assert(
      fc.property(requests, (request) => {
        const once = accepted(request);
        expect(accepted(JSON.parse(JSON.stringify(once)))).toEqual(once);
      }),
    );
  });

  test('of any JSON whatever is judged without throwing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(typeof parseEraseRequest(json).ok).toBe('boolean');
        const parsed = parseEraseRequest({ ...BASE, recipe: { name: 'raw', params: json } });
        expect(parsed.ok || parsed.problems.length > 0).toBe(true);
      }),
    );
  });
});
