import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseRequest } from '../../src/contract/request.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { eraseParams, SECRET_ID, SECRET_KEY, submitErase, vodClient } from '../support/simulator.js';

const OTHER_SUB_APP = 1500000002;
const SUBMIT = 'ProcessMediaByMPS';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({ simulator: { subAppIds: [1500000001, OTHER_SUB_APP], taskDurationMs: 2_000 } });
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(() => stack.admin.clearFaults());

const loseAnswers = (fileId: string, times: number) =>
  stack.admin.addFault({ action: SUBMIT, kind: 'drop-after-accept', fileId, times });

const tasksOf = async (fileId: string) => (await stack.admin.tasks()).filter((task) => task.fileId === fileId);

/** A task started at the console, in no ledger. */
const colleague = (fileId: string, scenario: string) =>
  submitErase(
    vodClient(stack.simulator.url, { secretId: SECRET_ID, secretKey: SECRET_KEY }),
    fileId,
    eraseParams(scenario),
  );

/** Both ended with a task of their own, and the vendor has no third. */
async function eachItsOwn(requests: EraseRequest[]): Promise<void> {
  const results = await Promise.all(requests.map((request) => stack.client.execute(request)));
  expect(results.every((result) => !result.reused)).toBe(true);
  expect(new Set(results.map((result) => result.taskId)).size).toBe(requests.length);
  const fileId = requests[0]?.fileId ?? '';
  expect((await tasksOf(fileId)).map((task) => task.taskId).sort()).toEqual(results.map((r) => r.taskId).sort());
  for (const { taskId } of results)
    expect(await stack.ledger.submissions.findByTask(taskId)).toMatchObject({ adopted: true });
}

describe('a submit whose answer was lost finds its own task', () => {
  it('among two recipes on one file at once', async () => {
    const request = await stack.request();
    await loseAnswers(request.fileId, 2);
    await eachItsOwn([request, { ...request, recipe: { name: 'logo' } }]);
  });

  it('among two sub-applications that know the same FileId', async () => {
    const request = await stack.request();
    const media = {
      fileId: request.fileId,
      subAppId: OTHER_SUB_APP,
      name: 'same id',
      duration: 1,
      width: 640,
      height: 360,
    };
    await stack.admin.addMedia([media]);
    await loseAnswers(request.fileId, 2);
    await eachItsOwn([request, { ...request, subAppId: OTHER_SUB_APP }]);
  });

  it('beside an older task of the same recipe, which was paid for before', async () => {
    const request = await stack.request();
    const first = await stack.client.execute(request);
    await loseAnswers(request.fileId, 1);
    const again = await stack.client.execute({ ...request, payAgain: { token: 'anew', reason: 'areas were wrong' } });
    expect(again.reused).toBe(false);
    expect(again.taskId).not.toBe(first.taskId);
    expect(await tasksOf(request.fileId)).toHaveLength(2);
  });

  it('beside a colleague’s task of another recipe on the same file', async () => {
    const request = await stack.request();
    const foreign = await colleague(request.fileId, 'ai_delogo_v1');
    await loseAnswers(request.fileId, 1);
    const result = await stack.client.execute(request);
    expect(result.taskId).not.toBe(foreign);
    expect(await tasksOf(request.fileId)).toHaveLength(2);
  });
});

describe('a submit that the vendor never took', () => {
  it('does not take a colleague’s task of another recipe for its own', async () => {
    const request = await stack.request();
    const foreign = await colleague(request.fileId, 'subtitle_erase_area');
    await stack.admin.addFault({ action: SUBMIT, kind: 'drop-before', fileId: request.fileId });
    const result = await stack.client.execute(request);
    expect(result.taskId).not.toBe(foreign);
    expect(await stack.ledger.submissions.findByTask(foreign)).toBeNull();
  });
});

describe('a task that does not tell its whole input', () => {
  it('is nobody’s: the erase holds, and an operator decides', async () => {
    const request = await stack.request();
    await loseAnswers(request.fileId, 1);
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { 'ProcessMediaByMPSTask.SubTaskSet.0.Input': '{"Definition":25}' },
      fileId: request.fileId,
      times: 1_000,
    });
    const handle = await stack.client.start(request);
    const held = await eventually('a hold', async () => (await handle.status()).held ?? undefined, 50_000);
    expect(held).toMatchObject({ class: 'uncertain', code: 'SubmitUncertain' });
    expect(await tasksOf(request.fileId)).toHaveLength(1);
    await handle.abort({ by: 'test', reason: 'seen' });
    await expect(handle.result()).rejects.toMatchObject({ class: 'aborted', moneySpent: true });
  });
});
