import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/index.js';
import {
  eraseParams,
  manyMedia,
  refusalCode,
  SAMPLE_FILE_ID,
  SUB_APP_ID,
  submitErase,
  type VodClient,
  vodClient,
} from '../support/simulator.js';

const HOUR_MS = 3_600_000;
const running: Simulator[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((simulator) => simulator.close()));
});

/** Time passes only by ageing: tasks take an hour, so nothing ends by itself in a test. */
async function start(options: SimulatorOptions = {}): Promise<{ simulator: Simulator; client: VodClient }> {
  const simulator = await startSimulator({
    submitsPerSecond: 0,
    readsPerSecond: 0,
    writesPerSecond: 0,
    taskDurationMs: HOUR_MS,
    ...options,
  });
  running.push(simulator);
  return { simulator, client: vodClient(simulator.url) };
}

const detail = (client: VodClient, TaskId: string) => client.DescribeTaskDetail({ TaskId, SubAppId: SUB_APP_ID });
const iso = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

describe('DescribeTaskDetail', () => {
  it('shows an unfinished task without output and without an end', async () => {
    const { client } = await start();
    const found = await detail(client, await submitErase(client));
    expect(found).toMatchObject({
      TaskType: 'ProcessMediaByMPS',
      Status: 'PROCESSING',
      FinishTime: '0001-01-01T00:00:00Z',
      ProcedureTask: null,
      EditMediaTask: null,
      ProcessMediaByMPSTask: {
        Status: 'PROCESSING',
        ErrCode: 0,
        SubTaskSet: [{ TaskType: 'AiAnalysis.DeLogo', Status: 'PROCESSING', ErrCode: '0', Output: null }],
      },
    });
  });

  it('shows a finished one with its video', async () => {
    const { simulator, client } = await start();
    const taskId = await submitErase(client);
    simulator.admin.age(HOUR_MS);
    const found = await detail(client, taskId);
    expect(found).toMatchObject({
      Status: 'FINISH',
      ProcessMediaByMPSTask: {
        TaskId: taskId,
        Status: 'FINISH',
        ErrCode: 0,
        SubTaskSet: [
          {
            Status: 'SUCCESS',
            ErrCode: '0',
            Output: { OutputFiles: [{ FileType: 'AiAnalysis.DeLogo.Video', StorageMode: 'Permanent' }] },
          },
        ],
      },
    });
    expect(found.FinishTime).not.toBe('0001-01-01T00:00:00Z');
  });

  it('does not know a task of another sub-application, or none at all', async () => {
    const { client } = await start({ subAppIds: [SUB_APP_ID, 1500000002] });
    const taskId = await submitErase(client);
    expect(await refusalCode(client.DescribeTaskDetail({ TaskId: taskId, SubAppId: 1500000002 }))).toBe(
      'ResourceNotFound',
    );
    expect(await refusalCode(detail(client, '1500000001-ProcessMediaByMPS-00'))).toBe('ResourceNotFound');
    expect(await refusalCode(detail(client, 'nonsense'))).toBe('InvalidParameterValue.TaskId');
  });

  it('forgets a task 72 hours after its submission, and the list does as well', async () => {
    const { simulator, client } = await start();
    const taskId = await submitErase(client);
    simulator.admin.age(72 * HOUR_MS - 60_000);
    await expect(detail(client, taskId)).resolves.toMatchObject({ Status: 'FINISH' });
    simulator.admin.age(120_000);
    expect(await refusalCode(detail(client, taskId))).toBe('ResourceNotFound');
    await expect(client.DescribeTasks({ SubAppId: SUB_APP_ID })).resolves.toMatchObject({ TaskSet: null });
    // Only the memory of the task is gone.
    const [task] = simulator.admin.tasks();
    const media = await client.DescribeMediaInfos({ SubAppId: SUB_APP_ID, FileIds: [task?.resultFileId ?? ''] });
    expect(media.MediaInfoSet).toHaveLength(1);
  });

  it('forgets sooner when the retention is set small', async () => {
    const { simulator, client } = await start({ retentionMs: 10 * 60_000 });
    const taskId = await submitErase(client);
    simulator.admin.age(10 * 60_000 + 1);
    expect(await refusalCode(detail(client, taskId))).toBe('ResourceNotFound');
  });
});

