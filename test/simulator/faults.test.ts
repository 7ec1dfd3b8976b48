import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FaultSpec, type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/processes.js';
import {
  refusalCode,
  SAMPLE_FILE_ID,
  SUB_APP_ID,
  submitErase,
  type VodClient,
  vodClient,
} from '../support/simulator.js';

const OTHER_FILE_ID = '5285485487985271488';
let simulator: Simulator;
let client: VodClient;
beforeEach(async () => {
  simulator = await startSimulator({ submitsPerSecond: 0, readsPerSecond: 0, taskDurationMs: 0 });
  client = vodClient(simulator.url);
});
afterEach(() => simulator.close());

const onSubmit = (fault: Omit<FaultSpec, 'action'>) =>
  simulator.admin.addFault({ action: 'ProcessMediaByMPS', ...fault });
const failure = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (thrown) => thrown as Error & { code?: string; httpCode?: number; type?: string },
  );
  if (!error) throw new Error('The call did not fail.');
  return error;
};
const outcomes = () => simulator.admin.calls().map(({ outcome }) => outcome);
const taskCount = () => simulator.admin.tasks().length;
const subTask = async (TaskId: string) => {
  const { ProcessMediaByMPSTask } = await client.DescribeTaskDetail({ TaskId, SubAppId: SUB_APP_ID });
  return ProcessMediaByMPSTask?.SubTaskSet?.[0];
};

describe('an injected error', () => {
  it('is answered as the vendor would, with nothing executed', async () => {
    onSubmit({ kind: 'error', code: 'FailedOperation.InvalidAccount', message: 'The account is in arrears.' });
    const error = await failure(submitErase(client));
    expect(error).toMatchObject({ code: 'FailedOperation.InvalidAccount', requestId: expect.stringMatching(/-/) });
    expect(error.message).toContain('arrears');
    expect(taskCount()).toBe(0);
    expect(outcomes()).toEqual(['FailedOperation.InvalidAccount']);
  });

  it('may come although the submit was accepted: the log has its TaskId', async () => {
    onSubmit({ kind: 'error', code: 'InternalError', execute: true });
    expect(await refusalCode(submitErase(client))).toBe('InternalError');
    const [task] = simulator.admin.tasks();
    expect(simulator.admin.calls()).toEqual([
      expect.objectContaining({ taskId: task?.taskId, fileId: SAMPLE_FILE_ID, outcome: 'InternalError' }),
    ]);
  });
});

describe('lost connections', () => {
  it.each([
    [false, /socket hang up/],
    [true, /ECONNRESET/],
  ])('before (reset: %s) execute nothing', async (reset, message) => {
    onSubmit({ kind: 'drop-before', reset });
    expect((await failure(submitErase(client))).message).toMatch(message);
    expect(taskCount()).toBe(0);
    expect(simulator.admin.calls()).toEqual([
      { at: expect.any(Number), action: 'ProcessMediaByMPS', fileId: SAMPLE_FILE_ID, taskId: null, outcome: 'dropped' },
    ]);
  });

  it.each([
    [false, /socket hang up/],
    [true, /ECONNRESET/],
  ])('after (reset: %s) leave a task behind', async (reset, message) => {
    onSubmit({ kind: 'drop-after-accept', reset });
    expect((await failure(submitErase(client))).message).toMatch(message);
    const [task] = simulator.admin.tasks();
    expect(simulator.admin.calls()).toEqual([
      expect.objectContaining({ taskId: task?.taskId, fileId: SAMPLE_FILE_ID, outcome: 'dropped' }),
    ]);
  });

  it('in the middle of an answer leave a task behind', async () => {
    onSubmit({ kind: 'truncate' });
    // The official SDK does not notice that the body was cut: it waits for the rest until its timeout.
    await failure(submitErase(vodClient(simulator.url, { timeoutSeconds: 1 })));
    expect(taskCount()).toBe(1);
    expect(outcomes()).toEqual(['dropped']);
  });
});

