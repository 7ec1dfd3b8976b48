import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchSnapshot } from '../../src/contract/batch.js';
import { countsOf, ended, newRequests, startFed, submitsOf, until } from '../support/batch.js';
import { type RunningCli, runCli, startCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

/** Longer than any command or wait here takes on a slow machine. */
const TIMEOUT_MS = 120_000;

let stack: EraseStack;
let worker: RunningCli | undefined;

beforeAll(async () => {
  stack = await EraseStack.start({
    simulator: { taskDurationMs: 300 },
    env: { VOD_SUBMIT_RPS: '10', VOD_WATCH_INTERVAL_SECONDS: '0.5' },
  });
});
afterAll(async () => {
  worker?.process.kill('SIGKILL');
  await worker?.ended;
  await stack.stop();
});

async function startWorker(): Promise<void> {
  worker = startCli(['worker', '-o', 'json'], stack.env, { timeoutMs: 600_000 });
  await eventually('the worker', () => worker?.stdout().includes('"ready":true') || undefined, TIMEOUT_MS);
}

async function killWorker(): Promise<void> {
  worker?.process.kill('SIGKILL');
  await worker?.ended;
}

const batch = (...args: string[]) => runCli(['batch', ...args], stack.env, { timeoutMs: TIMEOUT_MS });
const REVIEW = { timeoutHours: 24, onTimeout: 'hold' as const };
const WHY = ['--reason', 'to see', '--by', 'tester'];

describe('batch commands', () => {
  it('pause a batch across the death of its worker, and let it go on to its exact end', async () => {
    await startWorker();
    const id = await startFed(stack, await newRequests(stack, 60), { settings: { concurrency: 8 } });
    await until(stack, id, 'some are done', ({ counts }) => counts.succeeded >= 5, TIMEOUT_MS);
    await killWorker();
    expect(await batch('pause', id, ...WHY)).toMatchObject({ code: 0 });
    await startWorker();
    // What ran is taken to its end by the new worker, and nothing is started.
    await until(stack, id, 'nothing runs', ({ counts }) => counts.running === 0, TIMEOUT_MS);
    const paused = await until(stack, id, 'paused', ({ state }) => state === 'paused');
    expect(paused.counts.pending).toBeGreaterThan(0);
    const submitted = (await submitsOf(stack, id)).length;
    expect(submitted + paused.counts.pending).toBe(60);

    const status = await batch('status', id, '-o', 'json');
    expect((JSON.parse(status.stdout) as BatchSnapshot).counts).toEqual(paused.counts);
    const stuck = await batch('watch', id, '--every', '1s');
    expect([stuck.code, stuck.stderr]).toEqual([8, expect.stringContaining(`smart-erase batch resume ${id}`)]);

    const resumed = await batch('resume', id, ...WHY);
    expect([resumed.code, resumed.stdout]).toEqual([0, expect.stringContaining('running')]);
    const watched = await batch('watch', id, '--every', '1s', '-o', 'jsonl');
    const lines = watched.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as BatchSnapshot);
    expect(watched.code).toBe(0);
    expect(lines.at(-1)).toMatchObject({ state: 'ended', endedAs: 'completed', counts: { succeeded: 60, total: 60 } });
    for (const {
      counts: { total, ...states },
    } of lines) {
      expect(Object.values(states).reduce((sum, count) => sum + count, 0)).toBe(total);
    }
    expect(new Set((await submitsOf(stack, id)).map(({ fileId }) => fileId)).size).toBe(60);
    expect(await submitsOf(stack, id)).toHaveLength(60);

    const list = await batch('list');
    expect(list.stdout).toContain(id);
    expect(await batch('pause', id, ...WHY)).toMatchObject({ code: 9, stderr: expect.stringContaining('has ended') });
  }, 300_000);

  it('change limits, cancel, and tell by the exit code that not everything succeeded', async () => {
    const id = await startFed(stack, await newRequests(stack, 40), { settings: { concurrency: 2 } });
    await until(stack, id, 'some run', ({ counts }) => counts.succeeded > 0, TIMEOUT_MS);
    const set = await batch('set', id, '--concurrency', '3', '--tolerate', '5%', '--max-cost', '50', ...WHY);
    expect([set.code, set.stdout]).toEqual([0, expect.stringContaining('5% failures')]);
    expect(await batch('cancel', id, ...WHY)).toMatchObject({ code: 0 });
    const end = await ended(stack, id, TIMEOUT_MS);
    expect(end.endedAs).toBe('cancelled');
    expect(countsOf(end).skipped).toBeGreaterThan(0);
    expect(await batch('watch', id)).toMatchObject({ code: 6, stderr: expect.stringContaining('What failed') });
  }, 200_000);

  it('know no batch that is not there, and no change that says nothing', async () => {
    expect(await batch('status', 'nobody')).toMatchObject({ code: 2, stderr: expect.stringContaining('batch list') });
    expect(await batch('set', 'nobody', ...WHY)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--tolerate'),
    });
    expect(await batch('pause', 'nobody')).toMatchObject({ code: 2, stderr: expect.stringContaining('--reason') });
  });

  it('leave a batch of another installation on the same ledger alone, and say whose it is', async () => {
    const id = await startFed(stack, await newRequests(stack, 1), { settings: { concurrency: 8 } });
    const refused = await runCli(['batch', 'cancel', id, ...WHY], { ...stack.env, SMART_ERASE_PREFIX: 'media' });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('SMART_ERASE_PREFIX is "media"') });
    expect(await ended(stack, id)).toMatchObject({ endedAs: 'completed', counts: { succeeded: 1 } });
  });

  it('cancel what the batch began, and leave alone what somebody else did', async () => {
    const [mine, theirs] = (await newRequests(stack, 2)).map((request) => ({ ...request, review: REVIEW }));
    if (mine === undefined || theirs === undefined) throw new Error('no requests');
    const live = await stack.client.start(theirs);
    await eventually(
      'its review',
      async () => ((await live.status()).phase === 'review' ? true : undefined),
      TIMEOUT_MS,
    );
    const id = await startFed(stack, [mine, theirs]);
    await until(stack, id, 'both are in review', ({ inReview }) => inReview === 2, TIMEOUT_MS);
    // Only a person can go on: a script hears of it, and of what to do.
    const watched = await batch('watch', id, '--every', '1s');
    expect([watched.code, watched.stderr]).toEqual([8, expect.stringContaining('smart-erase review list')]);
    await batch('cancel', id, ...WHY);
    expect(countsOf(await ended(stack, id, TIMEOUT_MS))).toEqual({ cancelled: 1, skipped: 1 });
    const [left] = await stack.ledger.batches.items(id, { limit: 10, states: ['skipped'] });
    expect(left).toMatchObject({ fileId: theirs.fileId, errorCode: 'NotStarted', runId: live.runId });
    expect(left?.errorMessage).toContain('runs for a caller of its own, and goes on');
    expect(await live.status()).toMatchObject({ execution: 'running', phase: 'review' });
    await live.approve({ by: 'tester', reason: 'it is fine' });
    expect(await live.result()).toMatchObject({ status: 'succeeded', sourceFileId: theirs.fileId });
  }, 200_000);

  it('stop watching at Ctrl-C, and say how to come back', async () => {
    const requests = (await newRequests(stack, 1)).map((request) => ({
      ...request,
      review: REVIEW,
    }));
    const id = await startFed(stack, requests);
    const watching = startCli(['batch', 'watch', id, '--every', '1s'], stack.env, { timeoutMs: TIMEOUT_MS });
    await eventually('a line', () => watching.stderr().includes('running') || undefined, TIMEOUT_MS);
    watching.process.kill('SIGINT');
    const { code, stderr } = await watching.ended;
    expect([code, stderr]).toEqual([130, expect.stringContaining(`smart-erase batch watch ${id}`)]);
    await batch('cancel', id, ...WHY);
    await ended(stack, id, TIMEOUT_MS);
  }, 200_000);
});
