import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseRequest } from '../../src/contract/request.js';
import type { FaultSpec } from '../../src/simulator/index.js';
import { countsOf, ended, newRequests, startFed } from '../support/batch.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({ simulator: { taskDurationMs: 50 } });
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(async () => {
  await stack.admin.clearFaults();
  await stack.closeBreakers();
});

/** Texts of the vendor by which a run, its ledger or its server could be stopped. */
const TEXTS: [string, string][] = [
  ['NUL', 'a\0b'],
  ['half of a character', 'a\ud83db'],
  ['1.2 MB', 'x'.repeat(1_200_000)],
  ['1.2 MB of characters of two halves', `x${'😀'.repeat(300_000)}`],
];
const KEPT = /^[^\0\ud800-\udfff]*$/u;

async function requestWith(fault: Partial<FaultSpec> & Pick<FaultSpec, 'kind'>, more: Partial<EraseRequest> = {}) {
  const request = await stack.request(more);
  await stack.admin.addFault({ action: 'ProcessMediaByMPS', fileId: request.fileId, ...fault });
  return request;
}
const submits = (request: EraseRequest) => stack.outcomes('ProcessMediaByMPS', request.fileId);
const failureOf = async (request: EraseRequest) => {
  const error = await (await stack.client.start(request)).result().catch((e: unknown) => e);
  const { message } = error as Error;
  expect(message).toMatch(KEPT);
  expect(message.length).toBeLessThanOrEqual(4_000);
  return error;
};

describe.each(TEXTS)('a text of the vendor with %s', (_name, text) => {
  it('in a refusal of the request: it is that refusal, submitted once', async () => {
    const code = 'FailedOperation.MediaNotExist';
    const request = await requestWith({ kind: 'error', code, message: text, times: 5, patch: { RequestId: text } });
    expect(await failureOf(request)).toMatchObject({ class: 'input', code, moneySpent: false });
    expect(await submits(request)).toEqual([code]);
    const { rows } = await stack.query(
      `select state, error_code from submission join erase on erase.id = erase_id where file_id = '${request.fileId}'`,
    );
    expect(rows).toEqual([{ state: 'refused', error_code: code }]);
  });

  it('in a refusal of the account: held, and ended by an operator', async () => {
    const request = await requestWith({ kind: 'error', code: 'UnauthorizedOperation', message: text });
    const handle = await stack.client.start(request);
    const { held } = await eventually('a hold', async () => {
      const status = await handle.status();
      return status.phase === 'held' ? status : undefined;
    });
    expect(held?.message).toMatch(KEPT);
    await handle.skip({ by: 'ann', reason: 'not today' });
    await expect(handle.result()).rejects.toMatchObject({ class: 'skipped', moneySpent: false });
    expect(await submits(request)).toEqual(['UnauthorizedOperation']);
  });

  it('in a refusal for the rate, and in an answer that was lost: paid once', async () => {
    const throttled = await requestWith({ kind: 'error', code: 'RequestLimitExceeded', message: text });
    expect(await stack.client.execute(throttled)).toMatchObject({ status: 'succeeded' });
    const lost = await requestWith({ kind: 'error', code: 'InternalError', message: text, execute: true });
    expect(await stack.client.execute(lost)).toMatchObject({ status: 'succeeded', reused: false });
    expect((await stack.admin.tasks()).filter(({ fileId }) => fileId === lost.fileId)).toHaveLength(1);
  });

  it('in the failure of a task: its result is fetched, and the run ends', async () => {
    const code = 'SourceFileError.Broken';
    const request = await requestWith({ kind: 'task-failure', code, message: text, times: 5 });
    expect(await failureOf(request)).toMatchObject({ class: 'taskFailed', code, moneySpent: true });
    expect(await submits(request)).toEqual(['ok']);
    const { rows } = await stack.query(
      `select outcome, outcome_code from submission join erase on erase.id = erase_id where file_id = '${request.fileId}'`,
    );
    expect(rows).toEqual([{ outcome: 'failed', outcome_code: code }]);
  });

  it('in every field of a result: it succeeds, and is kept', async () => {
    const file = 'ProcessMediaByMPSTask.SubTaskSet.0.Output.OutputFiles';
    const request = await stack.request({ publish: { inherit: ['name', 'description', 'tags'], procedure: 'p' } });
    const fault = (action: string, patch: Record<string, unknown>) =>
      stack.admin.addFault({ action, kind: 'patch', patch, times: 20, fileId: request.fileId });
    const permanent = {
      FileType: 'AiAnalysis.DeLogo.Video',
      StorageMode: text,
      FileId: '5285999999999999999',
      Url: text,
    };
    const temporary = { FileType: text, StorageMode: text, FileId: '', Url: text, ExpiredTime: 60 };
    await fault('DescribeTaskDetail', {
      Status: 'FINISH',
      RequestId: text,
      FinishTime: text,
      'ProcessMediaByMPSTask.Message': text,
      'ProcessMediaByMPSTask.SubTaskSet.0.Status': 'SUCCESS',
      'ProcessMediaByMPSTask.SubTaskSet.0.Message': text,
      'ProcessMediaByMPSTask.SubTaskSet.0.Output': {},
      [file]: [permanent, ...Array(300).fill(temporary)].slice(0, text.length > 1_000 ? 3 : 301),
    });
    const info = 'MediaInfoSet.0.BasicInfo';
    await fault('DescribeMediaInfos', {
      RequestId: text,
      [`${info}.Name`]: text,
      [`${info}.Description`]: text,
      [`${info}.TagSet`]: [text],
    });
    await stack.admin.addMedia([
      { fileId: '5285999999999999999', name: 'new', duration: 10, width: 1280, height: 720 },
    ]);
    const published = { action: 'ModifyMediaInfo', kind: 'patch', patch: { RequestId: text } } as const;
    await stack.admin.addFault({ ...published, fileId: '5285999999999999999' });
    await stack.admin.addFault({ ...published, action: 'ProcessMediaByProcedure', patch: { TaskId: text } });
    // What the simulator refuses of such a name is its own: here it is the text that must stop nothing.
    const handle = await stack.client.start(request);
    const outcome = await handle.result().catch((error: unknown) => error);
    expect(outcome).toMatchObject({ taskId: expect.stringContaining('ProcessMediaByMPS') });
    expect(JSON.stringify(outcome).length).toBeLessThan(500_000);
    const { rows } = await stack.query(
      `select outcome, jsonb_array_length(result->'files') as files from submission join erase on erase.id = erase_id
       where file_id = '${request.fileId}'`,
    );
    expect(rows).toEqual([{ outcome: 'succeeded', files: text.length > 1_000 ? 3 : 50 }]);
  });

  it('beside a publish that is refused, and in the URLs of a review', async () => {
    const refused = await stack.request({ publish: { name: 'clean' } });
    await stack.admin.addFault({
      action: 'ModifyMediaInfo',
      kind: 'error',
      code: 'InvalidParameterValue',
      message: text,
    });
    expect(await failureOf(refused)).toMatchObject({ class: 'publishFailed', moneySpent: true });
    const reviewed = await stack.request({ review: { timeoutHours: 1 } });
    await stack.admin.addFault({
      action: 'DescribeMediaInfos',
      kind: 'patch',
      patch: { 'MediaInfoSet.0.BasicInfo.MediaUrl': `https://example.com/${text}` },
      times: 5,
    });
    const handle = await stack.client.start(reviewed);
    await eventually('the review', async () => ((await handle.status()).phase === 'review' ? true : undefined));
    await stack.admin.clearFaults();
    await handle.approve({ by: 'ann', reason: 'good' });
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });

  it('in an item of a batch: it ends, and its report has it', async () => {
    const [request] = await newRequests(stack, 1);
    if (request === undefined) throw new Error('no request');
    const { fileId } = request;
    await stack.admin.addFault({ action: '*', kind: 'task-failure', code: 'SourceFileError.x', message: text, fileId });
    const id = await startFed(stack, [request]);
    expect(countsOf(await ended(stack, id))).toEqual({ failed: 1 });
    const [item] = await stack.ledger.batches.items(id, { limit: 1 });
    expect(item).toMatchObject({ errorClass: 'taskFailed', errorCode: 'SourceFileError.x' });
  });
});

