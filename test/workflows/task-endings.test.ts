import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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

async function requestWith(
  fault: Omit<FaultSpec, 'action'>,
  fields: Partial<EraseRequest> = {},
): Promise<EraseRequest> {
  const request = await stack.request(fields);
  await stack.admin.addFault({ action: 'ProcessMediaByMPS', fileId: request.fileId, ...fault });
  return request;
}

const submits = (request: EraseRequest) => stack.outcomes('ProcessMediaByMPS', request.fileId);

describe('a task that fails', () => {
  it.each(['SourceFileError.NotExist', 'InvalidInput.MediaDuration'])('for good (%s) fails the erase', async (code) => {
    const request = await requestWith({ kind: 'task-failure', code, times: 5 });
    await expect(stack.client.execute(request)).rejects.toMatchObject({ class: 'taskFailed', code, moneySpent: true });
    expect(await submits(request)).toEqual(['ok']);
  });

  it.each(['InternalError.Unknown', 'SourceFileError.DownloadNotAccessible', 'SomethingNobodyKnows'])(
    'for the moment (%s) is paid for once more',
    async (code) => {
      const request = await requestWith({ kind: 'task-failure', code, times: 1 });
      expect(await stack.client.execute(request)).toMatchObject({ status: 'succeeded', reused: false });
      expect(await submits(request)).toEqual(['ok', 'ok']);
    },
  );

  it('twice is not paid for a third time', async () => {
    const request = await requestWith({ kind: 'task-failure', code: 'InternalError', times: 5 });
    await expect(stack.client.execute(request)).rejects.toMatchObject({ class: 'taskFailed', code: 'InternalError' });
    expect(await submits(request)).toEqual(['ok', 'ok']);
  });

  it('with a number in the task’s own code is a failure too', async () => {
    const request = await requestWith({ kind: 'task-failure', code: '70000', level: 'task', times: 5 });
    await expect(stack.client.execute(request)).rejects.toMatchObject({ class: 'taskFailed', code: '70000' });
  });
});

describe('a task that says SUCCESS', () => {
  it.each([
    ['same-file', 'SameFile'],
    ['no-video', 'NoVideo'],
    ['null-list', 'NoVideo'],
    ['temporary-only', 'TemporaryOnly'],
  ] as const)('with %s is not a success', async (shape, code) => {
    const request = await requestWith({ kind: 'silent-success', shape });
    await expect(stack.client.execute(request)).rejects.toMatchObject({ class: 'badResult', code, moneySpent: true });
  });
});

describe('a task that was said to be over', () => {
  it('is read again until it is', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'PROCESSING' },
      fileId: request.fileId,
      times: 1_000,
    });
    const handle = await stack.client.start(request);
    await eventually('the wait', async () => ((await handle.status()).phase === 'waiting' ? true : undefined));
    // As an event source would, that is ahead of what the detail says.
    await stack.temporal.activity.complete(
      { workflowId: handle.workflowId, activityId: 'await-task' },
      { kind: 'ended' },
    );
    await eventually('the fetch', async () => ((await handle.status()).phase === 'fetching' ? true : undefined));
    await stack.admin.clearFaults();
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });

  it.each([
    ['nothing of it', { ProcessMediaByMPSTask: null }],
    ['no sub-task', { 'ProcessMediaByMPSTask.SubTaskSet': null }],
  ])('is read again while its detail tells %s yet', async (_what, patch) => {
    const request = await stack.request();
    const handle = await stack.client.start(request);
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch,
      fileId: request.fileId,
      times: 4,
    });
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
    expect(await submits(request)).toEqual(['ok']);
  });
});

describe('a task that does not end by the deadline', () => {
  it('expires after a last look, and a new start takes it up without paying', async () => {
    const request = await stack.request({ deadlineHours: 2 / 3_600 });
    // For the vendor it runs on for as long as this fault says so.
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'PROCESSING' },
      fileId: request.fileId,
      times: 1_000,
    });
    const handle = await stack.client.start(request);
    await expect(handle.result()).rejects.toMatchObject({ class: 'expired', code: 'DeadlinePassed', moneySpent: true });
    await stack.admin.clearFaults();
    expect(await stack.client.execute(request)).toMatchObject({ status: 'succeeded', reused: true });
    expect(await submits(request)).toEqual(['ok']);
  });
});

