import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseFailedError, EraseHandle, EraseRequest } from '../../src/client.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { resetRun } from '../support/reset.js';

/** Every task waits at the vendor until its clock is moved on. */
const WAITS_MS = 3_600_000;

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({ simulator: { taskDurationMs: 300, taskWaitMs: WAITS_MS } });
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(() => stack.admin.clearFaults());

const failureOf = (handle: EraseHandle) =>
  handle.result().catch((error: unknown) => error) as Promise<EraseFailedError>;
const vendorWorks = () => stack.admin.age(WAITS_MS + 60_000);
const submits = ({ fileId }: EraseRequest) => stack.outcomes('ProcessMediaByMPS', fileId);

async function waits(handle: EraseHandle): Promise<EraseHandle> {
  await eventually('the wait', async () => ((await handle.status()).phase === 'waiting' ? true : undefined));
  return handle;
}

/** A run that waits for the task that the run before the reset had paid for. */
async function resetWhileWaiting(request: EraseRequest): Promise<EraseHandle> {
  const { workflowId } = await waits(await stack.client.start(request));
  await resetRun(stack, workflowId);
  return await waits(stack.client.getHandle(workflowId));
}

async function processed({ fileId }: EraseRequest): Promise<void> {
  const patch = { Status: 'PROCESSING' };
  await stack.admin.addFault({ action: 'DescribeTaskDetail', kind: 'patch', patch, fileId, times: 1_000 });
}

describe('a run after a reset, whose workflow has paid', () => {
  it('says so while it waits, and when it succeeds; that an earlier run paid is told besides', async () => {
    const request = await stack.request();
    const handle = await resetWhileWaiting(request);
    expect(await handle.status()).toMatchObject({ reused: true, moneySpent: true });
    await vendorWorks();
    expect(await handle.result()).toMatchObject({ reused: true });
    expect(await handle.status()).toMatchObject({ reused: true, moneySpent: true });
    await resetRun(stack, handle.workflowId);
    const again = stack.client.getHandle(handle.workflowId);
    expect(await again.result()).toMatchObject({ reused: true });
    expect(await again.status()).toMatchObject({ reused: true, moneySpent: true });
    expect(await submits(request)).toEqual(['ok']);
  });

  it('says so when its task fails', async () => {
    const request = await stack.request();
    const code = 'SourceFileError.NotExist';
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'task-failure', code, fileId: request.fileId });
    const handle = await resetWhileWaiting(request);
    await vendorWorks();
    expect(await failureOf(handle)).toMatchObject({ class: 'taskFailed', code, moneySpent: true });
    expect(await handle.status()).toMatchObject({ moneySpent: true });
  });

  it('says so when it paid once more, and that was aborted', async () => {
    const request = await stack.request();
    const { fileId } = request;
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'task-failure', code: 'InternalError', fileId });
    const handle = await resetWhileWaiting(request);
    await vendorWorks();
    await eventually('the second submit', async () => (await submits(request)).length === 2 || undefined);
    await waits(handle);
    await handle.cancel('a test');
    expect(await failureOf(handle)).toMatchObject({
      code: 'Aborted',
      moneySpent: true,
      message: expect.stringContaining('A task before it failed, and was paid for'),
    });
  });

  it('says so when its deadline passes', async () => {
    const request = await stack.request({ deadlineHours: 6 / 3_600 });
    const { workflowId } = await stack.client.start(request);
    await eventually('the submit', async () => (await submits(request)).length === 1 || undefined);
    await resetRun(stack, workflowId);
    const handle = stack.client.getHandle(workflowId);
    expect(await failureOf(handle)).toMatchObject({ class: 'expired', code: 'DeadlinePassed', moneySpent: true });
  });

  it('says so when it is cancelled too late, and not when its task was aborted', async () => {
    const [late, early] = [await stack.request(), await stack.request()];
    const [lateRun, earlyRun] = [await resetWhileWaiting(late), await resetWhileWaiting(early)];
    await processed(late);
    for (const handle of [lateRun, earlyRun]) await handle.cancel('a test');
    expect(await failureOf(lateRun)).toMatchObject({ code: 'RunsOn', moneySpent: true });
    expect(await failureOf(earlyRun)).toMatchObject({ code: 'Aborted', moneySpent: false });
  });

  it('says so when its result is published and that is refused', async () => {
    const request = await stack.request({ publish: { name: 'clean' } });
    await stack.admin.addFault({ action: 'ModifyMediaInfo', kind: 'error', code: 'InvalidParameterValue.Name' });
    const handle = await resetWhileWaiting(request);
    await vendorWorks();
    expect(await failureOf(handle)).toMatchObject({ class: 'publishFailed', moneySpent: true });
  });
});

describe('a run that was started again', () => {
  it('after a cancel that left the task running says that money was spent; one under another key does not', async () => {
    const request = await stack.request();
    const first = await waits(await stack.client.start(request));
    await processed(request);
    await first.cancel('a test');
    expect(await failureOf(first)).toMatchObject({ code: 'RunsOn', moneySpent: true });
    const again = await waits(await stack.client.start(request));
    expect(await again.status()).toMatchObject({ reused: true, moneySpent: true });
    const other = await waits(await stack.client.start({ ...request, key: `other-${request.fileId}` }));
    expect(await other.status()).toMatchObject({ reused: true, moneySpent: false });
    await stack.admin.clearFaults();
    await vendorWorks();
    expect(await other.result()).toMatchObject({ reused: true });
    expect(await other.status()).toMatchObject({ reused: true, moneySpent: false });
    expect(await submits(request)).toEqual(['ok']);
  });
});
