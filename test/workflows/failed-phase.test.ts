import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EraseStack } from '../support/erase-stack.js';

let stack: EraseStack;

afterAll(() => stack.stop());

/** Any JSON, as a client that knows nothing of ours would send it. */
async function failWith(input: unknown, workflowId: string) {
  const handle = await stack.temporal.workflow.start('erase', { taskQueue: 'smart-erase', workflowId, args: [input] });
  await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'input' } });
  return (await handle.describe()).searchAttributes;
}

describe('an erase that fails in its submit', () => {
  beforeAll(async () => {
    stack = await EraseStack.start();
    await stack.startWorker();
  });

  it('is found by its phase and its file', async () => {
    const request = await stack.request({ batchId: 'batch-1' });
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'InvalidParameter',
      fileId: request.fileId,
    });
    expect(await failWith(request, 'refused')).toMatchObject({
      ErasePhase: ['failed'],
      EraseFileId: [request.fileId],
      EraseBatchId: ['batch-1'],
    });
  });

  it('shows the phase alone when its request is not valid: the rest may be too long to be an attribute', async () => {
    const attributes = await failWith({ fileId: '9'.repeat(5_000), batchId: 'b'.repeat(5_000) }, 'not-valid');
    expect(attributes).toMatchObject({ ErasePhase: ['failed'] });
    expect(attributes).not.toHaveProperty('EraseFileId');
    expect(attributes).not.toHaveProperty('EraseBatchId');
  });
});

describe('where no search attribute is registered, an erase that fails in its submit', () => {
  beforeAll(async () => {
    await stack.stop();
    stack = await EraseStack.start({ searchAttributes: [] });
    await stack.startWorker();
  });

  it('ends all the same', async () => {
    expect(await failWith({ fileId: 'x' }, 'not-valid')).not.toHaveProperty('ErasePhase');
  });
});
