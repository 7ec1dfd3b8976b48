import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle, EraseRequest } from '../../src/client.js';
import { findChromium, launchBrowser, NO_CHROMIUM, newPage, takePicture } from '../support/browser.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { sharedTemporal } from '../support/temporal.js';

/** Longer than this file takes; what should end is aged. */
const TASK_DURATION_MS = 600_000;
/** Loading the UI on a busy machine with two cores. */
const PAGE_TEST_MS = 180_000;

const chromiumPath = findChromium();
if (chromiumPath === undefined) console.warn(`Skipped, every test of the Temporal UI. ${NO_CHROMIUM}`);

let stack: EraseStack;
let browser: Browser;
let page: Page;
let finished: EraseHandle;

describe.skipIf(chromiumPath === undefined)('the Temporal UI', { timeout: PAGE_TEST_MS }, () => {
  beforeAll(async () => {
    [stack, browser] = await Promise.all([
      EraseStack.start({ simulator: { taskDurationMs: TASK_DURATION_MS } }),
      launchBrowser(chromiumPath ?? ''),
    ]);
    await stack.startWorker();
    page = await newPage(browser);
  }, PAGE_TEST_MS);
  beforeEach(() => stack.clear());
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  it('shows a finished erase: what it was, what came of it, and each step in words', async () => {
    const request = await stack.request({ requestedBy: 'alice', batchId: 'batch-7', publish: { name: 'clean' } });
    const handle = await stack.client.start(request);
    finished = handle;
    await reached(handle, 'waiting');
    await stack.admin.age(TASK_DURATION_MS);
    const { taskId, resultFileId } = await handle.result();

    await open(handle, 'history');
    await shows('Completed', resultFileId ?? '', taskId);
    await takePicture(page, 'finished-history');
    // The timeline is drawn: its words stand in the page as text all the same.
    const history = await textOf('body');
    expect(history).toContain('submitErase • Submit to ProcessMediaByMPS, unless it was paid for before');
    expect(history).toContain(`awaitTask • Wait for task ${taskId}`);
    expect(history).toContain(`fetchResult • Read how task ${taskId} ended`);
    expect(history).toContain(`publishResult • Publish ${resultFileId}`);

    await open(handle, 'user-metadata');
    await detailsShow('succeeded');
    await takePicture(page, 'finished-details');
    const [summary, details, current] = await markdown();
    expect(summary).toBe(`subtitles on ${request.fileId}`);
    expect(details).toContain('Asked for by: alice');
    expect(details).toContain('Batch: batch-7');
    for (const known of [request.fileId, resultFileId, taskId, 'this run']) expect(current).toContain(known);

    await open(handle, 'search-attributes');
    await shows(`"EraseTaskId": "${taskId}"`, '"ErasePhase": "succeeded"', `"EraseFileId": "${request.fileId}"`);
    await takePicture(page, 'finished-search-attributes');
  });

  it('finds each in the list by its phase, also one that never got a task', async () => {
    const failed = await startWithError('InvalidParameter', 1);
    await expect(failed.handle.result()).rejects.toMatchObject({ class: 'input' });
    await listBy('ErasePhase="failed"');
    await shows('1 Failed', failed.handle.workflowId);
    expect(await textOf('body')).not.toContain(finished.workflowId);
    await listBy('ErasePhase="succeeded"');
    await shows('1 Completed', finished.workflowId);
    expect(await textOf('body')).not.toContain(failed.handle.workflowId);
    await takePicture(page, 'list-succeeded');
  });

  it('shows a running erase: its task, what it waits for, until when', async () => {
    const handle = await stack.client.start(await stack.request());
    await reached(handle, 'waiting');
    const { taskId, deadlineAt } = await handle.status();

    await open(handle, 'user-metadata');
    await detailsShow('waiting');
    await takePicture(page, 'running-details');
    const current = (await markdown()).at(-1);
    for (const known of ['the task to end', taskId, deadlineAt]) expect(current).toContain(known);

    await open(handle, 'pending-activities');
    await shows('Running', 'awaitTask');
    await takePicture(page, 'running-pending-activities');
    await open(handle, 'search-attributes');
    await shows(`"EraseTaskId": "${taskId}"`, '"ErasePhase": "waiting"');
  });

  it('shows a failed erase: the code, the RequestId, that nothing was paid, what to do', async () => {
    const { handle } = await startWithError('InvalidParameterValue.FileId', 1);
    const error = await handle.result().catch((thrown: unknown) => thrown as { requestId: string });
    const { requestId } = error as { requestId: string };
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);

    await open(handle, 'history');
    await shows('Failed', 'InvalidParameterValue.FileId', requestId);
    await takePicture(page, 'failed-history');
    const message = /"message": "(.*)"/.exec(await textOf('body'))?.[1] ?? '';
    // Once each: a sentence that says it twice is one that nobody reads.
    expect(message.split('InvalidParameterValue.FileId')).toHaveLength(2);
    expect(message.split(requestId)).toHaveLength(2);

    await open(handle, 'user-metadata');
    await detailsShow('failed');
    await takePicture(page, 'failed-details');
    const current = (await markdown()).at(-1);
    for (const known of ['InvalidParameterValue.FileId', requestId, 'nothing was spent', 'What to do:']) {
      expect(current).toContain(known);
    }
    await open(handle, 'search-attributes');
    await shows('"ErasePhase": "failed"');
  });

  it('shows a held erase: since when, why, and how an operator ends it', async () => {
    const { handle } = await startWithError('UnauthorizedOperation', 1);
    await reached(handle, 'held');
    const { held } = await handle.status();

    await open(handle, 'user-metadata');
    await detailsShow('Held since');
    await takePicture(page, 'held-details');
    const current = (await markdown()).at(-1);
    for (const known of ['UnauthorizedOperation', held?.requestId, held?.since, 'retry', 'skip', 'abort']) {
      expect(current).toContain(known);
    }
    await listBy('ErasePhase="held"');
    await shows(handle.workflowId);
    await takePicture(page, 'list-held');
    // The next erases are not meant to be held.
  });

  it('shows an erase in review: both FileIds, links to both videos that open, how to decide', async () => {
    const request = await stack.request({ review: { timeoutHours: 24 } });
    const handle = await stack.client.start(request);
    await reached(handle, 'waiting');
    await stack.admin.age(TASK_DURATION_MS);
    await reached(handle, 'review');
    const { resultFileId, review } = await handle.status();

    await open(handle, 'user-metadata');
    await detailsShow('In review since');
    await takePicture(page, 'review-details');
    const current = (await markdown()).at(-1);
    for (const known of [request.fileId, resultFileId, review?.timeoutAt, 'approve', 'reject', 'retryWith', '403']) {
      expect(current).toContain(known);
    }
    const link = page.locator('iframe').nth(2).contentFrame().getByRole('link', { name: 'result' });
    const [opened] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
    await opened.waitForURL(review?.result.url ?? '');
    await opened.close();
    await listBy('ErasePhase="review"');
    await shows(handle.workflowId);
    await handle.approve({ by: 'alice', reason: 'looks right' });
    await handle.result();
  });

  it('shows a cancelled erase: what became of its task and of the money, in details and memo', async () => {
    const handle = await stack.client.start(await stack.request());
    await reached(handle, 'waiting');
    const { taskId } = await handle.status();
    await handle.cancel('changed our mind', 'alice');
    await expect(handle.result()).rejects.toMatchObject({ class: 'cancelled' });

    await open(handle, 'memo');
    await shows('Canceled', '"eraseOutcome"', `"taskId": "${taskId}"`, '"moneySpent": true');
    await takePicture(page, 'cancelled-memo');
    await open(handle, 'user-metadata');
    await detailsShow('cancelled');
    await takePicture(page, 'cancelled-details');
    expect((await markdown()).at(-1)).toContain('runs on and is billed');
    await open(handle, 'search-attributes');
    await shows('"ErasePhase": "cancelled"');
  });
});

