import { describe, expect, it } from 'vitest';
import { judgeTask } from '../../src/tencent-vod/task-verdict.js';
import type { OutputFile, SubTask, TaskDetail } from '../../src/tencent-vod/vod-api.js';

const SOURCE = '5285485487985271487';
const RESULT = '3877702313900000001';

const file = (fields: Partial<OutputFile> = {}): OutputFile => ({
  type: 'AiAnalysis.DeLogo.Video',
  storageMode: 'Permanent',
  fileId: RESULT,
  url: 'https://example.com/v.mp4',
  expiresInSeconds: null,
  ...fields,
});

const subTask = (fields: Partial<SubTask> = {}): SubTask => ({
  type: 'AiAnalysis.DeLogo',
  status: 'SUCCESS',
  errCode: '0',
  message: '',
  input: null,
  outputFiles: [file()],
  ...fields,
});

function judge(fields: Partial<TaskDetail> = {}, subTasks: SubTask[] = [subTask()], makesVideo = true) {
  const mps = { errCode: '0', message: '', status: 'FINISH', subTasks };
  const detail: TaskDetail = {
    taskId: 't',
    isMps: true,
    status: 'FINISH',
    createTime: null,
    finishTime: null,
    mps,
    requestId: 'r',
    ...fields,
  };
  return judgeTask(detail, { sourceFileId: SOURCE, makesVideo });
}

describe('a finished task', () => {
  it('is a success with a new file', () => {
    expect(judge()).toEqual({
      kind: 'succeeded',
      resultFileId: RESULT,
      files: [
        { type: 'AiAnalysis.DeLogo.Video', fileId: RESULT, url: 'https://example.com/v.mp4', expiresInSeconds: null },
      ],
    });
  });

  it('has files that stay, and files that expire', () => {
    const subtitle = file({
      type: 'AiAnalysis.DeLogo.OriginSubtitle',
      storageMode: 'Temporary',
      fileId: null,
      expiresInSeconds: 86_400,
    });
    const verdict = judge({}, [subTask({ outputFiles: [file({ expiresInSeconds: 0 }), subtitle] })]);
    expect(verdict).toMatchObject({ files: [{ expiresInSeconds: null }, { expiresInSeconds: 86_400 }] });
  });

  it('is judged by its erase sub-task, whatever stands beside it', () => {
    const other = subTask({ type: 'AiAnalysis.TagTask', status: 'FAIL', errCode: '1', outputFiles: [] });
    expect(judge({}, [other, subTask()])).toMatchObject({ kind: 'succeeded' });
  });

  it('of the typed route is judged alike', () => {
    const typed = subTask({ type: 'SmartErase', outputFiles: [file({ type: 'SmartErase.Video' })] });
    expect(judge({}, [typed])).toMatchObject({ kind: 'succeeded', resultFileId: RESULT });
  });

  it('of a recipe without a video needs a subtitle file', () => {
    const subtitle = file({ type: 'AiAnalysis.DeLogo.OriginSubtitle', fileId: null, expiresInSeconds: 86_400 });
    expect(judge({}, [subTask({ outputFiles: [subtitle] })], false)).toMatchObject({
      kind: 'succeeded',
      resultFileId: null,
    });
    expect(judge({}, [subTask({ outputFiles: [] })], false)).toMatchObject({
      class: 'badResult',
      code: 'NoSubtitleFile',
    });
  });

  it.each([
    ['the source as its result', [file({ fileId: SOURCE })], 'SameFile'],
    ['no file', [], 'NoVideo'],
    ['another kind of file', [file({ type: 'AiAnalysis.DeLogo.OriginSubtitle' })], 'NoVideo'],
    ['only a temporary URL', [file({ fileId: null })], 'TemporaryOnly'],
  ])('with %s is no success', (_name, outputFiles, code) => {
    expect(judge({}, [subTask({ outputFiles })])).toMatchObject({ kind: 'failed', class: 'badResult', code });
  });

  it('without an erase sub-task, or without any detail, is no success', () => {
    expect(judge({}, [])).toMatchObject({ class: 'badResult', code: 'NoEraseSubTask' });
    expect(judge({ mps: null })).toMatchObject({ class: 'badResult', code: 'NoTaskDetail' });
    expect(judge({}, [subTask({ status: 'PROCESSING' })])).toMatchObject({ code: 'SubTaskUnfinished' });
  });

  it('that was aborted is aborted', () => {
    expect(judge({ status: 'ABORTED', mps: null })).toMatchObject({
      kind: 'failed',
      class: 'aborted',
      worthOneMore: false,
    });
  });
});

describe('a task that is not over', () => {
  it.each(['WAITING', 'PROCESSING'] as const)('is unfinished while %s', (status) => {
    expect(judge({ status })).toEqual({ kind: 'unfinished', status });
  });
});

describe('a failed task', () => {
  it.each([
    ['SourceFileError.NotExist', false],
    ['SourceFileError', false],
    ['InvalidInput.Duration', false],
    ['SourceFileError.DownloadNotAccessible', true],
    ['InternalError', true],
    ['InternalError.Timeout', true],
    ['70000', true],
    ['WhoKnows', true],
  ])('with %s: one more payment is worth it: %s', (code, worthOneMore) => {
    const failed = { kind: 'failed', class: 'taskFailed', code, worthOneMore };
    expect(judge({}, [subTask({ status: 'FAIL', errCode: code, outputFiles: [] })])).toMatchObject(failed);
    expect(judge({ mps: { errCode: code, message: 'm', status: 'FINISH', subTasks: [] } })).toMatchObject(failed);
  });

  it('with a new file all the same is a failure', () => {
    expect(judge({}, [subTask({ status: 'FAIL', errCode: '1' })])).toMatchObject({ kind: 'failed' });
  });
});