describe('a house with fewer places than tasks', () => {
  it('lets the others wait in order', async () => {
    const { simulator, client } = await start({ maxConcurrentTasks: 2 });
    const taskIds: string[] = [];
    for (let at = 0; at < 5; at++) taskIds.push(await submitErase(client));
    const statuses = () => simulator.admin.tasks().map(({ status }) => status);
    expect(statuses()).toEqual(['PROCESSING', 'PROCESSING', 'WAITING', 'WAITING', 'WAITING']);
    await expect(detail(client, taskIds[2] ?? '')).resolves.toMatchObject({
      Status: 'WAITING',
      BeginProcessTime: '0001-01-01T00:00:00Z',
    });
    simulator.admin.age(HOUR_MS);
    expect(statuses()).toEqual(['FINISH', 'FINISH', 'PROCESSING', 'PROCESSING', 'WAITING']);
    simulator.admin.age(2 * HOUR_MS);
    expect(statuses()).toEqual(Array(5).fill('FINISH'));
  });

  it('gives the place of a task that was aborted to the next', async () => {
    const { simulator, client } = await start({ maxConcurrentTasks: 1 });
    const [first, second, third] = [await submitErase(client), await submitErase(client), await submitErase(client)];
    await client.ManageTask({ TaskId: second, OperationType: 'Abort', SubAppId: SUB_APP_ID });
    simulator.admin.age(HOUR_MS);
    await expect(detail(client, first)).resolves.toMatchObject({ Status: 'FINISH' });
    await expect(detail(client, second)).resolves.toMatchObject({
      Status: 'ABORTED',
      ProcessMediaByMPSTask: { SubTaskSet: null },
    });
    await expect(detail(client, third)).resolves.toMatchObject({ Status: 'PROCESSING' });
  });
});

describe('ManageTask', () => {
  it('aborts only what is WAITING', async () => {
    const { client } = await start({ maxConcurrentTasks: 1 });
    const [processing, waiting] = [await submitErase(client), await submitErase(client)];
    const abort = (TaskId: string) => client.ManageTask({ TaskId, OperationType: 'Abort', SubAppId: SUB_APP_ID });
    expect(await refusalCode(abort(processing))).toBe('FailedOperation');
    await expect(abort(waiting)).resolves.toHaveProperty('RequestId');
    expect(await refusalCode(abort(waiting))).toBe('FailedOperation');
    expect(await refusalCode(abort('1500000001-ProcessMediaByMPS-00'))).toBe('ResourceNotFound');
    const stop = client.ManageTask({ TaskId: waiting, OperationType: 'Stop', SubAppId: SUB_APP_ID });
    expect(await refusalCode(stop)).toBe('InvalidParameterValue.InvalidOperationType');
  });

  it('aborts a task that waits for no other reason than taskWaitMs', async () => {
    const { simulator, client } = await start({ taskWaitMs: HOUR_MS });
    const [aborted, kept] = [await submitErase(client), await submitErase(client)];
    await client.ManageTask({ TaskId: aborted, OperationType: 'Abort', SubAppId: SUB_APP_ID });
    simulator.admin.age(HOUR_MS);
    await expect(detail(client, aborted)).resolves.toMatchObject({ Status: 'ABORTED' });
    await expect(detail(client, kept)).resolves.toMatchObject({ Status: 'PROCESSING' });
  });
});

