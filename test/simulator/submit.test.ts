import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eraseParams, refusalCode, SAMPLE_FILE_ID, SUB_APP_ID, submitErase, vodClient } from '../support/simulator.js';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ submitsPerSecond: 0, readsPerSecond: 0, taskDurationMs: 0 });
});
afterAll(() => simulator.close());

const client = () => vodClient(simulator.url);
/** Any input, also one that the SDK's types would not let through. */
const call = (action: string, input: Record<string, unknown>) => client().request(action, input);
const submit = (input: Record<string, unknown>) =>
  call('ProcessMediaByMPS', { FileId: SAMPLE_FILE_ID, SubAppId: SUB_APP_ID, ...input });
const submitParams = (params: unknown) =>
  submit({ MPSProcessMediaParams: typeof params === 'string' ? params : JSON.stringify(params) });
const subTask = async (taskId: string) => {
  const { ProcessMediaByMPSTask } = await client().DescribeTaskDetail({ TaskId: taskId, SubAppId: SUB_APP_ID });
  return ProcessMediaByMPSTask?.SubTaskSet?.[0];
};

describe('a submit', () => {
  it.each(['POST', 'GET'] as const)('by the official SDK over %s starts a task', async (reqMethod) => {
    const taskId = await submitErase(vodClient(simulator.url, { reqMethod }));
    expect(taskId).toMatch(/^1500000001-ProcessMediaByMPS-[0-9a-f]{32}$/);
  });

  it('given twice is two tasks, since there is no idempotency', async () => {
    expect(await submitErase(client())).not.toBe(await submitErase(client()));
  });

  it.each([
    ['without FileId', { FileId: undefined, MPSProcessMediaParams: eraseParams() }, 'MissingParameter'],
    ['without SubAppId', { SubAppId: undefined, MPSProcessMediaParams: eraseParams() }, 'MissingParameter'],
    ['without anything to do', {}, 'MissingParameter'],
    ['with empty params and nothing else', { MPSProcessMediaParams: '' }, 'MissingParameter'],
    ['with a SubAppId in quotes', { SubAppId: '1500000001', MPSProcessMediaParams: eraseParams() }, 'InvalidParameter'],
    ['with a FileId that is a number', { FileId: 5285, MPSProcessMediaParams: eraseParams() }, 'InvalidParameter'],
    ['with a broken SubAppId', { SubAppId: 1.5, MPSProcessMediaParams: eraseParams() }, 'InvalidParameter'],
    ['with params that are an object', { MPSProcessMediaParams: { AiAnalysisTask: {} } }, 'InvalidParameter'],
    ['with a parameter nobody knows', { SessionId: 'x', MPSProcessMediaParams: eraseParams() }, 'UnknownParameter'],
    ['with a name from the prototype', { constructor: 'x', MPSProcessMediaParams: eraseParams() }, 'UnknownParameter'],
    [
      'for a sub-application of others',
      { SubAppId: 1500000002, MPSProcessMediaParams: eraseParams() },
      'InvalidParameterValue.SubAppId',
    ],
    [
      'for a file that does not exist',
      { FileId: '5285485487985279999', MPSProcessMediaParams: eraseParams() },
      'InvalidParameterValue.FileId',
    ],
  ])('%s is refused', async (_, input, code) => {
    const before = simulator.admin.tasks().length;
    expect(await refusalCode(submit(input))).toBe(code);
    expect(simulator.admin.tasks()).toHaveLength(before);
  });

  it.each([
    ['that are not JSON', '{"AiAnalysisTask":', 'InvalidParameterValue'],
    ['that are JSON but no object', '[1]', 'InvalidParameterValue'],
    ['in which nothing is honoured', { MediaProcessTask: {} }, 'InvalidParameter'],
    ['with a task that is no object', { AiAnalysisTask: 25 }, 'InvalidParameter'],
    ['without Definition', { AiAnalysisTask: {} }, 'MissingParameter'],
    ['with a Definition in quotes', { AiAnalysisTask: { Definition: '25' } }, 'InvalidParameter'],
    [
      'with a template that does not exist',
      { AiAnalysisTask: { Definition: 99 } },
      'InvalidParameterValue.AiAnalysisTaskDefinition',
    ],
    [
      'with an ExtendedParameter that is an object',
      { AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: {} } } },
      'InvalidParameter',
    ],
    [
      'with an ExtendedParameter that is not JSON',
      { AiAnalysisTask: { Definition: 25, ExtendedParameter: 'delogo' } },
      'InvalidParameterValue',
    ],
    [
      'with a scenario that does not exist',
      { AiAnalysisTask: { Definition: 25, ExtendedParameter: '{"delogo":{"CustomerAppId":"everything"}}' } },
      'InvalidParameterValue',
    ],
    [
      'with an output pattern that is too long',
      {
        AiAnalysisTask: {
          Definition: 25,
          ExtendedParameter: JSON.stringify({ delogo: { output_patten: 'x'.repeat(200) } }),
        },
      },
      'InvalidParameterValue',
    ],
  ])('with params %s is refused', async (_, params, code) => {
    expect(await refusalCode(submitParams(params))).toBe(code);
  });

  it('ignores everything in its params but AiAnalysisTask, without a word', async () => {
    const params = { AiAnalysisTask: { Definition: 25 }, MediaProcessTask: { TranscodeTaskSet: [{ Definition: 10 }] } };
    const { TaskId } = (await submitParams(params)) as { TaskId: string };
    expect(JSON.parse((await subTask(TaskId))?.Input ?? '')).toEqual({ Definition: 25 });
  });

  it('prefers its params to the typed fields', async () => {
    const smartErase = { RawParameter: { EraseType: 'privacy', ErasePrivacyConfig: {} } };
    const { TaskId } = (await submit({ MPSProcessMediaParams: eraseParams(), SmartEraseTask: smartErase })) as {
      TaskId: string;
    };
    expect(await subTask(TaskId)).toMatchObject({ TaskType: 'AiAnalysis.DeLogo' });
  });

  it('that starts highlights is accepted and erases nothing', async () => {
    const { TaskId } = (await submitParams({ AiAnalysisTask: { Definition: 26 } })) as { TaskId: string };
    expect(await subTask(TaskId)).toMatchObject({
      TaskType: 'AiAnalysis.HighlightTask',
      Output: { OutputFiles: null },
    });
  });
});

