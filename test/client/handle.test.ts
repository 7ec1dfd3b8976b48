import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  EraseCancelledError,
  EraseClient,
  EraseFailedError,
  InvalidRequestError,
  type ListedErase,
} from '../../src/client.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { createTestNamespace } from '../support/temporal.js';

/** Longer than any of these tests: such a task is still running whenever they look. */
const NEVER_DONE = { taskDurationMs: 600_000 };
let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
});
afterAll(() => stack.stop());

describe('an erase without a worker', () => {
  it('has a status, from what Temporal knows', async () => {
    const handle = await stack.client.start(await stack.request());
    const status = await handle.status();
    expect(status).toMatchObject({ execution: 'running', phase: 'submitting', live: false, moneySpent: false });
    expect(status.waitingFor).toContain('worker');
    expect(status.fileId).toBe(status.request?.fileId);
  });

  it('can be cancelled, with who and why in its history', async () => {
    const handle = await stack.client.start(await stack.request());
    expect(await handle.cancel('wrong file', 'ann')).toBe('requested');
    const { events } = await stack.temporal.workflow.getHandle(handle.workflowId).fetchHistory();
    const asked = events?.flatMap((event) => event.workflowExecutionCancelRequestedEventAttributes ?? []);
    expect(asked).toMatchObject([{ cause: 'wrong file', identity: 'ann' }]);
  });

  it('that is terminated fails as aborted from outside', async () => {
    const handle = await stack.client.start(await stack.request());
    await stack.temporal.workflow.getHandle(handle.workflowId).terminate('enough');
    const failed = handle.result();
    await expect(failed).rejects.toBeInstanceOf(EraseFailedError);
    await expect(failed).rejects.toMatchObject({ class: 'aborted', code: 'Terminated', workflowId: handle.workflowId });
    expect(await handle.status()).toMatchObject({
      execution: 'terminated',
      phase: 'failed',
      failure: { class: 'aborted' },
    });
    expect(await handle.cancel('too late')).toBe('already-ended');
  });

  it('does not keep a caller waiting who does not want to, or no longer', async () => {
    const handle = await stack.client.start(await stack.request());
    await expect(handle.result({ wait: false })).rejects.toMatchObject({ code: 'StillRunning' });
    const controller = new AbortController();
    const waiting = handle.result({ signal: controller.signal });
    controller.abort(new Error('no longer'));
    await expect(waiting).rejects.toThrow('no longer');
    expect((await handle.status()).execution).toBe('running');
  });
});

describe('an erase with a worker', () => {
  beforeAll(() => stack.startWorker());

  it('gives its result, and its status tells the same afterwards', async () => {
    const request = await stack.request();
    const handle = await stack.client.start(request);
    const result = await handle.result();
    expect(result).toMatchObject({ status: 'succeeded', sourceFileId: request.fileId });
    expect(await handle.result({ wait: false })).toEqual(result);
    const status = await stack.client.getHandle(handle.workflowId).status();
    expect(status).toMatchObject({ phase: 'succeeded', execution: 'completed', moneySpent: true, result });
    expect(status.resultFileId).toBe(result.resultFileId);
  });

  it('is the answer to the same request, also when it is done', async () => {
    const request = await stack.request();
    const first = await stack.client.start(request);
    const result = await first.result();
    const again = await stack.client.start(request);
    expect(again.started).toBe(false);
    expect(await again.result()).toEqual(result);
  });

  it('that the vendor refuses fails with class, code and RequestId', async () => {
    const request = await stack.request();
    const failed = stack.client.execute({ ...request, fileId: '999' });
    await expect(failed).rejects.toBeInstanceOf(EraseFailedError);
    await expect(failed).rejects.toMatchObject({ class: 'input', moneySpent: false, taskId: null });
    const error = await failed.catch((thrown: EraseFailedError) => thrown);
    expect(error).toMatchObject({
      code: expect.any(String),
      requestId: expect.any(String),
      workflowId: expect.any(String),
    });
    expect(JSON.parse(JSON.stringify(error))).not.toHaveProperty('stack');
  });

  it('tells its phase while it runs, and what a cancel costs', async () => {
    const slow = await EraseStack.start({ simulator: NEVER_DONE });
    try {
      await slow.startWorker();
      const handle = await slow.client.start(await slow.request());
      const status = await eventually('the phase waiting', async () => {
        const now = await handle.status();
        return now.phase === 'waiting' ? now : undefined;
      });
      expect(status).toMatchObject({ live: true, execution: 'running', moneySpent: true });
      expect(status.taskId).toContain('-ProcessMediaByMPS-');
      expect(await handle.cancel('not needed', 'ann')).toBe('requested');
      const cancelled = handle.result();
      await expect(cancelled).rejects.toBeInstanceOf(EraseCancelledError);
      await expect(cancelled).rejects.toMatchObject({ class: 'cancelled', taskId: status.taskId, moneySpent: true });
      expect(await handle.status()).toMatchObject({
        phase: 'cancelled',
        execution: 'cancelled',
        failure: { taskId: status.taskId },
      });
    } finally {
      await slow.stop();
    }
  });
});

describe('the list of erases', () => {
  async function listed(client: EraseClient, options: Parameters<EraseClient['list']>[0]): Promise<ListedErase[]> {
    const rows: ListedErase[] = [];
    for await (const row of client.list(options)) rows.push(row);
    return rows;
  }

  it('filters by phase, by state and by batch, and ends at its limit', async () => {
    const request = await stack.request({ batchId: "it's" });
    await stack.client.execute(request);
    const row = await eventually('the erase in the list', async () => {
      const rows = await listed(stack.client, { phase: 'succeeded', status: 'completed', batchId: "it's" });
      return rows[0];
    });
    expect(row).toMatchObject({ fileId: request.fileId, phase: 'succeeded', recipe: 'subtitles', batchId: "it's" });
    expect(await listed(stack.client, { limit: 2 })).toHaveLength(2);
    expect(await listed(stack.client, { status: 'running', batchId: "it's" })).toEqual([]);
  });

  it('works where no search attributes are registered, and says what a filter would need', async () => {
    const namespace = await createTestNamespace('plain', []);
    const { connection } = stack.temporal;
    const client = await EraseClient.connect({ connection, namespace });
    const request = await stack.request();
    await client.start(request);
    const [row] = await eventually('the erase in the list', async () => {
      const rows = await listed(client, {});
      return rows.length > 0 ? rows : undefined;
    });
    expect(row).toMatchObject({ fileId: request.fileId, phase: null, execution: 'running' });
    const filtered = listed(client, { phase: 'held' });
    await expect(filtered).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(filtered).rejects.toMatchObject({ advice: expect.stringContaining('smart-erase setup') });
  });
});
