import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestConflictError } from '../../src/client.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());

const submits = (fileId: string) => stack.outcomes('ProcessMediaByMPS', fileId);

describe('starting the same erase again', () => {
  it('gives the run that is under way, and the one that is done', async () => {
    const request = await stack.request();
    const [one, two] = await Promise.all([stack.client.start(request), stack.client.start(request)]);
    expect(two.workflowId).toBe(one.workflowId);
    const [first, second] = await Promise.all([one.result(), two.result()]);
    expect(second).toEqual(first);
    const later = await stack.client.start({ ...request, requestedBy: 'somebody else' });
    expect(await later.result()).toEqual(first);
    expect(await submits(request.fileId)).toEqual(['ok']);
  });

  it('under two keys at once pays once, and gives both the result', async () => {
    const request = await stack.request();
    const results = await Promise.all(
      ['order-1', 'order-2', 'order-3'].map((key) =>
        stack.client.execute({ ...request, key: `${key}-${request.fileId}` }),
      ),
    );
    expect(new Set(results.map((r) => r.resultFileId)).size).toBe(1);
    expect(results.filter((r) => !r.reused)).toHaveLength(1);
    expect(await submits(request.fileId)).toEqual(['ok']);
  });

  it('after Temporal has forgotten the run pays nothing', async () => {
    const request = await stack.request();
    const handle = await stack.client.start(request);
    const first = await handle.result();
    await stack.temporal.workflowService.deleteWorkflowExecution({
      namespace: stack.env.TEMPORAL_NAMESPACE,
      workflowExecution: { workflowId: handle.workflowId },
    });
    const again = await stack.client.execute({ ...request, key: `after-${request.fileId}` });
    expect(again).toMatchObject({ reused: true, resultFileId: first.resultFileId, taskId: first.taskId });
    expect(await submits(request.fileId)).toEqual(['ok']);
  });

  it('publishes what was paid for before', async () => {
    const request = await stack.request();
    const first = await stack.client.execute(request);
    const again = await stack.client.execute({ ...request, key: `p-${request.fileId}`, publish: { name: 'late' } });
    expect(again).toMatchObject({ reused: true, published: { changed: ['name'] } });
    expect(await stack.outcomes('ModifyMediaInfo', first.resultFileId ?? '')).toEqual(['ok']);
  });

  it('says so when the result was deleted, and pays again only when told to', async () => {
    const request = await stack.request();
    const { resultFileId } = await stack.client.execute(request);
    await stack.simulator.admin.removeMedia(resultFileId ?? '');
    await expect(stack.client.execute({ ...request, key: `d-${request.fileId}` })).rejects.toMatchObject({
      class: 'badResult',
      code: 'ResultDeleted',
    });
    const payAgain = { token: 'anew', reason: 'the result was deleted' };
    const anew = await stack.client.execute({ ...request, payAgain });
    expect(anew.reused).toBe(false);
    expect(anew.resultFileId).not.toBe(resultFileId);
    expect((await stack.client.execute({ ...request, payAgain, key: 'once' })).reused).toBe(true);
    expect(await submits(request.fileId)).toEqual(['ok', 'ok']);
  });

  it('gives what payAgain made anew, under whatever token, and never asks for a further payment', async () => {
    const request = await stack.request();
    const first = await stack.client.execute(request);
    await stack.simulator.admin.removeMedia(first.resultFileId ?? '');
    const payAgain = { token: 't1', reason: 'the result was deleted' };
    const anew = await stack.client.execute({ ...request, payAgain });
    const plain = await stack.client.execute({ ...request, key: `plain-${request.fileId}` });
    expect(plain).toMatchObject({ reused: true, resultFileId: anew.resultFileId, taskId: anew.taskId });
    expect(await submits(request.fileId)).toEqual(['ok', 'ok']);
  });

  it('joins the payment again that is under way for a result known to be deleted', async () => {
    const request = await stack.request();
    const first = await stack.client.execute(request);
    await stack.simulator.admin.removeMedia(first.resultFileId ?? '');
    const payAgain = { token: 't2', reason: 'the result was deleted' };
    const anew = await stack.client.start({ ...request, payAgain });
    await eventually('its submit', async () => (await submits(request.fileId)).length === 2 || undefined);
    const plain = await stack.client.execute({ ...request, key: `joins-${request.fileId}` });
    expect(plain.resultFileId).toBe((await anew.result()).resultFileId);
    expect(await submits(request.fileId)).toEqual(['ok', 'ok']);
  });

  it('says so when the newest result was deleted as well', async () => {
    const request = await stack.request();
    const first = await stack.client.execute(request);
    const payAgain = { token: 't3', reason: 'once more' };
    const second = await stack.client.execute({ ...request, payAgain });
    const plain = () => stack.client.execute({ ...request, key: `k-${Math.random()}` });
    // The newest one counts, and the one before it once that is gone.
    expect((await plain()).resultFileId).toBe(second.resultFileId);
    await stack.simulator.admin.removeMedia(second.resultFileId ?? '');
    expect((await plain()).resultFileId).toBe(first.resultFileId);
    await stack.simulator.admin.removeMedia(first.resultFileId ?? '');
    await expect(plain()).rejects.toMatchObject({ code: 'ResultDeleted', moneySpent: true });
    expect(await submits(request.fileId)).toEqual(['ok', 'ok']);
  });

  it('pays for another recipe on the same file', async () => {
    const request = await stack.request();
    const one = await stack.client.execute(request);
    const other = await stack.client.execute({ ...request, recipe: { name: 'logo' } });
    expect(other.resultFileId).not.toBe(one.resultFileId);
    expect(await submits(request.fileId)).toEqual(['ok', 'ok']);
  });
});

describe('the same id for something else', () => {
  it('is a conflict that names the difference', async () => {
    const request = await stack.request({ key: 'conflict-1', publish: { name: 'one' } });
    await stack.client.start(request);
    const other = { ...request, publish: { name: 'two' }, recipe: { name: 'logo' } };
    const error = await stack.client.start(other).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RequestConflictError);
    expect(error).toMatchObject({
      class: 'conflict',
      difference: expect.arrayContaining(['publish.name', 'recipe.name']),
    });
  });
});