describe('the files of a finished task', () => {
  const filesOf = async (taskId: string) =>
    ((await subTask(taskId))?.Output?.OutputFiles ?? []).map(({ FileType, StorageMode }) => [FileType, StorageMode]);
  const video = ['AiAnalysis.DeLogo.Video', 'Permanent'];
  const original = ['AiAnalysis.DeLogo.OriginSubtitle', 'Temporary'];
  const translated = ['AiAnalysis.DeLogo.TranslateSubtitle', 'Temporary'];

  it.each([
    [undefined, [video]],
    ['ai_delogo_v1', [video]],
    ['subtitle_erase_fast', [video]],
    ['subtitle_erase_area', [video]],
    ['subtitle_extract_v1', [original]],
    ['subtitle_erase_and_translate', [video, original, translated]],
    ['subtitle_logo_erase', [video]],
    ['facial_blur', [video]],
    ['facial_mosaic', [video]],
    ['facial_and_numberplate_mosaic_v2', [video]],
  ])('with scenario %s are as documented', async (scenario, files) => {
    expect(await filesOf(await submitErase(client(), SAMPLE_FILE_ID, eraseParams(scenario)))).toEqual(files);
  });

  it('of a typed AiAnalysisTask are the same as those of params', async () => {
    const { TaskId } = (await submit({ AiAnalysisTask: { Definition: 25 } })) as { TaskId: string };
    expect(await filesOf(TaskId)).toEqual([video]);
  });

  it('of a SmartEraseTask have its own names', async () => {
    const SmartEraseTask = { RawParameter: { EraseType: 'subtitle', EraseSubtitleConfig: {} } };
    const { TaskId } = (await submit({ SmartEraseTask })) as { TaskId: string };
    expect(await subTask(TaskId)).toMatchObject({
      TaskType: 'SmartErase',
      Status: 'SUCCESS',
      Output: { OutputFiles: [{ FileType: 'SmartErase.Video', StorageMode: 'Permanent' }] },
    });
  });

  it.each([
    [{}, 'MissingParameter'],
    [{ RawParameter: { EraseType: 'everything' } }, 'InvalidParameterValue'],
    [{ RawParameter: { EraseType: 'watermark', ErasePrivacyConfig: {} } }, 'MissingParameter'],
  ])('do not come from the malformed SmartEraseTask %j', async (SmartEraseTask, code) => {
    expect(await refusalCode(submit({ SmartEraseTask }))).toBe(code);
  });

  it('include a new video with a FileId of 19 digits of its own', async () => {
    const fileIds = new Set<string>();
    for (let at = 0; at < 20; at++) {
      const found = await subTask(await submitErase(client()));
      fileIds.add(found?.Output?.OutputFiles?.[0]?.FileId ?? '');
    }
    expect(fileIds.size).toBe(20);
    for (const fileId of fileIds) expect(fileId).toMatch(/^5285\d{15}$/);
    expect(fileIds).not.toContain(SAMPLE_FILE_ID);
  });

  it('echo what was sent, as JSON text', async () => {
    const params = eraseParams('subtitle_erase_fast');
    const found = await subTask(await submitErase(client(), SAMPLE_FILE_ID, params));
    expect(JSON.parse(found?.Input ?? '')).toEqual(JSON.parse(params).AiAnalysisTask);
  });
});

describe('any call', () => {
  it('to an API that is not there is refused', async () => {
    expect(await refusalCode(call('DeleteEverything', {}))).toBe('InvalidAction');
  });

  it('of another version is refused', async () => {
    const other = Object.assign(client(), { apiVersion: '2024-07-18' });
    expect(await refusalCode(other.DescribeTasks({ SubAppId: SUB_APP_ID }))).toBe('NoSuchVersion');
  });

  it('with more than 10 MB is refused', async () => {
    expect(await refusalCode(submitParams('x'.repeat(11 * 1024 * 1024)))).toBe('RequestSizeLimitExceeded');
  });
});

it('takes files that it never listed when it is told to', async () => {
  const lenient = await startSimulator({ acceptUnknownFiles: true, taskDurationMs: 0 });
  try {
    await expect(submitErase(vodClient(lenient.url), '5285999999999999999')).resolves.toMatch(/ProcessMediaByMPS/);
  } finally {
    await lenient.close();
  }
});