describe('DescribeTasks', () => {
  const list = async (client: VodClient, query: Record<string, unknown> = {}) => {
    const { TaskSet, ScrollToken } = await client.DescribeTasks({ SubAppId: SUB_APP_ID, Limit: 100, ...query });
    return { taskIds: TaskSet ? TaskSet.map(({ TaskId }) => TaskId ?? '') : null, token: ScrollToken };
  };

  it('has null instead of an empty list, and no token', async () => {
    const { client } = await start();
    expect(await list(client)).toEqual({ taskIds: null, token: '' });
  });

  it('gives every field of a task', async () => {
    const { client } = await start();
    const taskId = await submitErase(client);
    const { TaskSet } = await client.DescribeTasks({ SubAppId: SUB_APP_ID });
    expect(TaskSet).toEqual([
      {
        TaskId: taskId,
        Status: 'PROCESSING',
        FileId: SAMPLE_FILE_ID,
        TaskType: 'ProcessMediaByMPS',
        CreateTime: expect.stringMatching(/Z$/),
        BeginProcessTime: expect.stringMatching(/Z$/),
        FinishTime: '0001-01-01T00:00:00Z',
        SessionId: '',
        SessionContext: '',
      },
    ]);
  });

  it('selects by file, status and times', async () => {
    const { simulator, client } = await start();
    const old = await submitErase(client);
    simulator.admin.age(2 * HOUR_MS);
    const other = await submitErase(client, '5285485487985271488');
    const now = Date.now();
    expect((await list(client, { FileId: SAMPLE_FILE_ID })).taskIds).toEqual([old]);
    expect((await list(client, { Status: 'FINISH' })).taskIds).toEqual([old]);
    expect((await list(client, { Status: 'PROCESSING' })).taskIds).toEqual([other]);
    expect((await list(client, { Status: 'WAITING' })).taskIds).toBeNull();
    expect((await list(client, { CreateTime: { After: iso(now - HOUR_MS) } })).taskIds).toEqual([other]);
    expect((await list(client, { CreateTime: { Before: iso(now - HOUR_MS) } })).taskIds).toEqual([old]);
    expect((await list(client, { FinishTime: { After: iso(now - 3 * HOUR_MS) } })).taskIds).toEqual([old]);
    expect((await list(client, { FinishTime: { Before: iso(now - 2 * HOUR_MS) } })).taskIds).toBeNull();
    // 2018-10-01T10:00:00+08:00 is a way to say it, too.
    const zoned = `${new Date(now - HOUR_MS + 8 * HOUR_MS).toISOString().slice(0, 19)}+08:00`;
    expect((await list(client, { CreateTime: { After: zoned } })).taskIds).toEqual([other]);
  });

  it('shows newest first unless asked otherwise', async () => {
    const { client } = await start();
    const taskIds = [await submitErase(client), await submitErase(client), await submitErase(client)];
    expect((await list(client)).taskIds).toEqual([...taskIds].reverse());
    expect((await list(client, { Sort: { Field: 'CreateTime', Order: 'Asc' } })).taskIds).toEqual(taskIds);
  });

  it('sorts by the end, unfinished ones first', async () => {
    const { simulator, client } = await start({ maxConcurrentTasks: 1 });
    const [ended, aborted, open] = [await submitErase(client), await submitErase(client), await submitErase(client)];
    simulator.admin.age(HOUR_MS / 2);
    await client.ManageTask({ TaskId: aborted, OperationType: 'Abort', SubAppId: SUB_APP_ID });
    simulator.admin.age(HOUR_MS / 2);
    const Sort = { Field: 'FinishTime', Order: 'Asc' };
    expect((await list(client, { Sort })).taskIds).toEqual([open, aborted, ended]);
    expect((await list(client, { Sort, Status: 'FINISH' })).taskIds).toEqual([ended]);
    expect((await list(client, { Sort: { ...Sort, Order: 'Desc' } })).taskIds).toEqual([ended, aborted, open]);
  });

  it.each([
    [{ Limit: 101 }, 'InvalidParameterValue'],
    [{ Limit: 0 }, 'InvalidParameterValue'],
    [{ Status: 'ABORTED' }, 'InvalidParameterValue.Status'],
    [{ Sort: { Field: 'Size', Order: 'Asc' } }, 'InvalidParameterValue'],
    [{ Sort: { Field: 'CreateTime', Order: 'Up' } }, 'InvalidParameterValue'],
    [{ CreateTime: { After: 'yesterday' } }, 'InvalidParameterValue'],
    [{ CreateTime: { After: 1540000000 } }, 'InvalidParameterValue'],
    [{ CreateTime: { Since: '2018-10-01T10:00:00Z' } }, 'UnknownParameter'],
    [{ ScrollToken: 'made-up' }, 'InvalidParameterValue'],
  ])('refuses %j', async (query, code) => {
    const { client } = await start();
    expect(await refusalCode(client.DescribeTasks({ SubAppId: SUB_APP_ID, ...query } as never))).toBe(code);
  });

  it('does not take the token of another query', async () => {
    const { client } = await start();
    for (let at = 0; at < 3; at++) await submitErase(client);
    const { token } = await list(client, { Limit: 1 });
    expect(await refusalCode(list(client, { Limit: 1, ScrollToken: token, Status: 'FINISH' }))).toBe(
      'InvalidParameterValue',
    );
  });

  const queries = [
    {},
    { Sort: { Field: 'CreateTime', Order: 'Asc' } },
    { FileId: SAMPLE_FILE_ID },
    { Status: 'FINISH' },
    { Status: 'PROCESSING' },
    { Status: 'FINISH', Sort: { Field: 'FinishTime', Order: 'Asc' } },
    { Status: 'FINISH', Sort: { Field: 'FinishTime', Order: 'Desc' } },
    { Sort: { Field: 'FinishTime', Order: 'Asc' } },
    { Sort: { Field: 'FinishTime', Order: 'Desc' } },
  ];

  it.each(queries)('pages through %j without a gap or a repetition, while tasks are added', async (query) => {
    const { simulator, client } = await start({ taskDurationMs: { minMs: 60_000, maxMs: HOUR_MS } });
    simulator.admin.addMedia(manyMedia(3));
    const fileIds = [SAMPLE_FILE_ID, ...manyMedia(3).map(({ fileId }) => fileId)];
    for (let at = 0; at < 40; at++) {
      await submitErase(client, fileIds[at % fileIds.length] as string, eraseParams());
      if (at % 10 === 9) simulator.admin.age(HOUR_MS / 5);
    }
    const whole = (await list(client, query)).taskIds ?? [];
    expect(whole.length).toBeGreaterThan(3);
    for (const Limit of [1, 3, 7]) {
      const paged: string[] = [];
      let token: string | undefined = '';
      do {
        const page = await list(client, { ...query, Limit, ScrollToken: token });
        expect(page.taskIds?.length).toBeLessThanOrEqual(Limit);
        paged.push(...(page.taskIds ?? []));
        token = page.token;
        // Newer tasks may be seen or not; what was there before must be seen once.
        if (paged.length < 8) await submitErase(client, '5285485487985271492');
      } while (token !== '');
      expect(paged.filter((taskId) => whole.includes(taskId))).toEqual(whole);
      expect(new Set(paged).size).toBe(paged.length);
    }
  });

  it('hides a task that a late-listing fault covers, in every query, and shows it later', async () => {
    const { simulator, client } = await start();
    simulator.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'late-listing', ms: 30_000 });
    const late = await submitErase(client);
    const prompt = await submitErase(client);
    for (const query of [{}, { FileId: SAMPLE_FILE_ID }, { Status: 'PROCESSING' }])
      expect((await list(client, query)).taskIds).toEqual([prompt]);
    await expect(detail(client, late)).resolves.toMatchObject({ Status: 'PROCESSING' });
    simulator.admin.age(30_000);
    expect((await list(client)).taskIds).toEqual([prompt, late]);
  });
});