describe('answers that are none', () => {
  it('with an HTTP status execute nothing unless told to', async () => {
    onSubmit({ kind: 'http-status', status: 502 });
    onSubmit({ kind: 'http-status', status: 504, execute: true });
    expect(await failure(submitErase(client))).toMatchObject({ httpCode: 502 });
    expect(taskCount()).toBe(0);
    expect(await failure(submitErase(client))).toMatchObject({ httpCode: 504 });
    expect(taskCount()).toBe(1);
    expect(outcomes()).toEqual(['http-502', 'http-504']);
  });

  it('that are not JSON come after the task was started, unless told otherwise', async () => {
    onSubmit({ kind: 'bad-json' });
    onSubmit({ kind: 'bad-json', execute: false });
    expect(await failure(submitErase(client))).toMatchObject({ type: 'invalid-json' });
    expect(taskCount()).toBe(1);
    expect(await failure(submitErase(client))).toMatchObject({ type: 'invalid-json' });
    expect(taskCount()).toBe(1);
  });

  it('may be any text', async () => {
    onSubmit({ kind: 'bad-json', body: '{}' });
    expect(await failure(submitErase(client))).toBeInstanceOf(TypeError);
    onSubmit({ kind: 'bad-json', body: '{"Response":{"RequestId":"r"}}' });
    await expect(
      client.ProcessMediaByMPS({
        FileId: SAMPLE_FILE_ID,
        SubAppId: SUB_APP_ID,
        MPSProcessMediaParams: '{"AiAnalysisTask":{"Definition":25}}',
      }),
    ).resolves.toEqual({ RequestId: 'r' });
  });

  it('may be wrong deep inside', async () => {
    const taskId = await submitErase(client);
    simulator.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: {
        Status: 'DREAMING',
        'ProcessMediaByMPSTask.SubTaskSet.0.ErrCode': 0,
        'ProcessMediaByMPSTask.New.Deep': null,
      },
    });
    const found = await client.DescribeTaskDetail({ TaskId: taskId, SubAppId: SUB_APP_ID });
    expect(found).toMatchObject({
      Status: 'DREAMING',
      ProcessMediaByMPSTask: { SubTaskSet: [{ ErrCode: 0, Status: 'SUCCESS' }], New: { Deep: null } },
    });
    expect((await subTask(taskId))?.ErrCode).toBe('0');
  });
});

describe('delays', () => {
  it('hold back the answer to a submit that was accepted at once', async () => {
    onSubmit({ kind: 'delay', ms: 1500 });
    const slow = submitErase(vodClient(simulator.url, { timeoutSeconds: 0.3 }));
    expect((await failure(slow)).message).toMatch(/timeout/);
    await eventually('the task of the slow submit', () => taskCount() === 1 || undefined);
  });

  it('may come before the execution', async () => {
    onSubmit({ kind: 'delay', ms: 100, execute: false });
    const before = Date.now();
    await submitErase(client);
    expect(simulator.admin.tasks()[0]?.createdAt).toBeGreaterThanOrEqual(before + 99);
  });
});

