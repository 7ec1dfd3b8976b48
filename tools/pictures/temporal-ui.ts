import type { Locator, Page } from 'playwright-core';
import { waitUntil } from '../../src/local/wait-until.js';

/** A busy machine takes its time to load the UI, in milliseconds. */
const PAGE_MS = 120_000;
/** The page asks a run for its details once, when it is loaded: after this long, in milliseconds, it is loaded anew. */
const FRESH_MS = 8_000;
/** Room around what is shown, in pixels. */
const MARGIN_PX = 16;

/**
 * A picture of a run's page in Temporal's UI: its name, its times, and the tab with its current details.
 * @param says what the current details have to say before it is taken
 */
export async function pictureOfRun(page: Page, url: string, says: string): Promise<Buffer> {
  const frame = page.locator('iframe').last();
  const said = await waitUntil(
    async () => {
      await page.goto(`${url}/user-metadata`, { timeout: PAGE_MS });
      const text = frame.contentFrame().getByText(says).first();
      return await text.waitFor({ timeout: FRESH_MS }).then(
        () => true,
        () => undefined,
      );
    },
    { timeoutMs: PAGE_MS },
  );
  if (!said) throw new Error(`${url} never said "${says}" in its current details.`);
  // The page makes the frame as high as what is in it, a moment later.
  const whole = await waitUntil(
    async () => {
      const box = await frame.boundingBox();
      const ends = await Promise.all((await frame.contentFrame().locator('p, tr').all()).map(bottomPx));
      return box !== null && Math.max(...ends) <= box.y + box.height ? true : undefined;
    },
    { timeoutMs: PAGE_MS },
  );
  if (!whole) throw new Error(`${page.url()} never showed all of its current details.`);
  return page.screenshot({ clip: await whatCounts(page), animations: 'disabled' });
}

/** Where something ends that says something, in pixels from the top of the page. */
async function bottomPx(element: Locator): Promise<number> {
  if ((await element.innerText()).trim() === '') return 0;
  const box = await element.boundingBox();
  return box === null ? 0 : box.y + box.height;
}

/** From the run's name to the end of its details: what is around it is the same on every page. */
async function whatCounts(page: Page): Promise<{ x: number; y: number; width: number; height: number }> {
  const title = await page.getByRole('heading', { level: 1 }).boundingBox();
  // Summary, details and current details: the smallest part of the page that has all three.
  const all = page.locator('iframe').first().locator('xpath=ancestor::div[count(.//iframe) = 3][1]');
  const details = await all.boundingBox();
  if (title === null || details === null)
    throw new Error(`${page.url()} has no name or no details: Temporal's UI has changed.`);
  const y = title.y - MARGIN_PX;
  return { x: details.x, y, width: details.width, height: details.y + details.height + MARGIN_PX - y };
}
