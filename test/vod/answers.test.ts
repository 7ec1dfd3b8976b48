import { describe, expect, test } from 'vitest';
import * as answers from '../../src/tencent-vod/answers.js';
import { VodError } from '../../src/tencent-vod/vod-error.js';

const TASK = '1500000001-ProcessMediaByMPS-0123456789abcdef';
const FILE = '5285485487985271487';

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(VodError);
    expect(error).toMatchObject({ class: 'badAnswer', code: 'bad-answer', requestId: 'r-1' });
    return (error as VodError).message;
  }
  return 'accepted';
}

describe('the detail of a task', () => {
  const detail = (fields: object) =>
    answers.readTaskDetail('DescribeTaskDetail', { RequestId: 'r-1', Status: 'FINISH', ...fields }, TASK);
  const sub = (fields: object) => ({
    TaskType: 'AiAnalysis.DeLogo',
    Status: 'SUCCESS',
    ErrCode: '0',
    Message: '',
    Input: '{"Definition":25}',
    Output: { OutputFiles: [] },
    ...fields,
  });
  const mps = (fields: object) =>
    detail({ ProcessMediaByMPSTask: { Status: 'FINISH', ErrCode: 0, Message: '', ...fields } });

  test('takes an empty code of a success for none, and never one of a failure for "0"', () => {
    const empty = mps({ ErrCode: '', SubTaskSet: [sub({ ErrCode: '' })] });
    expect(empty.mps).toMatchObject({ errCode: '0', subTasks: [{ errCode: '0' }] });
    const failed = mps({ SubTaskSet: [sub({ Status: 'FAIL', ErrCode: '' })] });
    expect(failed.mps?.subTasks[0]?.errCode).toBe('');
  });

  test('is read as documented', () => {
    const file = {
      FileType: 'AiAnalysis.DeLogo.Video',
      StorageMode: 'Permanent',
      FileId: FILE,
      Url: 'http://x/v.mp4',
      Definition: '',
      ExpiredTime: 0,
    };
    const answer = {
      TaskType: 'ProcessMediaByMPS',
      CreateTime: '2026-01-01T00:00:00Z',
      BeginProcessTime: '2026-01-01T00:00:01Z',
      FinishTime: '2026-01-01T00:01:00Z',
      ProcedureTask: null,
      ProcessMediaByMPSTask: {
        TaskId: TASK,
        Status: 'FINISH',
        ErrCode: 0,
        Message: 'SUCCESS',
        SubTaskSet: [sub({ Output: { OutputFiles: [file], OutputText: '' } })],
      },
    };
    expect(detail(answer)).toEqual({
      taskId: TASK,
      isMps: true,
      status: 'FINISH',
      createTime: '2026-01-01T00:00:00Z',
      finishTime: '2026-01-01T00:01:00Z',
      requestId: 'r-1',
      mps: {
        errCode: '0',
        message: 'SUCCESS',
        status: 'FINISH',
        subTasks: [
          {
            type: 'AiAnalysis.DeLogo',
            status: 'SUCCESS',
            errCode: '0',
            message: '',
            input: { Definition: 25 },
            outputFiles: [
              {
                type: 'AiAnalysis.DeLogo.Video',
                storageMode: 'Permanent',
                fileId: FILE,
                url: 'http://x/v.mp4',
                expiresInSeconds: 0,
              },
            ],
          },
        ],
      },
    });
  });

  test('may have null wherever a list or a part was promised', () => {
    expect(detail({ ProcessMediaByMPSTask: null }).mps).toBeNull();
    expect(detail({}).mps).toBeNull();
    expect(mps({ SubTaskSet: null }).mps?.subTasks).toEqual([]);
    expect(mps({ SubTaskSet: [sub({ Output: null })] }).mps?.subTasks[0]?.outputFiles).toEqual([]);
    expect(mps({ SubTaskSet: [sub({ Output: { OutputFiles: null } })] }).mps?.subTasks[0]?.outputFiles).toEqual([]);
  });

  test('has an input only where it is JSON', () => {
    expect(mps({ SubTaskSet: [sub({ Input: '{broken' })] }).mps?.subTasks[0]?.input).toBeNull();
    expect(mps({ SubTaskSet: [{ Status: 'FAIL' }] }).mps?.subTasks[0]?.input).toBeNull();
    expect(mps({ SubTaskSet: [sub({ Input: { Definition: 25 } })] }).mps?.subTasks[0]?.input).toEqual({
      Definition: 25,
    });
  });

  test('never reads a failure without a code as a success', () => {
    const code = (fields: object) => mps({ SubTaskSet: [sub(fields)] }).mps?.subTasks[0]?.errCode;
    expect(code({ Status: 'FAIL', ErrCode: null })).toBe('');
    expect(code({ Status: 'SUCCESS', ErrCode: null })).toBe('0');
    expect(code({ Status: 'FAIL', ErrCode: 70001 })).toBe('70001');
  });

  test('takes a word for the task’s number', () => {
    expect(mps({ ErrCode: 'SourceFileError.Broken', Message: 'm' }).mps).toMatchObject({
      errCode: 'SourceFileError.Broken',
      message: 'm',
    });
    expect(mps({ ErrCode: '0' }).mps?.errCode).toBe('0');
    expect(mps({ ErrCode: null }).mps?.errCode).toBe('0');
  });

  test('has a finish time only when it has ended', () => {
    const times = { FinishTime: '2026-01-01T00:01:00Z' };
    expect(detail({ ...times, Status: 'PROCESSING' }).finishTime).toBeNull();
    expect(detail({ ...times, Status: 'ABORTED' }).finishTime).toBe(times.FinishTime);
    expect(detail({ FinishTime: '0001-01-01T00:00:00Z' }).finishTime).toBeNull();
  });

  test.each<[string, object]>([
    ['Status', { Status: 'DONE' }],
    ['Status', { Status: null }],
    ['Status', { Status: 3 }],
    ['ProcessMediaByMPSTask', { ProcessMediaByMPSTask: 'x' }],
    ['ProcessMediaByMPSTask.SubTaskSet', { ProcessMediaByMPSTask: { SubTaskSet: {} } }],
    ['ProcessMediaByMPSTask.SubTaskSet[0].Status', { ProcessMediaByMPSTask: { SubTaskSet: [{}] } }],
    [
      'ProcessMediaByMPSTask.SubTaskSet[0].Output.OutputFiles[0].FileId',
      { ProcessMediaByMPSTask: { SubTaskSet: [sub({ Output: { OutputFiles: [{ FileId: 5285485487985271000 }] } })] } },
    ],
  ])('is refused with the place where it is wrong: %s', (where, fields) => {
    expect(refusal(() => detail(fields))).toContain(`bad-answer: ${where} is not as documented`);
  });
});

