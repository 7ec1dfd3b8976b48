import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import { UPDATE } from '../../src/contract/names.js';
import type { EraseRequest } from '../../src/contract/request.js';
import type { FaultSpec } from '../../src/simulator/index.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(async () => {
  await stack.admin.clearFaults();
  await stack.closeBreakers();
});

async function startWith(fault: Omit<FaultSpec, 'action'>): Promise<{ request: EraseRequest; handle: EraseHandle }> {
  const request = await stack.request();
  await stack.admin.addFault({ action: 'ProcessMediaByMPS', fileId: request.fileId, ...fault });
  return { request, handle: await stack.client.start(request) };
}

const submits = (request: EraseRequest) => stack.outcomes('ProcessMediaByMPS', request.fileId);

async function held(handle: EraseHandle) {
  return await eventually('a hold', async () => {
    const status = await handle.status();
    return status.phase === 'held' ? status : undefined;
  });
}

function decide(handle: EraseHandle, update: keyof typeof UPDATE, reason = 'looked at it'): Promise<unknown> {
  const run = stack.temporal.workflow.getHandle(handle.workflowId);
  return run.executeUpdate(UPDATE[update], { args: [{ by: 'alice', reason }] });
}

describe('a refusal of the request', () => {
  it('fails the erase after one call, with the code and the RequestId', async () => {
    const { request, handle } = await startWith({ kind: 'error', code: 'FailedOperation.MediaNotExist' });
    await expect(handle.result()).rejects.toMatchObject({
      class: 'input',
      code: 'FailedOperation.MediaNotExist',
      moneySpent: false,
      requestId: expect.stringMatching(/.+/),
    });
    expect(await submits(request)).toEqual(['FailedOperation.MediaNotExist']);
  });

  it('may be started again, and then pays', async () => {
    const { request, handle } = await startWith({ kind: 'error', code: 'InvalidParameter' });
    await expect(handle.result()).rejects.toMatchObject({ class: 'input' });
    expect(await stack.client.execute(request)).toMatchObject({ reused: false });
  });
});

describe('a call that was not executed', () => {
  it.each([
    ['throttled', { kind: 'error', code: 'RequestLimitExceeded', times: 2 }],
    ['busy', { kind: 'error', code: 'ResourceInUse', times: 1 }],
  ] as const)('is sent again later when %s', async (_name, fault) => {
    const { request, handle } = await startWith(fault);
    expect(await handle.result()).toMatchObject({ status: 'succeeded', reused: false });
    expect(await submits(request)).toEqual([...Array(fault.times).fill(fault.code), 'ok']);
  });
});

describe('a call whose fate is not known', () => {
  const accepted: [string, Omit<FaultSpec, 'action'>][] = [
    ['the connection closes', { kind: 'drop-after-accept' }],
    ['the connection is reset', { kind: 'drop-after-accept', reset: true }],
    ['the answer is cut', { kind: 'truncate' }],
    ['the answer is not JSON', { kind: 'bad-json' }],
    ['the answer is empty', { kind: 'bad-json', body: '{}' }],
    ['the vendor says InternalError', { kind: 'error', code: 'InternalError', execute: true }],
    ['the vendor says FailedOperation', { kind: 'error', code: 'FailedOperation', execute: true }],
    [
      'the vendor says that it is a duplicate',
      { kind: 'error', code: 'InvalidParameterValue.SessionId', execute: true },
    ],
    ['a gateway answers 502', { kind: 'http-status', status: 502, execute: true }],
    ['the answer comes after the timeout', { kind: 'delay', ms: 4_000 }],
  ];
  it.each(accepted)('is adopted, not paid again, when it was accepted and %s', async (_name, fault) => {
    const { request, handle } = await startWith(fault);
    const result = await handle.result();
    expect(result.reused).toBe(false);
    expect(await submits(request)).toHaveLength(1);
    const tasks = (await stack.admin.tasks()).filter((t) => t.fileId === request.fileId);
    expect(tasks.map((t) => t.taskId)).toEqual([result.taskId]);
    expect(await stack.ledger.submissions.findByTask(result.taskId)).toMatchObject({
      adopted: true,
      outcome: 'succeeded',
    });
  });

  it('is adopted although the task is listed late', async () => {
    const request = await stack.request();
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'drop-after-accept', fileId: request.fileId });
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'late-listing',
      ms: 5_000,
      fileId: request.fileId,
    });
    const result = await stack.client.execute(request);
    expect(await submits(request)).toEqual(['dropped']);
    expect(await stack.ledger.submissions.findByTask(result.taskId)).toMatchObject({ adopted: true });
  });

  it.each([
    ['the connection closes before', { kind: 'drop-before' }],
    ['a gateway answers 502', { kind: 'http-status', status: 502 }],
    ['the vendor says ServiceUnavailable', { kind: 'error', code: 'ServiceUnavailable' }],
  ] as [string, Omit<FaultSpec, 'action'>][])(
    'is paid for once, after it has settled, when it was not accepted and %s',
    async (_name, fault) => {
      const { request, handle } = await startWith(fault);
      expect(await handle.result()).toMatchObject({ status: 'succeeded', reused: false });
      expect((await stack.admin.tasks()).filter((t) => t.fileId === request.fileId)).toHaveLength(1);
      expect(await submits(request)).toHaveLength(2);
    },
  );
});

describe('a refusal of the account', () => {
  it('holds the erase without a further call, and an operator lets it go on', async () => {
    const { request, handle } = await startWith({ kind: 'error', code: 'UnauthorizedOperation' });
    expect(await held(handle)).toMatchObject({
      held: { class: 'account', code: 'UnauthorizedOperation', requestId: expect.stringMatching(/.+/) },
      moneySpent: false,
    });
    expect(await submits(request)).toEqual(['UnauthorizedOperation']);
    await decide(handle, 'retry');
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
    expect(await submits(request)).toEqual(['UnauthorizedOperation', 'ok']);
  });

  it.each([
    ['skip', 'skipped'],
    ['abort', 'aborted'],
  ] as const)('ends by %s as %s, and says who decided', async (update, errorClass) => {
    const { handle } = await startWith({ kind: 'error', code: 'AuthFailure.SecretIdNotFound' });
    await held(handle);
    await decide(handle, update, 'wrong account');
    await expect(handle.result()).rejects.toMatchObject({
      class: errorClass,
      message: expect.stringMatching(/alice.*wrong account/),
    });
  });

  it('tells an operator what is wrong with a decision', async () => {
    const { handle } = await startWith({ kind: 'error', code: 'UnauthorizedOperation' });
    await held(handle);
    const run = stack.temporal.workflow.getHandle(handle.workflowId);
    await expect(run.executeUpdate('skip', { args: [{ by: 'alice' }] })).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/"reason" is missing/) },
    });
    await decide(handle, 'abort');
    await expect(handle.result()).rejects.toMatchObject({ class: 'aborted' });
  });
});

describe('an update of an erase that is not held', () => {
  it('is refused with a sentence', async () => {
    const request = await stack.request();
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'delay', ms: 800, fileId: request.fileId });
    const handle = await stack.client.start(request);
    await expect(decide(handle, 'retry')).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/is not held/) },
    });
    await handle.result();
  });
});
