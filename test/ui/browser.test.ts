import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findChromium } from '../support/browser.js';

const folder = mkdtempSync(join(tmpdir(), 'browser-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file that may be run, named like a browser. */
function program(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  chmodSync(path, 0o755);
  return path;
}

describe('the search for Chromium', () => {
  it('finds none where there is none, which is an error only where it is required', () => {
    const PATH = ['/no/such/folder', folder].join(delimiter);
    expect(findChromium({ PATH })).toBeUndefined();
    expect(() => findChromium({ PATH, REQUIRE_CHROMIUM: '1' })).toThrow(/apt-get install chromium.*REQUIRE_CHROMIUM/);
  });

  it('takes CHROMIUM_PATH first, and says so when that is no program', () => {
    const [given, other] = [program('given'), program('google-chrome')];
    expect(findChromium({ PATH: folder, CHROMIUM_PATH: given })).toBe(given);
    expect(findChromium({ PATH: folder, CHROMIUM_PATH: '' })).toBe(other);
    expect(() => findChromium({ PATH: folder, CHROMIUM_PATH: join(folder, 'gone') })).toThrow(
      /CHROMIUM_PATH is .*gone/,
    );
  });

  it('takes chromium before the others', () => {
    program('google-chrome');
    const chromium = program('chromium');
    expect(findChromium({ PATH: folder })).toBe(chromium);
  });
});