describe('a list of tasks', () => {
  const list = (TaskSet: unknown, fields: object = {}) =>
    answers.readTaskList('DescribeTasks', { RequestId: 'r-1', TaskSet, ...fields });

  test('is empty where the vendor gives null, and ends where the token is empty', () => {
    expect(list(null, { ScrollToken: '' })).toEqual({ tasks: [], scrollToken: null, requestId: 'r-1' });
    expect(list([], { ScrollToken: 'next' }).scrollToken).toBe('next');
  });

  test('knows a task of ours by its type or by its id', () => {
    const common = {
      Status: 'PROCESSING',
      FileId: FILE,
      CreateTime: '2026-01-01T00:00:00Z',
      FinishTime: '2026-01-01T00:00:00Z',
    };
    const { tasks } = list([
      { ...common, TaskId: TASK, TaskType: '' },
      { ...common, TaskId: 'x', TaskType: 'ProcessMediaByMPS' },
      { ...common, TaskId: '1-Procedure-2', TaskType: 'Procedure' },
    ]);
    expect(tasks.map(({ isMps }) => isMps)).toEqual([true, true, false]);
    expect(tasks.map(({ finishTime }) => finishTime)).toEqual([null, null, null]);
  });

  test('leaves out tasks of other kinds that it cannot read, and refuses ours', () => {
    const foreign = { TaskId: '1-Procedure-2', TaskType: 'Procedure', Status: 'NEW' };
    expect(list([foreign]).tasks).toEqual([]);
    expect(refusal(() => list([foreign, { TaskId: TASK, Status: 'NEW' }]))).toContain('TaskSet[1].Status');
    expect(refusal(() => list([{ TaskId: TASK, Status: 'FINISH', FileId: 52854854879 }]))).toContain('last digits');
  });
});

describe('media', () => {
  test('are read with what is there', () => {
    const answer = {
      RequestId: 'r-1',
      MediaInfoSet: [
        { FileId: FILE, BasicInfo: null, MetaData: null },
        {
          FileId: '2',
          BasicInfo: { Name: 'n', Description: '', ClassId: 7, TagSet: null, ExpireTime: '9999-12-31T23:59:59Z' },
          MetaData: { Duration: 12.5, Width: 1920, Height: 1080 },
        },
      ],
      NotExistFileIdSet: null,
    };
    const { media, missing } = answers.readMediaInfos('DescribeMediaInfos', answer);
    expect(missing).toEqual([]);
    expect(media[0]).toMatchObject({ fileId: FILE, name: null, tags: [], durationSeconds: null });
    expect(media[1]).toMatchObject({ name: 'n', description: null, classId: 7, durationSeconds: 12.5, height: 1080 });
  });

  test('with an id that is a number are refused', () => {
    const answer = { RequestId: 'r-1', MediaInfoSet: [{ FileId: 5285485487985271000 }] };
    expect(refusal(() => answers.readMediaSearch('SearchMedia', answer))).toContain('MediaInfoSet[0].FileId');
  });
});
