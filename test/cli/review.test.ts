import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const folder = mkdtempSync(join(tmpdir(), 'smart-erase-review-'));
let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true });
});

const review = (...args: string[]) => runCli(['review', ...args], { ...stack.env, USER: 'ann' });

/** An erase that is in review, and listed. */
async function waiting(): Promise<EraseHandle> {
  const handle = await stack.client.start(await stack.request({ review: { timeoutHours: 24 } }));
  await eventually('the list', async () => {
    for await (const row of stack.client.list({ phase: 'review' })) {
      if (row.workflowId === handle.workflowId && row.review !== null) return true;
    }
    return undefined;
  });
  return handle;
}

describe('review', () => {
  it('lists what waits, with both FileIds; a decision takes it off', async () => {
    const handle = await waiting();
    const { review: known } = await handle.status();
    const list = await review('list');
    expect([list.code, list.stdout]).toEqual([0, expect.stringContaining(handle.workflowId)]);
    for (const id of [known?.source.fileId, known?.result.fileId]) expect(list.stdout).toContain(id);
    const approved = await review('approve', handle.workflowId, '--reason', 'looks right', '-o', 'json');
    expect(approved.code).toBe(0);
    expect(JSON.parse(approved.stdout)).toEqual([
      { workflowId: handle.workflowId, decision: 'approve', retryWorkflowId: null, error: null },
    ]);
    await handle.result();
    await eventually('an empty list', async () =>
      (await review('list')).stdout.includes(handle.workflowId) ? undefined : true,
    );
    const { rows } = await stack.query(`select "by" from audit where subject = '${handle.workflowId}'`);
    expect(rows).toEqual([{ by: 'ann' }]);
  });

  it('rejects several, by another recipe, and tells the ids of the new erases', async () => {
    const handles = [await waiting(), await waiting()];
    const ids = handles.map(({ workflowId }) => workflowId);
    const args = ['--reason', 'x', '--by', 'ben', '--recipe-json', '{"name": "logo"}', '-o', 'json'];
    const { code, stdout } = await review('reject', ...ids, ...args);
    expect(code).toBe(0);
    for (const { retryWorkflowId } of JSON.parse(stdout) as { retryWorkflowId: string }[]) {
      expect((await stack.client.getHandle(retryWorkflowId).status()).request?.recipe.name).toBe('logo');
    }
    const result = await runCli(['result', ids[0] ?? ''], stack.env);
    expect([result.code, result.stderr]).toEqual([6, expect.stringContaining('rejected in review by ben: x')]);
  });

  it('decides the others when one of them cannot be decided, and ends with what that means', async () => {
    const [first, second] = [await waiting(), await waiting()];
    await first.approve({ by: 'ann', reason: 'x' });
    await first.result();
    const { code, stdout } = await review('approve', first.workflowId, 'nope', second.workflowId, '--reason', 'x');
    expect(code).toBe(3);
    expect(stdout).toContain('This erase has ended.');
    expect(stdout).toContain('There is no erase nope');
    expect(await second.result()).toMatchObject({ status: 'succeeded' });
    const alone = await review('reject', first.workflowId, '--reason', 'x');
    expect([alone.code, alone.stdout]).toEqual([3, '']);
    expect(alone.stderr).toMatch(/has ended.*review list/s);
  });

  it('writes a page of some, or of all', async () => {
    const handle = await waiting();
    await waiting();
    const [one, all] = [join(folder, 'one.html'), join(folder, 'all.html')];
    expect((await review('page', handle.workflowId, '--out', one)).code).toBe(0);
    const page = readFileSync(one, 'utf8');
    const { review: known } = await handle.status();
    expect(page.match(/<section class="erase"/g)).toHaveLength(1);
    for (const text of [known?.source.url, known?.result.url, handle.workflowId]) expect(page).toContain(text);
    expect((await review('page', '--all', '--out', all)).code).toBe(0);
    expect(readFileSync(all, 'utf8').match(/<section class="erase"/g)?.length).toBeGreaterThanOrEqual(2);
  });

  it.each([
    ['a page of nothing', ['page', '--out', join(folder, 'x.html')], 2, '--all'],
    ['a page of some and of all', ['page', 'id', '--all', '--out', join(folder, 'x.html')], 2, '--all'],
    ['a decision without a reason', ['approve', 'id'], 2, '--reason'],
    ['options without a recipe', ['reject', 'id', '--reason', 'x', '--recipe-json', '{}'], 2, '--retry-with'],
    ['a mistyped decision', ['aprove', 'id'], 2, 'approve'],
    ['an id that does not exist', ['page', 'nope', '--out', join(folder, 'x.html')], 3, 'There is no erase nope'],
  ])('refuses %s', async (_what, args, code, words) => {
    const end = await review(...args);
    expect([end.code, end.stderr]).toEqual([code, expect.stringContaining(words)]);
    expect(end.stderr).not.toMatch(/^\s+at /m);
  });

  it('does not write a page of an erase that is not in review', async () => {
    const handle = await stack.client.start(await stack.request());
    await handle.result();
    const { code, stderr } = await review('page', handle.workflowId, '--out', join(folder, 'x.html'));
    expect([code, stderr]).toEqual([3, expect.stringContaining('is not in review (it is succeeded)')]);
  });
});

describe('start', () => {
  it('asks for a review by --review, and tells what is wrong with one', async () => {
    const { fileId } = await stack.request();
    const start = (json: string) =>
      runCli(['start', fileId, '--recipe', 'logo', '--sub-app-id', '1500000001', '--review', json], stack.env);
    const wrong = await start('{"timeoutHours": 0, "onTimeout": "accept"}');
    expect(wrong.code).toBe(3);
    expect(wrong.stderr).toMatch(/review\.timeoutHours is 0; it must be above 0/);
    expect(wrong.stderr).toMatch(/review\.onTimeout is "accept"; it must be "approve", "reject" or "hold"/);
    expect((await start('{"timeoutHours": 0.5}')).code).toBe(0);
  });
});
