import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { batchWorkflowId } from '../../src/contract/batch.js';
import { SEARCH_ATTRIBUTE } from '../../src/contract/names.js';
import type { ReportItem, ReportManifest } from '../../src/contract/report.js';
import { countsOf, ended, newRequests, startBatch, startFed, until } from '../support/batch.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const ITEMS = 40;
const WINDOW = 30;

let stack: EraseStack;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smart-erase-cancelled-'));
  // The vendor works on one task at a time, for longer than this test: every other waits there, and can be aborted.
  stack = await EraseStack.start({
    simulator: { taskDurationMs: 600_000, maxConcurrentTasks: 1 },
    searchAttributes: Object.values(SEARCH_ATTRIBUTE),
  });
  await stack.startWorker();
});
beforeEach(() => stack.clear());
afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

const rows = (dir: string, name: string): ReportItem[] =>
  readFileSync(join(dir, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ReportItem);

describe('a batch that is cancelled while its tasks wait at the vendor', () => {
  let id: string;

  it('aborts each of them, once, as fast as the vendor allows', async () => {
    id = await startBatch(stack, ITEMS, { settings: { concurrency: WINDOW } });
    const waits = (await eventually('the window to be full of tasks', async () => {
      const tasks = await stack.admin.tasks();
      return tasks.length === WINDOW ? tasks : undefined;
    })) as Awaited<ReturnType<typeof stack.admin.tasks>>;
    expect(waits.filter(({ status }) => status === 'WAITING')).toHaveLength(WINDOW - 1);

    const cancelled = await runCli(['batch', 'cancel', id, '--reason', 'the wrong folder'], stack.env);
    expect(cancelled.code).toBe(0);
    // A running task cannot be aborted: its erase is no longer waited for, and its cost is reported.
    const end = await ended(stack, id, 60_000);
    expect([end.endedAs, countsOf(end)]).toEqual(['cancelled', { cancelled: WINDOW, skipped: ITEMS - WINDOW }]);
    const tasks = await stack.admin.tasks();
    expect(tasks).toHaveLength(WINDOW);
    expect(tasks.filter(({ status }) => status === 'ABORTED')).toHaveLength(WINDOW - 1);

    const aborts = (await stack.admin.calls()).filter(({ action }) => action === 'ManageTask');
    const taken = aborts.filter(({ outcome }) => outcome === 'ok');
    expect(taken).toHaveLength(WINDOW - 1);
    expect(aborts.filter(({ outcome }) => outcome.startsWith('RequestLimitExceeded'))).toEqual([]);
  }, 120_000);

  it('has a report of every item, of those that were never started too', async () => {
    const out = join(folder, 'report');
    const { code, stderr } = await runCli(['batch', 'results', id, '--out', out], stack.env);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as ReportManifest;
    expect(manifest).toMatchObject({ endedAs: 'cancelled', counts: { cancelled: WINDOW, skipped: ITEMS - WINDOW } });
    expect(rows(out, 'succeeded.ndjson')).toEqual([]);
    const failed = rows(out, 'failed.ndjson');
    expect(failed.map(({ row }) => row)).toEqual(Array.from({ length: ITEMS }, (_, at) => at + 2));
    const submitted = failed.filter(({ taskId }) => taskId !== null);
    expect(new Set(submitted.map(({ taskId }) => taskId)).size).toBe(WINDOW);
    const never = failed.filter(({ taskId }) => taskId === null);
    expect(new Set(never.map(({ code, costUsd }) => `${code} ${costUsd}`))).toEqual(new Set(['NotStarted null']));
  });
});

describe('a batch that waits for the runs of another', () => {
  it('starts its items for itself when the other is cancelled', async () => {
    const requests = await newRequests(stack, 2);
    const files = new Set(requests.map(({ fileId }) => fileId));
    const tasks = async () => (await stack.admin.tasks()).filter(({ fileId }) => files.has(fileId));
    const first = await startFed(stack, requests);
    await eventually('the tasks of the first', async () => (await tasks()).length === 2 || undefined);
    const second = await startFed(stack, requests);
    await until(stack, second, 'both wait', ({ counts }) => counts.running === 2);
    await stack.ledger.batches.change(first, { action: 'cancel', by: 'tester', reason: 'to see' });
    expect(countsOf(await ended(stack, first, 60_000))).toEqual({ cancelled: 2 });
    await eventually('tasks of the second', async () => {
      const statuses = (await tasks()).map(({ status }) => status).sort();
      return JSON.stringify(statuses) === '["ABORTED","ABORTED","WAITING","WAITING"]' || undefined;
    });
    expect(countsOf(await until(stack, second, 'both run', ({ counts }) => counts.running === 2))).toEqual({
      running: 2,
    });
    await stack.ledger.batches.change(second, { action: 'cancel', by: 'tester', reason: 'seen enough' });
    expect(countsOf(await ended(stack, second, 60_000))).toEqual({ cancelled: 2 });
  }, 120_000);
});

describe('a redrive of items whose tasks may still run', () => {
  it('reads them to their end, and pays for none, not even for one that failed', async () => {
    // Long enough to cancel a batch meanwhile.
    const other = await EraseStack.start({ simulator: { taskDurationMs: 10_000 } });
    try {
      await other.startWorker();
      const requests = await newRequests(other, 2);
      await other.admin.addFault({
        action: 'ProcessMediaByMPS',
        kind: 'task-failure',
        code: 'InternalError',
        fileId: requests[1]?.fileId,
        times: 2,
      });
      const first = await startFed(other, requests);
      await eventually('both tasks', async () => (await other.admin.tasks()).length === 2 || undefined);
      await other.ledger.batches.change(first, { action: 'cancel', by: 'tester', reason: 'to see' });
      expect(countsOf(await ended(other, first))).toEqual({ cancelled: 2 });

      const redriven = await runCli(['batch', 'redrive', first, '--yes', '-o', 'json'], other.env);
      expect([redriven.code, redriven.stderr]).toEqual([0, expect.any(String)]);
      const { batchId } = JSON.parse(redriven.stdout) as { batchId: string };
      expect(countsOf(await ended(other, batchId, 60_000))).toEqual({ reused: 1, failed: 1 });
      const items = await other.ledger.batches.items(batchId, { limit: 2 });
      expect(items.map(({ state, attempts }) => [state, attempts])).toEqual([
        ['reused', 0],
        ['failed', 0],
      ]);
      expect(items[1]).toMatchObject({ errorClass: 'taskFailed', errorCode: 'InternalError' });
      for (const { fileId } of requests) expect(await other.outcomes('ProcessMediaByMPS', fileId)).toEqual(['ok']);
    } finally {
      await other.stop();
    }
  }, 120_000);
});

describe('what the Temporal UI shows of a batch', () => {
  it('has a filter that finds exactly its failed runs', async () => {
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'InvalidParameterValue.FileId',
      times: 3,
    });
    const id = await startFed(stack, await newRequests(stack, 3));
    const end = await ended(stack, id);
    expect(countsOf(end)).toEqual({ failed: 3 });

    const handle = stack.temporal.workflow.getHandle(batchWorkflowId(id));
    const filter = await eventually('the details of the end', async () => {
      const { definition: _, currentDetails } = (await handle.query('__temporal_workflow_metadata')) as {
        definition: unknown;
        currentDetails: string;
      };
      return currentDetails.includes('ended: completed') ? /`(\w+ = '[^`]+)`/.exec(currentDetails)?.[1] : undefined;
    });
    const items = await stack.ledger.batches.items(id, { limit: 3 });
    const wanted = items.map(({ workflowId }) => workflowId).sort();
    // The list of workflows lags behind.
    await eventually('the failed runs in the list', async () => {
      const found: string[] = [];
      for await (const { workflowId } of stack.temporal.workflow.list({ query: filter })) found.push(workflowId);
      return JSON.stringify(found.sort()) === JSON.stringify(wanted) || undefined;
    });
  });
});

describe('limits that are changed while a batch runs', () => {
  it('count within five seconds', async () => {
    const id = await startBatch(stack, 20, { settings: { concurrency: 2 } });
    await until(stack, id, 'two run', ({ counts }) => counts.running === 2);
    const set = await runCli(['batch', 'set', id, '--concurrency', '6', '--reason', 'more room'], stack.env);
    expect(set.code).toBe(0);
    await until(stack, id, 'six run', ({ counts }) => counts.running === 6, 5_000);
    expect(await runCli(['batch', 'cancel', id, '--reason', 'seen enough'], stack.env)).toMatchObject({
      code: 0,
    });
    await ended(stack, id, 60_000);
  });

  it('stop a batch of which more has failed than is tolerated from now on', async () => {
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'InvalidParameterValue.FileId',
      times: 1_000,
    });
    const id = await startBatch(stack, 1_000);
    await until(stack, id, 'some failed', ({ counts }) => counts.failed > 5);
    const set = await runCli(['batch', 'set', id, '--tolerate', '3', '--reason', 'too many'], stack.env);
    expect(set.code).toBe(0);
    const stopped = ({ waitingFor, endedAs }: { waitingFor: string | null; endedAs: string | null }) =>
      waitingFor === 'tolerance' || endedAs === 'failed';
    await until(stack, id, 'it stops', stopped, 5_000);
    const end = await ended(stack, id, 60_000);
    expect(end.endedAs).toBe('failed');
    expect(end.counts.skipped).toBeGreaterThan(500);
  }, 90_000);
});