async function startWithError(code: string, times: number): Promise<{ handle: EraseHandle; request: EraseRequest }> {
  const request = await stack.request();
  await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code, fileId: request.fileId, times });
  return { request, handle: await stack.client.start(request) };
}

async function reached(handle: EraseHandle, phase: string): Promise<void> {
  await eventually(`phase ${phase}`, async () => ((await handle.status()).phase === phase ? true : undefined));
}

function namespaceUrl(): string {
  return `${sharedTemporal().ui}/namespaces/${stack.env.TEMPORAL_NAMESPACE}`;
}

/** Opens a tab of the run's page; whoever calls waits for what should be on it. */
async function open(handle: EraseHandle, tab: string): Promise<void> {
  const { runId } = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
  await page.goto(`${namespaceUrl()}/workflows/${encodeURIComponent(handle.workflowId)}/${runId}/${tab}`);
}

/** The list of runs, filtered as an operator would type it. */
async function listBy(query: string): Promise<void> {
  await page.goto(`${namespaceUrl()}/workflows?query=${encodeURIComponent(query)}`);
}

function textOf(selector: string): Promise<string> {
  return page.locator(selector).innerText();
}

/** Waits until the page says all of it. */
async function shows(...texts: string[]): Promise<void> {
  let missing: string[] = texts;
  try {
    await eventually('the page', async () => {
      const text = await textOf('body');
      missing = texts.filter((each) => !text.includes(each));
      return missing.length === 0 ? true : undefined;
    });
  } catch {
    throw new Error(`${page.url()} does not say ${missing.join(', ')}; it says:\n${await textOf('body')}`);
  }
}

/** Summary, details and current details, as the UI draws them: each in a frame of its own. */
async function markdown(): Promise<string[]> {
  const frames = await page.locator('iframe').all();
  return Promise.all(frames.map((frame) => frame.contentFrame().locator('body').innerText()));
}

/**
 * Waits until the current details say it, and all that is written stands inside of its frame. They come from a query to
 * the worker, so they are there last.
 */
async function detailsShow(text: string): Promise<void> {
  await page.locator('iframe').nth(2).contentFrame().getByText(text).first().waitFor();
  for (const frame of await page.locator('iframe').all()) {
    let seen = { heightPx: 0, lowestPx: 0 };
    await eventually('a frame as high as its text', async () => {
      seen = {
        heightPx: await frame.evaluate((element) => element.clientHeight),
        lowestPx: await frame.contentFrame().locator('body').evaluate(lowestTextPx),
      };
      return seen.lowestPx <= seen.heightPx ? true : undefined;
    }).catch(() => expect.fail(`The text ends at ${seen.lowestPx} px, the frame at ${seen.heightPx} px.`));
  }
}

/** Runs in the page: where the last line that says something ends, in pixels from the top. */
function lowestTextPx(body: PageElement): number {
  const texts = body.ownerDocument.createTreeWalker(body, 4);
  let lowest = 0;
  for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
    if (text.textContent?.trim() === '') continue;
    const range = body.ownerDocument.createRange();
    range.selectNodeContents(text);
    lowest = Math.max(lowest, range.getBoundingClientRect().bottom);
  }
  return lowest;
}

/** As much of the DOM as is used here: this project has no types of it. */
interface PageElement {
  ownerDocument: {
    createTreeWalker(root: unknown, whatToShow: number): { nextNode(): { textContent: string | null } | null };
    createRange(): { selectNodeContents(node: unknown): void; getBoundingClientRect(): { bottom: number } };
  };
}
