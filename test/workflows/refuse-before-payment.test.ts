import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseFailedError, EraseHandle } from '../../src/client.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const SECRETS = {
  SMART_ERASE_WEBHOOK_SECRETS: `main=whsec_${Buffer.from('a secret of 32 bytes, more or less').toString('base64')}`,
};
const by = { by: 'ann', reason: 'the bill is paid' };
let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({ simulator: { taskDurationMs: 8_000 } });
});
afterAll(() => stack.stop());
beforeEach(() => stack.admin.clearFaults());
afterEach(async () => {
  await stack.stopWorkers();
  await stack.closeBreakers();
});

const submits = (fileId: string) => stack.outcomes('ProcessMediaByMPS', fileId);
const failureOf = (handle: EraseHandle) =>
  handle.result().catch((error: unknown) => error) as Promise<EraseFailedError>;

/** Refused for the account: nothing was paid, and an operator is waited for. */
async function held(
  fields: Parameters<EraseStack['request']>[0] = {},
): Promise<{ handle: EraseHandle; fileId: string }> {
  const request = await stack.request(fields);
  await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'UnauthorizedOperation' });
  const handle = await stack.client.start(request);
  await eventually('a hold', async () => (await handle.status()).phase === 'held' || undefined);
  return { handle, fileId: request.fileId };
}

describe('a held erase that is resumed', () => {
  it('is not paid for after its sub-application was taken off the list of allowed ones', async () => {
    await stack.startWorker();
    const { handle, fileId } = await held();
    await stack.stopWorkers();
    await stack.startWorker({ VOD_ALLOWED_SUB_APP_IDS: '1500000002' });
    await stack.closeBreakers();
    await handle.retry(by);
    expect(await failureOf(handle)).toMatchObject({ class: 'input', code: 'SubAppNotAllowed', moneySpent: false });
    expect(await submits(fileId)).toEqual(['UnauthorizedOperation']);
  });

  it('is not paid for after the expiry of its result has passed', async () => {
    await stack.startWorker();
    const expireAt = Date.now() + 6_000;
    const { handle, fileId } = await held({ publish: { expireTime: new Date(expireAt).toISOString() } });
    await stack.closeBreakers();
    await eventually('the expiry', async () => Date.now() > expireAt || undefined);
    await handle.retry(by);
    expect(await failureOf(handle)).toMatchObject({ class: 'input', code: 'InvalidRequest', moneySpent: false });
    expect(await submits(fileId)).toEqual(['UnauthorizedOperation']);
  });

  it('is not paid for after its webhook became unusable', async () => {
    await stack.startWorker({ ...SECRETS, SMART_ERASE_WEBHOOK_ALLOW_HTTP: 'true' });
    const { handle, fileId } = await held({ webhook: { url: 'https://93.184.216.34/hook', secret: 'main' } });
    await stack.stopWorkers();
    await stack.startWorker();
    await stack.closeBreakers();
    await handle.retry(by);
    expect(await failureOf(handle)).toMatchObject({ class: 'input', moneySpent: false });
    expect(await submits(fileId)).toEqual(['UnauthorizedOperation']);
  });
});

describe('an erase that was paid for', () => {
  it('reads its task after a reset when its expiry has passed, and says that money was spent', async () => {
    await stack.startWorker();
    const expireAt = Date.now() + 5_000;
    const request = await stack.request({ publish: { expireTime: new Date(expireAt).toISOString() } });
    const handle = await stack.client.start(request);
    await eventually('its submit', async () => (await submits(request.fileId)).length === 1 || undefined);
    await eventually('its wait', async () => (await handle.status()).phase === 'waiting' || undefined);
    await eventually('the expiry', async () => Date.now() > expireAt || undefined);
    const { workflowId } = handle;
    await stack.temporal.workflowService.resetWorkflowExecution({
      namespace: stack.env.TEMPORAL_NAMESPACE,
      workflowExecution: { workflowId },
      reason: 'a test',
      requestId: `reset-${workflowId}`,
      workflowTaskFinishEventId: 4 as never,
    });
    const failure = await failureOf(stack.client.getHandle(workflowId));
    expect(failure).toMatchObject({ class: 'publishFailed', moneySpent: true });
    expect(failure.taskId).not.toBeNull();
    expect(await submits(request.fileId)).toEqual(['ok']);
  });
});
