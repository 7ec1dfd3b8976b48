import { describe, expect, it, test } from 'vitest';
import { uncertain } from '../../src/activities/erase/steps/submit-outcome.js';
import { finalFailure, notYet, readFailure, retryFailure } from '../../src/activities/shared/failures.js';
import type { EraseFailureDetails } from '../../src/contract/request.js';
import type { SubmissionRecord } from '../../src/ledger/submissions/submission.js';
import * as answers from '../../src/tencent-vod/answers.js';
import { classify } from '../../src/tencent-vod/classify.js';
import { fitAnswer } from '../../src/tencent-vod/fit-answer.js';
import { inputMatches } from '../../src/tencent-vod/input-match.js';
import type { VodError } from '../../src/tencent-vod/vod-error.js';

const LONG = 'x'.repeat(1_200_000);
const TASK = '1500000001-ProcessMediaByMPS-0123456789abcdef';
/** As UTF-8 has it, and without NUL. */
const FIT = /^[^\0\p{Surrogate}]*$/u;
/** Lists and objects, so many levels deep. */
const nested = (levels: number) => JSON.parse(`${'{"a":['.repeat(levels)}${']}'.repeat(levels)}`) as unknown;

describe('an answer', () => {
  it('keeps its form, and loses what nobody can keep', () => {
    const answer = { Text: 'a\0b', List: ['\ud83d', 1, null, { Deep: '😀' }], Flag: true };
    expect(fitAnswer(answer)).toEqual({ Text: 'a\uFFFDb', List: ['\uFFFD', 1, null, { Deep: '😀' }], Flag: true });
  });

  it('of a hundred thousand levels is cut', () => {
    expect(JSON.stringify(fitAnswer(nested(100_000))).length).toBeLessThan(300);
  });

  it('is bounded in every field that is kept', () => {
    const file = { FileType: LONG, StorageMode: LONG, FileId: '1', Url: LONG, ExpiredTime: 1 };
    const sub = { TaskType: 'AiAnalysis.DeLogo', Status: LONG, ErrCode: LONG, Message: LONG };
    const task = answers.readTaskDetail(
      'DescribeTaskDetail',
      {
        TaskType: LONG,
        Status: 'FINISH',
        CreateTime: LONG,
        FinishTime: LONG,
        RequestId: LONG,
        ProcessMediaByMPSTask: {
          Status: LONG,
          ErrCode: LONG,
          Message: LONG,
          SubTaskSet: [{ ...sub, Output: { OutputFiles: Array(5_000).fill(file) } }],
        },
      },
      TASK,
    );
    expect(JSON.stringify(task).length).toBeLessThan(60_000);
    // Half a URL leads nowhere.
    expect(task.mps?.subTasks[0]?.outputFiles).toHaveLength(50);
    expect(task.mps?.subTasks[0]?.outputFiles[0]).toMatchObject({ url: null, fileId: '1' });
    const { media } = answers.readMediaInfos('DescribeMediaInfos', {
      MediaInfoSet: [
        { FileId: '1', BasicInfo: { Name: LONG, Description: LONG, TagSet: [LONG], MediaUrl: LONG, ExpireTime: LONG } },
      ],
    });
    expect(JSON.stringify(media).length).toBeLessThan(5_000);
  });

  it('keeps a URL with a long signature whole', () => {
    const Url = `https://example.com/v.mp4?sign=${'a'.repeat(3_000)}`;
    const { media } = answers.readMediaInfos('DescribeMediaInfos', {
      MediaInfoSet: [{ FileId: '1', BasicInfo: { MediaUrl: Url } }],
    });
    expect(media[0]?.mediaUrl).toBe(Url);
  });

  it('echoes an input of 64 KB whole, and one of too many levels as one that says nothing of ours', () => {
    const recipe = {
      name: 'raw' as const,
      params: {
        AiAnalysisTask: { Definition: 25 as const, ExtendedParameter: { delogo: { note: 'x'.repeat(60_000) } } },
      },
    };
    const echoed = { Definition: 25, ExtendedParameter: JSON.stringify({ delogo: { note: 'x'.repeat(60_000) } }) };
    expect(inputMatches(recipe, fitAnswer(echoed))).toBe('same');
    const deep = {
      Definition: 25,
      ExtendedParameter: JSON.stringify({ delogo: {} }).replace('{}', `${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`),
    };
    expect(inputMatches({ name: 'logo-basic' }, deep)).not.toBe('same');
  });
});

