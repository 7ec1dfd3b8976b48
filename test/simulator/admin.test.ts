import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAULT_KINDS, type Simulator, startSimulator } from '../../src/simulator/index.js';
import { manyMedia, SAMPLE_FILE_ID, SimulatorAdmin, SUB_APP_ID, submitErase, vodClient } from '../support/simulator.js';

let simulator: Simulator;
let admin: SimulatorAdmin;
beforeAll(async () => {
  simulator = await startSimulator({ submitsPerSecond: 0, readsPerSecond: 0, taskDurationMs: 3_600_000 });
  admin = new SimulatorAdmin(simulator.url);
});
afterAll(() => simulator.close());

const send = async (method: string, path: string, body?: string) => {
  const response = await fetch(`${simulator.url}/_admin/${path}`, { method, body });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
};

describe('the list of calls', () => {
  it('is NDJSON, a line a call, with five fields each', async () => {
    const client = vodClient(simulator.url);
    const taskId = await submitErase(client);
    await client.DescribeTaskDetail({ TaskId: taskId, SubAppId: SUB_APP_ID });
    await submitErase(client, '1').catch(() => undefined);
    const { text, type } = await send('GET', 'calls');
    expect(type).toBe('application/x-ndjson');
    expect(text.endsWith('}\n')).toBe(true);
    const at = expect.any(Number);
    expect(await admin.calls()).toEqual([
      { at, action: 'ProcessMediaByMPS', fileId: SAMPLE_FILE_ID, taskId, outcome: 'ok' },
      { at, action: 'DescribeTaskDetail', fileId: SAMPLE_FILE_ID, taskId, outcome: 'ok' },
      { at, action: 'ProcessMediaByMPS', fileId: '1', taskId: null, outcome: 'InvalidParameterValue.FileId' },
    ]);
    expect(Math.abs(((await admin.calls())[0]?.at ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('can be read from a place on, and with more detail', async () => {
    const lines = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    const all = await admin.calls();
    expect(lines((await send('GET', 'calls?from=2')).text)).toEqual(all.slice(2));
    expect((await admin.callDetails())[0]).toMatchObject({
      ...all[0],
      secretId: 'AKIDsimulator',
      subAppId: SUB_APP_ID,
    });
  });
});

it('lists tasks with what was submitted', async () => {
  expect(await admin.tasks()).toEqual([
    expect.objectContaining({ fileId: SAMPLE_FILE_ID, status: 'PROCESSING', finishedAt: null, resultFileId: null }),
  ]);
});

describe('adding media', () => {
  it('makes files known to the API', async () => {
    await admin.addMedia([
      { fileId: '5285000000000000001', name: 'a', duration: 12.5, width: 640, height: 360, classId: 7, tags: ['x'] },
    ]);
    const { MediaInfoSet } = await vodClient(simulator.url).DescribeMediaInfos({
      FileIds: ['5285000000000000001'],
      SubAppId: SUB_APP_ID,
    });
    expect(MediaInfoSet?.[0]).toMatchObject({
      BasicInfo: { Name: 'a', ClassId: 7, TagSet: ['x'] },
      MetaData: { Duration: 12.5, Width: 640, Height: 360 },
    });
    await admin.removeMedia('5285000000000000001');
    const gone = await vodClient(simulator.url).DescribeMediaInfos({
      FileIds: ['5285000000000000001'],
      SubAppId: SUB_APP_ID,
    });
    expect(gone).toMatchObject({ MediaInfoSet: null, NotExistFileIdSet: ['5285000000000000001'] });
  });

  it('makes files of other kinds, as the API describes them', async () => {
    const [audio, image, archived] = ['5285000000000000011', '5285000000000000012', '5285000000000000013'];
    await admin.addMedia([
      { fileId: audio, name: 'song', duration: 60, category: 'Audio', classId: 5 },
      { fileId: image, name: 'poster', duration: 0, category: 'Image', classId: 5 },
      {
        fileId: archived,
        name: 'old',
        duration: 60,
        width: 640,
        height: 360,
        storageClass: 'DEEP_ARCHIVE',
        classId: 5,
      },
    ]);
    const client = vodClient(simulator.url);
    const { MediaInfoSet } = await client.DescribeMediaInfos({
      FileIds: [audio, image, archived],
      SubAppId: SUB_APP_ID,
    });
    expect(MediaInfoSet).toMatchObject([
      { BasicInfo: { Category: 'Audio' }, MetaData: { Width: 0, Height: 0, VideoStreamSet: [] } },
      { BasicInfo: { Category: 'Image' }, MetaData: null },
      { BasicInfo: { Category: 'Video', StorageClass: 'DEEP_ARCHIVE', Status: 'Normal' } },
    ]);
    const found = async (query: object) =>
      (await client.SearchMedia({ SubAppId: SUB_APP_ID, ClassIds: [5], ...query })).MediaInfoSet?.map(
        ({ FileId }) => FileId,
      );
    expect(await found({ Categories: ['Video'] })).toEqual([archived]);
    expect((await found({ Categories: ['Image', 'Audio'] }))?.sort()).toEqual([audio, image]);
    expect(await found({ StorageClasses: ['DEEP_ARCHIVE'], Status: ['Normal'] })).toEqual([archived]);
    await expect(found({ Categories: ['Videos'] })).rejects.toThrow('Categories');
  });

  const good = { fileId: '5285000000000000002', name: 'b', duration: 1, width: 1, height: 1 };
  it.each([
    [{ fileId: 5285000000000000 }, /medias\[1\]\.fileId must be a string of digits/],
    [{ fileId: 'abc' }, /fileId/],
    [{ name: undefined }, /name/],
    [{ duration: '90' }, /duration/],
    [{ width: 0 }, /width/],
    [{ category: 'Film' }, /category must be one of Video, Audio, Image/],
    [{ videoStream: 'no' }, /videoStream/],
    [{ height: 1.5 }, /height/],
    [{ tags: 'x' }, /tags/],
    [{ classId: 'x' }, /classId/],
    [{ subAppId: 1500000009 }, /subAppId/],
    [{ createTime: 'today' }, /createTime/],
    [{ length: 5 }, /length is not known/],
  ])('refuses all of them when one is %j', async (wrong, sentence) => {
    const answer = await send('POST', 'media', JSON.stringify({ medias: [good, { ...good, ...wrong }] }));
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).error).toMatch(sentence);
    const { NotExistFileIdSet } = await vodClient(simulator.url).DescribeMediaInfos({
      FileIds: [good.fileId],
      SubAppId: SUB_APP_ID,
    });
    expect(NotExistFileIdSet).toEqual([good.fileId]);
  });

  it('takes a large library in one request', async () => {
    await admin.addMedia(manyMedia(20_000));
    const { TotalCount } = await vodClient(simulator.url).SearchMedia({ SubAppId: SUB_APP_ID });
    expect(TotalCount).toBe(5000);
  });
});

describe('faults', () => {
  it.each(FAULT_KINDS)('of kind %s are taken with the fields that they need', async (kind) => {
    const fault = { action: 'ProcessMediaByMPS', kind, code: '1', ms: 1, status: 500, patch: {}, times: 3 };
    expect(await admin.addFault(fault)).toMatchObject(fault);
    await admin.clearFaults();
    expect(await admin.faults()).toEqual([]);
  });

  it.each([
    [{ kind: 'error', code: 'X' }, /"action"/],
    [{ action: 'Nothing', kind: 'error', code: 'X' }, /"action" must be/],
    [{ action: 'DescribeTasks' }, /"kind" must be one of/],
    [{ action: 'DescribeTasks', kind: 'earthquake' }, /"kind" must be one of/],
    [{ action: 'DescribeTasks', kind: 'error' }, /needs "code"/],
    [{ action: 'DescribeTasks', kind: 'delay' }, /needs "ms"/],
    [{ action: 'DescribeTasks', kind: 'http-status' }, /needs "status"/],
    [{ action: 'DescribeTasks', kind: 'delay', ms: -1 }, /"ms" must be/],
    [{ action: 'DescribeTasks', kind: 'delay', ms: '5' }, /"ms" must be/],
    [{ action: 'DescribeTasks', kind: 'error', code: 'X', times: 0 }, /"times" must be/],
    [{ action: 'DescribeTasks', kind: 'error', code: 'X', fileId: 5 }, /"fileId" must be/],
    [{ action: 'ManageTask', kind: 'task-failure', code: 'X' }, /marks tasks/],
    [{ action: 'ProcessMediaByMPS', kind: 'task-failure', code: 'X', level: 'task' }, /digits/],
    [{ action: 'ProcessMediaByMPS', kind: 'silent-success', shape: 'round' }, /"shape" must be/],
    [{ action: 'DescribeTasks', kind: 'error', code: 'X', when: 'later' }, /no field "when"/],
  ])('like %j are refused', async (fault, sentence) => {
    const answer = await send('POST', 'faults', JSON.stringify(fault));
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).error).toMatch(sentence);
    expect(await admin.faults()).toEqual([]);
  });
});

describe('ageing', () => {
  it('makes tasks and media older, and leaves signatures and calls alone', async () => {
    const client = vodClient(simulator.url);
    const media = async () => {
      const { MediaInfoSet } = await client.DescribeMediaInfos({ FileIds: [SAMPLE_FILE_ID], SubAppId: SUB_APP_ID });
      return Date.parse(MediaInfoSet?.[0]?.BasicInfo?.CreateTime ?? '');
    };
    const [task] = await admin.tasks();
    const calls = await admin.calls();
    const mediaCreated = await media();
    await admin.age(3_600_000);
    const [aged] = await admin.tasks();
    expect(aged).toMatchObject({ status: 'FINISH', createdAt: (task?.createdAt ?? 0) - 3_600_000 });
    expect(mediaCreated - (await media())).toBe(3_600_000);
    expect((await admin.calls()).slice(0, calls.length)).toEqual(calls);
    // What is new is of now.
    await submitErase(client);
    const newest = (await admin.tasks()).at(-1);
    expect(Math.abs((newest?.createdAt ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it.each(['{"ms":-1}', '{"ms":"1 h"}', '{}', '[]', 'soon'])('by %s is refused', async (body) => {
    expect((await send('POST', 'age', body)).status).toBe(400);
  });
});

it.each([
  ['GET', 'nothing'],
  ['POST', 'calls'],
  ['PUT', 'faults'],
])('has no %s %s', async (method, path) => {
  expect((await send(method, path)).status).toBe(404);
});

it.each(['media', 'faults'])('needs JSON for %s', async (path) => {
  const answer = await send('POST', path, '{"medias":');
  expect(answer).toMatchObject({ status: 400, text: expect.stringContaining('must be JSON') });
});

describe('starting', () => {
  it('on a port in use fails with EADDRINUSE', async () => {
    await expect(startSimulator({ port: simulator.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it.each([
    [{ submitsPerSecond: -1 }, /submitsPerSecond/],
    [{ taskDurationMs: { minMs: 5, maxMs: 1 } }, /taskDurationMs/],
    [{ maxConcurrentTasks: 0 }, /maxConcurrentTasks/],
    [{ retentionMs: 0 }, /retention/],
    [{ credentials: [] }, /credential/],
    [{ subAppIds: [] }, /sub-application/],
  ])('with %j fails with a sentence', async (options, sentence) => {
    await expect(startSimulator(options)).rejects.toThrow(sentence);
  });
});