describe('tasks that go wrong', () => {
  it('fail in the sub-task with the code that was asked for', async () => {
    onSubmit({ kind: 'task-failure', code: 'SourceFileError.Format', message: 'no video stream' });
    const taskId = await submitErase(client);
    expect(await subTask(taskId)).toMatchObject({
      Status: 'FAIL',
      ErrCode: 'SourceFileError.Format',
      Message: 'no video stream',
      Output: null,
    });
    expect(simulator.admin.tasks()[0]?.resultFileId).toBeNull();
  });

  it('fail as a whole with a number', async () => {
    onSubmit({ kind: 'task-failure', code: '30000', level: 'task' });
    const found = await client.DescribeTaskDetail({ TaskId: await submitErase(client), SubAppId: SUB_APP_ID });
    expect(found).toMatchObject({ Status: 'FINISH', ProcessMediaByMPSTask: { ErrCode: 30000, SubTaskSet: null } });
  });

  it.each([
    ['same-file', [{ FileType: 'AiAnalysis.DeLogo.Video', FileId: SAMPLE_FILE_ID }]],
    ['no-video', [{ FileType: 'AiAnalysis.DeLogo.OriginSubtitle', StorageMode: 'Temporary' }]],
    ['null-list', null],
    ['temporary-only', [{ FileType: 'AiAnalysis.DeLogo.Video', StorageMode: 'Temporary', FileId: '' }]],
  ] as const)('succeed in silence: %s', async (shape, files) => {
    onSubmit({ kind: 'silent-success', shape });
    const found = await subTask(await submitErase(client));
    expect(found).toMatchObject({ Status: 'SUCCESS', ErrCode: '0' });
    if (files === null) expect(found?.Output?.OutputFiles).toBeNull();
    else expect(found?.Output?.OutputFiles).toMatchObject(files);
    expect(simulator.admin.tasks()[0]?.resultFileId).toBeNull();
  });

  it('stay waiting until their file is released, and can be aborted meanwhile', async () => {
    onSubmit({ kind: 'stays-waiting', fileId: SAMPLE_FILE_ID, times: 2 });
    const [first, second] = [await submitErase(client), await submitErase(client)];
    // One that stays stands in nobody's way.
    const other = await submitErase(client, OTHER_FILE_ID);
    const status = async (TaskId: string) => (await client.DescribeTaskDetail({ TaskId, SubAppId: SUB_APP_ID })).Status;
    expect([await status(first), await status(second), await status(other)]).toEqual(['WAITING', 'WAITING', 'FINISH']);
    await client.ManageTask({ TaskId: second, OperationType: 'Abort', SubAppId: SUB_APP_ID });
    simulator.admin.release(SAMPLE_FILE_ID);
    expect([await status(first), await status(second)]).toEqual(['FINISH', 'ABORTED']);
  });

  it('stay in processing, or hidden, until their file is released', async () => {
    onSubmit({ kind: 'stays-processing' });
    onSubmit({ kind: 'late-listing', ms: 3_600_000 });
    const TaskId = await submitErase(client);
    expect(await subTask(TaskId)).toMatchObject({ Status: 'PROCESSING' });
    await expect(client.DescribeTasks({ SubAppId: SUB_APP_ID })).resolves.toMatchObject({ TaskSet: null });
    simulator.admin.release(SAMPLE_FILE_ID);
    expect(await subTask(TaskId)).toMatchObject({ Status: 'SUCCESS' });
    await expect(client.DescribeTasks({ SubAppId: SUB_APP_ID })).resolves.toMatchObject({
      TaskSet: [{ TaskId, Status: 'FINISH' }],
    });
  });

  it('are marked by several faults at once', async () => {
    onSubmit({ kind: 'late-listing', ms: 60_000 });
    onSubmit({ kind: 'task-failure', code: 'InternalError' });
    onSubmit({ kind: 'drop-after-accept' });
    await failure(submitErase(client));
    const [task] = simulator.admin.tasks();
    expect(task).toMatchObject({ failure: 'InternalError' });
    await expect(client.DescribeTasks({ SubAppId: SUB_APP_ID })).resolves.toMatchObject({ TaskSet: null });
  });
});

describe('which requests a fault fits', () => {
  const error = (code: string, rest: Partial<FaultSpec> = {}) =>
    simulator.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code, ...rest });
  const code = (fileId?: string) =>
    submitErase(client, fileId).then(
      () => 'ok',
      ({ code }) => code,
    );

  it('is counted by times, one by default', async () => {
    error('InternalError', { times: 2 });
    expect([await code(), await code(), await code()]).toEqual(['InternalError', 'InternalError', 'ok']);
    expect(simulator.admin.faults()).toEqual([]);
  });

  it('is limited to a file, also for the reads of its task', async () => {
    error('InternalError', { fileId: OTHER_FILE_ID });
    simulator.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'error',
      code: 'FailedOperation',
      fileId: SAMPLE_FILE_ID,
    });
    expect(await code()).toBe('ok');
    expect(await code(OTHER_FILE_ID)).toBe('InternalError');
    const [ours, others] = [await submitErase(client), await submitErase(client, OTHER_FILE_ID)];
    await expect(subTask(others)).resolves.toBeDefined();
    expect(await refusalCode(subTask(ours))).toBe('FailedOperation');
  });

  it('is the oldest first', async () => {
    error('InternalError');
    error('ResourceInsufficient');
    expect([await code(), await code()]).toEqual(['InternalError', 'ResourceInsufficient']);
  });

  it('may be any with a star, and none any more when they are cleared', async () => {
    error('InternalError', { action: '*', times: 100 });
    expect(await refusalCode(client.SearchMedia({ SubAppId: SUB_APP_ID }))).toBe('InternalError');
    simulator.admin.clearFaults();
    await expect(client.SearchMedia({ SubAppId: SUB_APP_ID })).resolves.toBeDefined();
  });
});
