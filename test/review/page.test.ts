import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ReviewedErase, reviewPage } from '../../src/cli/review/page.js';
import type { ReviewStatus } from '../../src/client.js';
import { findChromium, launchBrowser, NO_CHROMIUM, newPage, takePicture } from '../support/browser.js';
import { eventually } from '../support/processes.js';
import {
  type SimulatorProcess,
  SUB_APP_ID,
  startSimulatorProcess,
  submitErase,
  vodClient,
} from '../support/simulator.js';

const PAGE_TEST_MS = 180_000;
/** Seconds between the two pictures that count as the same one: under two frames of the clips, which have 25 a second. */
const IN_STEP_SECONDS = 0.08;
const SOURCE = '5285485487985271487';

const chromiumPath = findChromium();
if (chromiumPath === undefined) console.warn(`Skipped, every test of the review page. ${NO_CHROMIUM}`);

const folder = mkdtempSync(join(tmpdir(), 'review-page-'));
let simulator: SimulatorProcess;
let forbidding: Server;
let browser: Browser;
let page: Page;
let result = '';
let complaints: string[] = [];

function reviewed(fields: Partial<ReviewStatus> = {}, workflowId = 'erase/key/order-17'): ReviewedErase {
  const review: ReviewStatus = {
    since: '2031-01-31T10:00:00.000Z',
    timeoutAt: '2031-02-01T10:00:00.000Z',
    onTimeout: 'hold',
    overdue: false,
    taskId: '1500000001-ProcessMediaByMPS-abc',
    recipe: { name: 'subtitles', model: 'area' },
    source: { fileId: SOURCE, url: urlOf(SOURCE) },
    result: { fileId: result, url: urlOf(result) },
    note: null,
    ...fields,
  };
  return { workflowId, review };
}

const urlOf = (fileId: string) => `${simulator.url}/media/${SUB_APP_ID}/${fileId}/video.mp4`;

async function open(...erases: ReviewedErase[]): Promise<void> {
  const file = join(folder, 'review.html');
  writeFileSync(file, reviewPage(erases, new Date('2031-01-31T12:00:00Z')));
  await page.goto(pathToFileURL(file).href);
}

interface Seen {
  at: number;
  length: number;
  ready: number;
  paused: boolean;
  loaded: boolean;
  broken: boolean;
}

/** Both videos of an erase as the browser has them. */
async function videos(index = 0): Promise<[Seen, Seen]> {
  const seen = await page
    .locator('.erase')
    .nth(index)
    .locator('video')
    .evaluateAll((found) =>
      (found as unknown as VideoElement[]).map((video) => ({
        at: video.currentTime,
        length: video.duration || 0,
        ready: video.readyState,
        paused: video.paused,
        loaded: video.getAttribute('src') !== null,
        broken: video.error !== null,
      })),
    );
  return seen as [Seen, Seen];
}

interface VideoElement {
  currentTime: number;
  duration: number;
  readyState: number;
  paused: boolean;
  error: unknown;
  getAttribute(name: string): string | null;
}

async function bothReady(index = 0): Promise<void> {
  await eventually('both videos', async () =>
    (await videos(index)).every(({ ready }) => ready >= 2) ? true : undefined,
  );
}

async function playsPast(seconds: number, index = 0): Promise<void> {
  await eventually(`second ${seconds}`, async () => {
    const [source, after] = await videos(index);
    return source.at > seconds && after.at > seconds ? true : undefined;
  });
}

async function playsInStep(): Promise<void> {
  await eventually('both in step while they play', async () => {
    const [source, after] = await videos();
    // Near the end one waits for the other, which is no being in step.
    const underWay = after.at > 0.1 && source.at < source.length - 0.5 && !after.paused;
    return underWay && Math.abs(source.at - after.at) <= IN_STEP_SECONDS ? true : undefined;
  });
}

async function restsAt(seconds: number, index = 0): Promise<void> {
  await eventually(`both at ${seconds} s`, async () => {
    const [source, after] = await videos(index);
    return source.paused && after.paused && source.at === after.at && Math.abs(source.at - seconds) < 0.05
      ? true
      : undefined;
  }).catch(async () => expect.fail(`not both at ${seconds}: ${JSON.stringify(await videos(index))}`));
}

