import { afterAll, beforeAll, expect, it } from 'vitest';
import { QUEUE, WORKFLOW, watchWorkflowId } from '../../src/contract/names.js';
import { EraseStack } from '../support/erase-stack.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({
    simulator: { subAppIds: [1500000001, 1500000002] },
    env: { VOD_ALLOWED_SUB_APP_IDS: '1500000002, 1500000003', SMART_ERASE_WATCH: 'on' },
  });
  await stack.startWorker();
});
afterAll(() => stack.stop());

it('a watch that somebody starts for one that is not allowed ends, without a call', async () => {
  const watch = await stack.temporal.workflow.start(WORKFLOW.completionWatch, {
    workflowId: watchWorkflowId(1500000001),
    taskQueue: QUEUE.main,
    args: [{ subAppId: 1500000001 }],
  });
  expect(await watch.result()).toMatchObject({
    over: true,
    problem: expect.stringContaining('VOD_ALLOWED_SUB_APP_IDS'),
  });
  expect(await stack.admin.calls()).toEqual([]);
});

it('an erase for a sub-application that is not allowed fails before any call', async () => {
  const request = await stack.request({ subAppId: 1500000001 });
  const before = (await stack.admin.calls()).length;
  const handle = await stack.client.start(request);
  await expect(handle.result()).rejects.toMatchObject({
    class: 'input',
    code: 'SubAppNotAllowed',
    moneySpent: false,
    message: expect.stringContaining('1500000001'),
  });
  expect((await stack.admin.calls()).length).toBe(before);
});

it('one for an allowed sub-application runs', async () => {
  const request = await stack.request({ subAppId: 1500000002, media: { subAppId: 1500000002 } });
  const handle = await stack.client.start(request);
  expect((await handle.result()).status).toBe('succeeded');
});