describe('a task that the vendor has forgotten', () => {
  it('is expired, and is not paid for again', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'PROCESSING' },
      fileId: request.fileId,
      times: 1_000,
    });
    const handle = await stack.client.start(request);
    await eventually('the wait', async () => ((await handle.status()).phase === 'waiting' ? true : undefined));
    await handle.cancel('stop waiting');
    await expect(handle.result()).rejects.toMatchObject({ class: 'cancelled', code: 'RunsOn' });
    await stack.admin.clearFaults();
    // Three days pass, for the vendor and for the ledger.
    await stack.admin.age(80 * 3_600_000);
    await stack.sql(`update submission set place_at = place_at - interval '80 hours' from erase
      where erase.id = submission.erase_id and file_id = '${request.fileId}'`);
    await expect(stack.client.execute(request)).rejects.toMatchObject({
      class: 'expired',
      moneySpent: true,
      // Its result is searched for in the library, and named.
      message: expect.stringMatching(/added since under the name of its source: .*\d{19}/),
    });
    const third = { ...request, key: `third-${request.fileId}` };
    await expect(stack.client.execute(third)).rejects.toMatchObject({ class: 'expired', code: 'PaidAndLost' });
    expect(await submits(request)).toEqual(['ok']);
  });
});

describe('an expiry that is inherited', () => {
  it.each(['0001-01-01T00:00:00Z', '2020-01-01T00:00:00Z', 'soon'])(
    'is left out, and said so, when it would delete the new file (%s)',
    async (expireTime) => {
      const request = await stack.request({ publish: { inherit: ['name', 'expireTime'] } });
      await stack.admin.addFault({
        action: 'DescribeMediaInfos',
        kind: 'patch',
        patch: { 'MediaInfoSet.0.BasicInfo.ExpireTime': expireTime },
        fileId: request.fileId,
        // More than one reads the file: the publish is one of them.
        times: 10,
      });
      expect(await stack.client.execute(request)).toMatchObject({
        status: 'succeeded',
        published: { changed: ['name'], warnings: [expect.stringMatching(/expiry was not inherited/)] },
      });
    },
  );
});

describe('trouble with publishing', () => {
  it('holds the publish only, and can be skipped', async () => {
    const request = await stack.request({ publish: { name: 'x' } });
    await stack.admin.addFault({ action: 'ModifyMediaInfo', kind: 'error', code: 'UnauthorizedOperation', times: 9 });
    const handle = await stack.client.start(request);
    const status = await eventually('a hold', async () => {
      const now = await handle.status();
      return now.phase === 'held' ? now : undefined;
    });
    expect(status.resultFileId).toMatch(/^\d+$/);
    const run = stack.temporal.workflow.getHandle(handle.workflowId);
    await run.executeUpdate('skip', { args: [{ by: 'alice', reason: 'later' }] });
    expect(await handle.result()).toMatchObject({
      status: 'succeeded',
      resultFileId: status.resultFileId,
      published: { changed: [], warnings: [expect.stringMatching(/skipped by alice/)] },
    });
  });

  it('that is the request’s fault fails with the result’s FileId, which a corrected start reuses', async () => {
    const request = await stack.request({ publish: { classId: 99_999 } });
    await stack.admin.addFault({ action: 'ModifyMediaInfo', kind: 'error', code: 'InvalidParameterValue.ClassId' });
    const error = await stack.client.execute(request).catch((e: unknown) => e);
    expect(error).toMatchObject({
      class: 'publishFailed',
      moneySpent: true,
      resultFileId: expect.stringMatching(/^\d+$/),
    });
    const corrected = await stack.client.execute({ ...request, publish: { name: 'good' } });
    expect(corrected).toMatchObject({ reused: true, resultFileId: (error as { resultFileId: string }).resultFileId });
    expect(await submits(request)).toEqual(['ok']);
  });
});