describe.skipIf(chromiumPath === undefined)('the review page', { timeout: PAGE_TEST_MS }, () => {
  beforeAll(async () => {
    [simulator, browser] = await Promise.all([
      startSimulatorProcess({ taskDurationMs: 0 }),
      launchBrowser(chromiumPath ?? ''),
    ]);
    const client = vodClient(simulator.url);
    const taskId = await submitErase(client, SOURCE);
    result = await eventually('a result', async () => {
      const task = (await simulator.admin.tasks()).find((each) => each.taskId === taskId);
      return (task as { resultFileId?: string } | undefined)?.resultFileId || undefined;
    });
    forbidding = createServer((_request, response) => response.writeHead(403).end()).listen(0, '127.0.0.1');
    await eventually('a port', () => (forbidding.listening ? true : undefined));
  }, PAGE_TEST_MS);
  afterAll(async () => {
    await browser?.close();
    await simulator?.kill();
    forbidding?.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    page = await newPage(browser);
    complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
    });
  });
  afterEach(async () => {
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  it('plays both videos in step, and pauses both on the same picture', async () => {
    await open(reviewed());
    await bothReady();
    await page.locator('[data-speed]').selectOption('0.5');
    await page.getByRole('button', { name: 'Play' }).click();
    await playsPast(0.5);
    await playsInStep();
    await page.getByRole('button', { name: 'Pause' }).click();
    const [source, after] = await videos();
    expect([source.paused, after.paused]).toEqual([true, true]);
    await restsAt(source.at);
    await takePicture(page, 'review-page');
  });

  it('corrects a video that has fallen out of step', async () => {
    await open(reviewed());
    await bothReady();
    await page.locator('[data-speed]').selectOption('0.25');
    await page.getByRole('button', { name: 'Play' }).click();
    await playsPast(0.3);
    await page
      .locator('video')
      .nth(1)
      .evaluate((video) => {
        (video as unknown as VideoElement).currentTime = 0;
      });
    await playsInStep();
  });

  it('seeks both by the bar and by keys, and steps both by one frame', async () => {
    await open(reviewed());
    await bothReady();
    await page.locator('[data-bar]').fill('1.5');
    await restsAt(1.5);
    await page.locator('h2').click();
    await page.keyboard.press('.');
    await eventually('one frame on', async () => ((await videos())[0].at > 1.5 ? true : undefined));
    const [source] = await videos();
    expect(source.at - 1.5).toBeLessThan(0.081);
    await restsAt(source.at);
    await page.keyboard.press(',');
    await page.keyboard.press('ArrowLeft');
    await restsAt(source.at - 1.04);
    await page.keyboard.press('Home');
    await restsAt(0);
    await page.keyboard.press('End');
    await restsAt((await videos())[0].length);
  });

  it('plays from the start again after the end', async () => {
    await open(reviewed());
    await bothReady();
    const [{ length }] = await videos();
    await page.locator('[data-bar]').fill(String(length - 0.2));
    await page.getByRole('button', { name: 'Play' }).click();
    await page.getByRole('button', { name: 'Play' }).waitFor();
    await restsAt(length);
    await page.getByRole('button', { name: 'Play' }).click();
    await eventually('the start', async () => ((await videos())[0].at < length / 2 ? true : undefined));
  });

  it('shows FileIds, recipe, TaskId and commands that can be copied', async () => {
    await open(reviewed({}, "it's $HOME; rm"));
    const body = await page.locator('body').innerText();
    for (const known of [SOURCE, result, 'subtitles {"model":"area"}', '1500000001-ProcessMediaByMPS-abc']) {
      expect(body).toContain(known);
    }
    const id = `'it'\\''s $HOME; rm'`;
    expect(body).toContain(`smart-erase review approve ${id} --reason`);
    expect(body).toContain(`smart-erase review reject ${id} --reason`);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy' }).first().click();
    await page.getByRole('button', { name: /Copied|Selected/ }).waitFor();
  });

  it('says it when a video is protected, is missing, or has no URL, and plays the other one', async () => {
    const { port } = forbidding.address() as AddressInfo;
    await open(
      reviewed({ source: { fileId: SOURCE, url: `http://127.0.0.1:${port}/protected.mp4` } }, 'protected'),
      reviewed({ result: { fileId: '17', url: urlOf('17') } }, 'missing'),
      reviewed({ result: { fileId: '18', url: null }, note: 'The vendor tells no URL of the result.' }, 'no-url'),
    );
    const problems = page.locator('.failed .problem');
    await eventually('three problems', async () => ((await problems.count()) === 3 ? true : undefined));
    const [forbidden, , none] = await problems.allInnerTexts();
    expect(forbidden).toMatch(/cannot be loaded.*403.*expired/s);
    expect(forbidden).toContain(SOURCE);
    expect(none).toMatch(/told no URL.*18/s);
    await page.locator('.erase').first().getByRole('button', { name: 'Play' }).click();
    await eventually('the other video', async () => ((await videos(0))[1].at > 0.2 ? true : undefined));
    await takePicture(page, 'review-page-problems');
  });

  it('holds many erases: only those near the window load, one plays at a time', async () => {
    await open(...Array.from({ length: 60 }, (_, at) => reviewed({}, `erase/key/order-${at}`)));
    await bothReady();
    expect((await videos(59)).map(({ loaded }) => loaded)).toEqual([false, false]);
    await page.keyboard.press('Space');
    await playsPast(0.1);
    await page.keyboard.press('n');
    await bothReady(1);
    await page.keyboard.press('Space');
    await playsPast(0.1, 1);
    expect((await videos(0))[0].paused).toBe(true);
    await page.locator('.erase').nth(59).scrollIntoViewIfNeeded();
    await bothReady(59);
    await eventually('the first to be unloaded', async () => ((await videos(0))[0].loaded ? undefined : true));
  });

  it('runs and loads nothing that a text of somebody else asks for', async () => {
    const evil = '"><img src=x onerror="document.title=1"><script>document.title=2</script>';
    await open(
      reviewed(
        {
          recipe: { name: evil, note: evil },
          taskId: evil,
          note: evil,
          source: { fileId: evil, url: `${simulator.url}/${evil}` },
          result: { fileId: '1', url: 'javascript:document.title=3' },
        },
        evil,
      ),
    );
    await page.locator('.failed').nth(1).waitFor();
    expect(await page.title()).toBe('Review of 1 erase');
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('script').count()).toBe(1);
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
    expect(await page.locator('h2').innerText()).toBe(evil);
  });
});