it('gives the same durations for the same seed', async () => {
  const durations = async (seed: number) => {
    const { simulator, client } = await start({ seed, taskDurationMs: { minMs: 1000, maxMs: 100_000 } });
    for (let at = 0; at < 4; at++) await submitErase(client);
    simulator.admin.age(HOUR_MS);
    return simulator.admin.tasks().map(({ startedAt, finishedAt }) => (finishedAt ?? 0) - (startedAt ?? 0));
  };
  const first = await durations(7);
  expect(await durations(7)).toEqual(first);
  expect(await durations(8)).not.toEqual(first);
  for (const ms of first) {
    expect(ms).toBeGreaterThanOrEqual(1000);
    expect(ms).toBeLessThanOrEqual(100_000);
  }
});

describe('a vendor whose clock is wrong', () => {
  it('gives its own times to tasks, and the caller the benefit of five minutes', async () => {
    const { simulator, client } = await start({ clockSkewMs: 240_000 });
    const before = Date.now();
    const { CreateTime } = await detail(client, await submitErase(client));
    expect(Date.parse(CreateTime ?? '')).toBeGreaterThanOrEqual(before + 240_000 - 1000);
    // The log of calls keeps the time of this machine.
    expect(simulator.admin.calls()[0]?.at).toBeLessThan(before + 240_000);
  });

  it.each([400_000, -400_000])('by %d ms refuses every signature', async (clockSkewMs) => {
    const { client } = await start({ clockSkewMs });
    expect(await refusalCode(client.DescribeTasks({ SubAppId: SUB_APP_ID }))).toBe('AuthFailure.SignatureExpire');
  });
});
