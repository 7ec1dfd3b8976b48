import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Where pictures of pages go; kept as CI output, ignored by git. */
const PICTURES = fileURLToPath(new URL('../../.artifacts/ui/', import.meta.url));

/** As root Chromium has no sandbox; the rest keeps it from the network and from first-run pages. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const NO_CHROMIUM =
  'No Chromium here, so the pages are not looked at: install it (apt-get install chromium) or set CHROMIUM_PATH.';

/**
 * Path of CHROMIUM_PATH, or of the first of `chromium`, `chromium-browser` and `google-chrome` on PATH; undefined where
 * there is none. @throws Error when there is none although REQUIRE_CHROMIUM=1, or CHROMIUM_PATH is no program
 */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const { CHROMIUM_PATH: given, PATH = '', REQUIRE_CHROMIUM: required } = env;
  if (given) {
    if (isProgram(given)) return given;
    throw new Error(`CHROMIUM_PATH is ${given}, which is not a program: correct it, or leave it out to search PATH.`);
  }
  const folders = PATH.split(delimiter).filter((folder) => folder !== '');
  const found = ['chromium', 'chromium-browser', 'google-chrome']
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find(isProgram);
  if (found === undefined && required === '1')
    throw new Error(`${NO_CHROMIUM} REQUIRE_CHROMIUM=1 makes this an error.`);
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A headless browser with an empty profile of its own, removed when it closes. */
export function launchBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: FLAGS, headless: true, timeout: 60_000 });
}

/** A page as wide as an operator's window; by default every wait on it has this deadline. */
export async function newPage(browser: Browser, timeoutMs = 30_000): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 1000 },
    timezoneId: 'UTC',
    locale: 'en-US',
  });
  context.setDefaultTimeout(timeoutMs);
  return context.newPage();
}

/** Saves a picture of the whole page as `.artifacts/ui/<name>.png`. */
export async function takePicture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}
