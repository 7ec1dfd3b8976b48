import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { observeStarts } from '../../src/temporal/observed-starts.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());

const submits = async (fileId: string) => (await stack.outcomes('ProcessMediaByMPS', fileId)).length;
/** Publishing sets the name of the new file by one such call. */
const publishes = async (fileId: string | null) => (await stack.outcomes('ModifyMediaInfo', fileId ?? '')).length;

describe('another wish for a result that is paid for', () => {
  it.each([
    ['publish', { publish: { name: 'clean' } }],
    ['review', { review: { timeoutHours: 1, onTimeout: 'approve' as const } }],
    ['deadlineHours', { deadlineHours: 12 }],
  ])('of %s starts the erase anew, and pays nothing', async (field, wish) => {
    const request = await stack.request();
    const first = await stack.client.start(request);
    const { resultFileId } = await first.result();
    const second = await stack.client.start({ ...request, ...wish });
    expect([second.started, second.workflowId]).toEqual([true, first.workflowId]);
    expect(second.runId).not.toBe(first.runId);
    if (field === 'review') {
      await eventually('the review', async () => ((await second.status()).phase === 'review' ? true : undefined));
      await second.approve({ by: 'tester', reason: 'good' });
    }
    expect(await second.result()).toMatchObject({ resultFileId, reused: true });
    // The handle of the first still means the first.
    expect(await first.result()).toMatchObject({ resultFileId, reused: false });
    expect(await submits(request.fileId)).toBe(1);
    // Asked again, nothing is done again.
    const again = await stack.client.start({ ...request, ...wish });
    expect([again.started, again.runId]).toEqual([false, second.runId]);
    expect(await publishes(resultFileId)).toBe(field === 'publish' ? 1 : 0);
  });

  it('is done once, however many ask for it at once', async () => {
    const request = await stack.request();
    const { resultFileId } = await stack.client.execute(request);
    const wished = { ...request, publish: { name: 'clean' } };
    const handles = await Promise.all(Array.from({ length: 12 }, () => stack.client.start(wished)));
    expect(new Set(handles.map(({ runId }) => runId)).size).toBe(1);
    await Promise.all(handles.map((handle) => handle.result()));
    expect(await publishes(resultFileId)).toBe(1);
    expect(await submits(request.fileId)).toBe(1);
  });

  it('is done once by one who saw the run before it, and starts when another was faster and has ended', async () => {
    const request = await stack.request();
    const first = await stack.client.start(request);
    await first.result();
    const wished = { ...request, publish: { name: 'clean' } };
    const second = await stack.client.start(wished);
    const { resultFileId } = await second.result();
    const starts = observeStarts(stack.temporal.connection);
    const { namespace } = stack.temporal.options;
    const late = new Client({ connection: starts.connection, namespace });
    const run = await starts.withRequestId(`after-${first.runId}`, () =>
      late.workflow.start('erase', {
        workflowId: first.workflowId,
        taskQueue: 'smart-erase',
        args: [wished],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      }),
    );
    expect(run.firstExecutionRunId).toBe(second.runId);
    expect(await publishes(resultFileId)).toBe(1);
  });

  it('of two kinds at once is each done, or told to be in conflict while the other runs', async () => {
    const request = await stack.request();
    await stack.client.execute(request);
    const wish = (name: string) => stack.client.execute({ ...request, publish: { name } });
    const ends = await Promise.allSettled([wish('one'), wish('two')]);
    for (const end of ends) {
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ class: 'conflict' });
    }
    expect(ends.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(await submits(request.fileId)).toBe(1);
  });

  it('is not asking for less: what was done besides stands', async () => {
    const request = await stack.request();
    const published = await stack.client.start({ ...request, publish: { name: 'clean' } });
    const result = await published.result();
    const plain = await stack.client.start(request);
    expect([plain.started, plain.runId]).toEqual([false, published.runId]);
    const again = await stack.client.start({ ...request, publish: { name: 'clean' } });
    expect(again.runId).toBe(published.runId);
    expect(await publishes(result.resultFileId)).toBe(1);
  });

  it('is a conflict while the run goes on, with its answer when that has ended', async () => {
    const request = await stack.request({ review: { timeoutHours: 1 } });
    const first = await stack.client.start(request);
    await eventually('the review', async () => ((await first.status()).phase === 'review' ? true : undefined));
    const wished = { ...request, publish: { name: 'clean' } };
    await expect(stack.client.start(wished)).rejects.toMatchObject({ class: 'conflict', difference: ['publish'] });
    await first.approve({ by: 'tester', reason: 'good' });
    await first.result();
    const second = await stack.client.start({ ...wished, review: undefined } as typeof wished);
    expect(await second.result()).toMatchObject({ reused: true });
  });

  it('under a key of the caller is a conflict, as the key stands for one request', async () => {
    const request = await stack.request({ key: 'one-wish' });
    await stack.client.execute(request);
    const other = stack.client.start({ ...request, publish: { name: 'clean' } });
    await expect(other).rejects.toMatchObject({ class: 'conflict', difference: ['publish'] });
  });

  it('after a start of somebody without a memo is told by its input', async () => {
    const request = await stack.request();
    const { workflowId } = await stack.client.start(await stack.request());
    const own = workflowId.replace(/\d{19}/, request.fileId);
    const plain = { workflowId: own, taskQueue: 'smart-erase', args: [request] };
    await (await stack.temporal.workflow.start('erase', plain)).result();
    const second = await stack.client.start({ ...request, publish: { name: 'clean' } });
    expect([second.started, second.workflowId]).toEqual([true, own]);
    expect(await second.result()).toMatchObject({ reused: true });
    expect(await submits(request.fileId)).toBe(1);
  });

  it('by a further payment, whose reason is another, is the same payment', async () => {
    const request = await stack.request();
    const again = (reason: string) => ({ ...request, payAgain: { token: 'anew', reason } });
    const first = await stack.client.start(again('one reason'));
    await first.result();
    const second = await stack.client.start(again('another reason'));
    expect([second.started, second.runId]).toEqual([false, first.runId]);
    expect(await submits(request.fileId)).toBe(1);
  });

  it('is not mixed up with another file under the same id', async () => {
    const request = await stack.request();
    const other = await stack.request();
    const { workflowId } = await stack.client.start(await stack.request());
    const id = workflowId.replace(/\d{19}/, request.fileId);
    await (
      await stack.temporal.workflow.start('erase', { workflowId: id, taskQueue: 'smart-erase', args: [other] })
    ).result();
    await expect(stack.client.start(request)).rejects.toMatchObject({ class: 'conflict', difference: ['fileId'] });
  });
});
