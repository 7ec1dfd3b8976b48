import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/settings.js';
import { PRICE_LIST } from '../../src/contract/price-list.js';
import { ConfigurationError } from '../../src/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'prices-'));
afterAll(() => rmSync(folder, { recursive: true }));

function settingsWith(content: string): ReturnType<typeof loadSettings<'vendor'>> {
  const path = join(folder, 'prices.json');
  writeFileSync(path, content);
  return loadSettings({ VOD_PRICE_FILE: path }, { need: ['vendor'] });
}

function problemsOf(load: () => unknown): readonly string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  throw new Error('The settings were taken as they are.');
}

describe('VOD_PRICE_FILE', () => {
  it('replaces the list prices, which stand without it', () => {
    expect(loadSettings({}, { need: ['vendor'] }).vendor.prices).toBe(PRICE_LIST);
    const own = { ...PRICE_LIST, privacy: { usdPerMinute: [0, 1, 2, 3] } };
    const { vendor } = settingsWith(JSON.stringify(own));
    expect(vendor.prices).toEqual({ ...own, privacy: { title: PRICE_LIST.privacy.title, usdPerMinute: [0, 1, 2, 3] } });
  });

  it('is refused with every problem at once', () => {
    const { embed: _left, ...rest } = PRICE_LIST;
    const problems = problemsOf(() =>
      settingsWith(
        JSON.stringify({
          ...rest,
          privacy: { usdPerMinute: [1, 2, 3] },
          logoBasic: { usdPerMinute: [1, 2, 3, -1], currency: 'EUR' },
          logoAdvanced: 4,
          gold: {},
        }),
      ),
    );
    expect(problems).toHaveLength(6);
    for (const part of [
      'gold',
      'embed is missing',
      'privacy.usdPerMinute',
      'logoBasic.usdPerMinute',
      'currency',
      'logoAdvanced',
    ]) {
      expect(
        problems.filter((problem) => problem.includes(part) && problem.startsWith('VOD_PRICE_FILE: ')),
      ).not.toEqual([]);
    }
  });

  it.each([
    ['is not JSON', '{'],
    ['must hold an object', '[]'],
  ])('says that it %s', (words, content) => {
    expect(problemsOf(() => settingsWith(content))).toEqual([expect.stringContaining(words)]);
  });

  it('says that it is not there', () => {
    const path = join(folder, 'none.json');
    expect(problemsOf(() => loadSettings({ VOD_PRICE_FILE: path }, { need: ['vendor'] }))).toEqual([
      `VOD_PRICE_FILE: the file ${path} cannot be read (ENOENT)`,
    ]);
  });
});