describe('what a vendor’s program reads as a word', () => {
  it.each(['\0', '\ud83d'])('a code with %j is still known', async (junk) => {
    const refused = await requestWith({ kind: 'error', code: `FailedOperation.MediaNotExist${junk}`, times: 5 });
    expect(await failureOf(refused)).toMatchObject({ class: 'input', code: 'FailedOperation.MediaNotExist' });
    expect(await submits(refused)).toHaveLength(1);
    const failed = await requestWith({ kind: 'task-failure', code: `SourceFileError${junk}`, times: 5 });
    expect(await failureOf(failed)).toMatchObject({ class: 'taskFailed', code: 'SourceFileError' });
    expect(await submits(failed)).toHaveLength(1);
  });

  it.each([
    ['NUL', '1500000001-ProcessMediaByMPS-\0'],
    ['half of a character', '1500000001-ProcessMediaByMPS-\ud83d'],
    ['more than any id has', `1500000001-ProcessMediaByMPS-${'x'.repeat(300)}`],
    ['a space', '1500000001-ProcessMediaByMPS- x'],
  ])('a TaskId with %s is none: the task is looked for, and paid for once', async (_name, TaskId) => {
    const request = await requestWith({ kind: 'patch', patch: { TaskId } });
    const result = await stack.client.execute(request);
    const [task, ...others] = (await stack.admin.tasks()).filter(({ fileId }) => fileId === request.fileId);
    expect([result.taskId, others]).toEqual([task?.taskId, []]);
  });

  it('a FileId with NUL is none: the result is read again', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: {
        Status: 'FINISH',
        'ProcessMediaByMPSTask.SubTaskSet.0.Output': {
          OutputFiles: [{ FileType: 'AiAnalysis.DeLogo.Video', FileId: '5285\0', Url: '' }],
        },
      },
      times: 2,
      fileId: request.fileId,
    });
    const { resultFileId } = await stack.client.execute(request);
    expect(resultFileId).toMatch(/^\d+$/);
  });
});