test.each([
  ['NUL', 'task-\0'],
  ['what a cleaned NUL is', 'task-\uFFFD'],
  ['a space', 'task 1'],
  ['a line end', 'task\n'],
  ['half of a character', 'task-\ud83d'],
  ['300 characters', 'x'.repeat(300)],
])('a TaskId or FileId with %s is a bad answer', (_name, id) => {
  const bad = expect.objectContaining({ class: 'badAnswer', code: 'bad-answer' });
  const thrown = (read: () => unknown) => {
    try {
      return read();
    } catch (error) {
      expect((error as VodError).message).toMatch(FIT);
      return error;
    }
  };
  const task = { TaskType: 'ProcessMediaByMPS', Status: 'FINISH', TaskId: TASK, FileId: '1' };
  expect(thrown(() => answers.readSubmitted('ProcessMediaByMPS', { TaskId: id }))).toEqual(bad);
  expect(thrown(() => answers.readTaskList('DescribeTasks', { TaskSet: [{ ...task, TaskId: id }] }))).toEqual(bad);
  expect(thrown(() => answers.readTaskList('DescribeTasks', { TaskSet: [{ ...task, FileId: id }] }))).toEqual(bad);
  expect(thrown(() => answers.readMediaInfos('DescribeMediaInfos', { MediaInfoSet: [{ FileId: id }] }))).toEqual(bad);
  const detail = {
    Status: 'FINISH',
    ProcessMediaByMPSTask: { SubTaskSet: [{ Status: 'SUCCESS', Output: { OutputFiles: [{ FileId: id }] } }] },
  };
  expect(thrown(() => answers.readTaskDetail('DescribeTaskDetail', detail, TASK))).toEqual(bad);
});

describe('an error of the vendor', () => {
  it('has a message that is bounded and fit, whatever it says', () => {
    // Cut at 500: in the middle of a character.
    for (const said of ['a\0b', '\ud83d', LONG, '😀'.repeat(400), `x${'😀'.repeat(400)}`]) {
      const thrown = { name: 'TencentCloudSDKHttpException', code: 'InvalidParameter', message: said, requestId: said };
      const error = classify('ProcessMediaByMPS', thrown);
      expect([error.class, error.code]).toEqual(['input', 'InvalidParameter']);
      expect(error.message).toMatch(FIT);
      expect(error.message.length).toBeLessThan(1_000);
      expect(error.requestId).toMatch(FIT);
    }
  });

  it.each([
    ['FailedOperation.MediaNotExist\0', 'FailedOperation.MediaNotExist', 'input'],
    ['\ud83dUnauthorizedOperation', 'UnauthorizedOperation', 'account'],
    ['Request\0LimitExceeded', 'RequestLimitExceeded', 'throttled'],
  ])('with the code %j is the refusal that it is', (code, known, errorClass) => {
    const error = classify('ProcessMediaByMPS', { code, message: '', requestId: 'r' });
    expect([error.code, error.class]).toEqual([known, errorClass]);
  });
});

describe('a failure made of what others wrote', () => {
  const fields = { code: 'c', message: `a\0${LONG}` };

  it('is bounded, its details too', () => {
    for (const failure of [
      finalFailure('input', fields),
      retryFailure('retry', fields, 1),
      notYet(fields.message, 1),
    ]) {
      expect(failure.message).toMatch(FIT);
      expect(failure.message).toHaveLength(4_000);
      const details = failure.details?.[0] as EraseFailureDetails | undefined;
      if (details !== undefined) expect(details.message).toBe(failure.message);
    }
    const read = readFailure(new Error(`\ud83d${LONG}`), 1);
    expect(read.message).toMatch(/^\uFFFDx+…$/);
    expect(read.message).toHaveLength(4_000);
  });

  it('is bounded in a hold', () => {
    const record = {
      key: { eraseId: '1', number: 1 },
      scheduledAt: new Date(0),
      requestId: null,
    } as unknown as SubmissionRecord;
    expect(uncertain(`5,000 tasks: ${LONG}`, record).hold.message).toHaveLength(4_000);
  });
});
