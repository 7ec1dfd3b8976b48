import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
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

const NEVER = '9999-12-31T23:59:59Z';
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
let simulator: Simulator;
let client: VodClient;
beforeAll(async () => {
  simulator = await startSimulator({ submitsPerSecond: 0, readsPerSecond: 0, writesPerSecond: 0, taskDurationMs: 0 });
  client = vodClient(simulator.url);
});
afterAll(() => simulator.close());

const describeMedia = async (fileId: string) => {
  const { MediaInfoSet } = await client.DescribeMediaInfos({ FileIds: [fileId], SubAppId: SUB_APP_ID });
  return MediaInfoSet?.[0];
};
const resultOf = async (taskId: string) =>
  simulator.admin.tasks().find((task) => task.taskId === taskId)?.resultFileId ?? '';

describe('DescribeMediaInfos', () => {
  it('tells what is there and what is not', async () => {
    const { MediaInfoSet, NotExistFileIdSet } = await client.DescribeMediaInfos({
      FileIds: [SAMPLE_FILE_ID, '1', '2'],
      SubAppId: SUB_APP_ID,
    });
    expect(MediaInfoSet).toHaveLength(1);
    expect(MediaInfoSet?.[0]).toMatchObject({
      FileId: SAMPLE_FILE_ID,
      BasicInfo: { ExpireTime: NEVER, Type: 'mp4', Category: 'Video' },
      MetaData: { Duration: 90, Width: 1920, Height: 1080 },
      TranscodeInfo: null,
    });
    expect(NotExistFileIdSet).toEqual(['1', '2']);
  });

  it('leaves out the parts that were not asked for', async () => {
    const { MediaInfoSet } = await client.DescribeMediaInfos({
      FileIds: [SAMPLE_FILE_ID],
      SubAppId: SUB_APP_ID,
      Filters: ['metaData'],
    });
    expect(MediaInfoSet?.[0]).toMatchObject({ BasicInfo: null, MetaData: { Duration: 90 } });
  });

  it.each([
    [{ FileIds: [] }, 'InvalidParameterValue.FileIdsEmpty'],
    [{ FileIds: Array(21).fill('1') }, 'InvalidParameterValue.FileIdsTooMany'],
    [{ FileIds: '1' }, 'InvalidParameter'],
    [{ FileIds: [1] }, 'InvalidParameter'],
    [{}, 'MissingParameter'],
    [{ FileIds: ['1'], Filters: ['everything'] }, 'InvalidParameterValue'],
  ])('refuses %j', async (query, code) => {
    expect(await refusalCode(client.DescribeMediaInfos({ SubAppId: SUB_APP_ID, ...query } as never))).toBe(code);
  });

  it('knows a result as a file of its own, with the measures of its source', async () => {
    const result = await describeMedia(await resultOf(await submitErase(client)));
    expect(result).toMatchObject({
      BasicInfo: { SourceInfo: { SourceType: 'VideoProcessing' }, TagSet: [], Description: '' },
      MetaData: { Duration: 90, Width: 1920, Height: 1080 },
    });
  });
});

describe('the URLs in answers', () => {
  it('play: the source and its result are different clips', async () => {
    const taskId = await submitErase(client, SAMPLE_FILE_ID, eraseParams('subtitle_erase_and_translate'));
    const source = await describeMedia(SAMPLE_FILE_ID);
    const { ProcessMediaByMPSTask } = await client.DescribeTaskDetail({ TaskId: taskId, SubAppId: SUB_APP_ID });
    const urls = ProcessMediaByMPSTask?.SubTaskSet?.[0]?.Output?.OutputFiles?.map(({ Url }) => Url ?? '') ?? [];
    expect(urls).toHaveLength(3);
    const bodies = await Promise.all(
      [source?.BasicInfo?.MediaUrl ?? '', ...urls].map(async (url) => {
        const response = await fetch(url);
        expect(response.status).toBe(200);
        expect(response.headers.get('access-control-allow-origin')).toBe('*');
        return { type: response.headers.get('content-type'), body: Buffer.from(await response.arrayBuffer()) };
      }),
    );
    expect(bodies.map(({ type }) => type)).toEqual([
      'video/mp4',
      'video/mp4',
      'text/vtt; charset=utf-8',
      'text/vtt; charset=utf-8',
    ]);
    for (const { body } of bodies.slice(0, 2)) expect(body.subarray(4, 8).toString()).toBe('ftyp');
    expect(bodies[0]?.body.equals(bodies[1]?.body ?? Buffer.alloc(0))).toBe(false);
    expect(bodies[2]?.body.toString()).toMatch(/^WEBVTT/);
  });

  const url = () => `${simulator.url}/media/${SUB_APP_ID}/${SAMPLE_FILE_ID}/video.mp4`;
  const range = async (value: string) => {
    const response = await fetch(url(), { headers: { range: value } });
    return {
      status: response.status,
      range: response.headers.get('content-range'),
      body: await response.arrayBuffer(),
    };
  };

  it('can be read in ranges, so that a player can seek', async () => {
    const whole = Buffer.from(await (await fetch(url())).arrayBuffer());
    const size = whole.length;
    const first = await range('bytes=0-99');
    expect(first).toMatchObject({ status: 206, range: `bytes 0-99/${size}` });
    expect(Buffer.from(first.body).equals(whole.subarray(0, 100))).toBe(true);
    const rest = await range('bytes=100-');
    expect(rest).toMatchObject({ status: 206, range: `bytes 100-${size - 1}/${size}` });
    expect(Buffer.from(rest.body).equals(whole.subarray(100))).toBe(true);
    const last = await range('bytes=-10');
    expect(Buffer.from(last.body).equals(whole.subarray(size - 10))).toBe(true);
    expect(await range(`bytes=${size}-`)).toMatchObject({ status: 416, range: `bytes */${size}` });
    expect(await range('bytes=0-1,5-6')).toMatchObject({ status: 200, range: null });
  });

  it('answer HEAD and OPTIONS, and nothing that writes', async () => {
    const head = await fetch(url(), { method: 'HEAD' });
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(1000);
    expect((await fetch(url(), { method: 'OPTIONS' })).status).toBe(204);
    expect((await fetch(url(), { method: 'DELETE' })).status).toBe(405);
  });

  it('of files that do not exist are not found, and temporary ones end', async () => {
    expect((await fetch(`${simulator.url}/media/${SUB_APP_ID}/1/video.mp4`)).status).toBe(404);
    expect((await fetch(`${simulator.url}/temporary/none/OriginSubtitle.vtt`)).status).toBe(404);
    const taskId = await submitErase(client, SAMPLE_FILE_ID, eraseParams('subtitle_extract_v1'));
    const subtitle = `${simulator.url}/temporary/${taskId}/OriginSubtitle.vtt`;
    expect((await fetch(subtitle)).status).toBe(200);
    simulator.admin.age(25 * 3_600_000);
    expect((await fetch(subtitle)).status).toBe(403);
  });
});

describe('ModifyMediaInfo', () => {
  const modify = (change: Record<string, unknown>, FileId = SAMPLE_FILE_ID) =>
    client.ModifyMediaInfo({ FileId, SubAppId: SUB_APP_ID, ...change });
  const fileId = '5285000000000000100';
  beforeAll(() => simulator.admin.addMedia([{ fileId, name: 'm', duration: 1, width: 1, height: 1, tags: ['old'] }]));

  it('changes what it is given, and nothing else', async () => {
    await modify({ Name: 'Neuer Name', ClassId: 12, AddTags: ['a', 'b'], DeleteTags: ['old'] }, fileId);
    await modify({ Description: 'text', ExpireTime: NEVER }, fileId);
    expect((await describeMedia(fileId))?.BasicInfo).toMatchObject({
      Name: 'Neuer Name',
      Description: 'text',
      ClassId: 12,
      TagSet: ['a', 'b'],
      ExpireTime: NEVER,
    });
    await modify({ ClearTags: 1 }, fileId);
    expect((await describeMedia(fileId))?.BasicInfo).toMatchObject({ Name: 'Neuer Name', TagSet: [] });
  });

  it('takes a cover and serves it', async () => {
    const { CoverUrl } = await modify({ CoverData: PNG }, fileId);
    const response = await fetch(CoverUrl ?? '');
    expect(response.headers.get('content-type')).toBe('image/png');
    expect((await describeMedia(fileId))?.BasicInfo?.CoverUrl).toBe(CoverUrl);
  });

  it('counts characters, not bytes', async () => {
    await modify({ Name: '擦'.repeat(64), Description: '除'.repeat(128) }, fileId);
    expect((await describeMedia(fileId))?.BasicInfo?.Name).toHaveLength(64);
  });

  it.each([
    [{ Name: 'x'.repeat(65) }, 'InvalidParameterValue.Name'],
    [{ Description: 'x'.repeat(129) }, 'InvalidParameterValue.Description'],
    [{ ExpireTime: 'never' }, 'InvalidParameterValue.ExpireTime'],
    [{ ClassId: -2 }, 'InvalidParameterValue.ClassId'],
    [{ AddTags: ['x'.repeat(33)] }, 'InvalidParameterValue.Tags'],
    [{ AddTags: Array.from({ length: 17 }, (_, at) => `t${at}`) }, 'LimitExceeded.TagCountReachMax'],
    [{ AddTags: ['a'], DeleteTags: ['a'] }, 'InvalidParameterValue.AddTagsAndDeleteTagsConflict'],
    [{ AddTags: ['a'], ClearTags: 1 }, 'InvalidParameterValue.AddTagsAndClearTagsConflict'],
    [{ CoverData: '%%%' }, 'InvalidParameterValue.ImageDecodeError'],
    [{ CoverData: Buffer.from('no picture').toString('base64') }, 'FailedOperation.CoverType'],
    [{ ClearSubtitles: 1 }, 'UnsupportedOperation'],
    [{ Title: 'x' }, 'UnknownParameter'],
  ])('refuses %j and changes nothing', async (change, code) => {
    const before = await describeMedia(fileId);
    expect(await refusalCode(modify({ Description: 'changed', ...change }, fileId))).toBe(code);
    expect(await describeMedia(fileId)).toEqual(before);
  });

  it('does not know a file that does not exist', async () => {
    expect(await refusalCode(modify({ Name: 'x' }, '1'))).toBe('ResourceNotFound.FileNotExist');
  });

  it('deletes a file for good by an expiry that has passed', async () => {
    const doomed = '5285000000000000101';
    simulator.admin.addMedia([{ fileId: doomed, name: 'd', duration: 1, width: 1, height: 1 }]);
    await modify({ ExpireTime: '2020-01-01T00:00:00Z' }, doomed);
    expect(await describeMedia(doomed)).toBeUndefined();
    expect(await refusalCode(submitErase(client, doomed))).toBe('InvalidParameterValue.FileId');
  });
});

describe('SearchMedia', () => {
  const search = async (query: Record<string, unknown>) => {
    const { TotalCount, MediaInfoSet } = await client.SearchMedia({ SubAppId: SUB_APP_ID, Limit: 100, ...query });
    return { total: TotalCount, fileIds: MediaInfoSet ? MediaInfoSet.map(({ FileId }) => FileId ?? '') : null };
  };
  const day = (n: number) => `2024-01-0${n}T00:00:00Z`;
  const ids = ['5285000000000000201', '5285000000000000202', '5285000000000000203'];
  beforeAll(() =>
    simulator.admin.addMedia(
      ids.map((fileId, at) => ({
        fileId,
        name: `Searched ${at}`,
        description: `Episode ${at}`,
        duration: 1,
        width: 1,
        height: 1,
        classId: 900 + (at % 2),
        tags: [`tag${at}`, 'series'],
        createTime: day(at + 1),
      })),
    ),
  );

  it.each([
    [{ Tags: ['series'] }, [2, 1, 0]],
    [{ Tags: ['series'], Sort: { Field: 'CreateTime', Order: 'Asc' } }, [0, 1, 2]],
    [{ Tags: ['tag0', 'tag2'] }, [2, 0]],
    [{ ClassIds: [900] }, [2, 0]],
    [{ Names: ['searched 1'] }, [1]],
    [{ NamePrefixes: ['Searched'], Tags: ['tag2'] }, [2]],
    [{ Descriptions: ['episode 2'] }, [2]],
    [{ FileIds: [ids[1]] }, [1]],
    [{ CreateTime: { After: day(2), Before: day(3) } }, [2, 1]],
    [{ StartTime: day(1), EndTime: day(3) }, [1, 0]],
    [{ Tags: ['series'], Offset: 1, Limit: 1 }, [1]],
    [{ Tags: ['nobody'] }, null],
  ])('finds by %j', async (query, found) => {
    expect((await search(query)).fileIds).toEqual(found === null ? null : found.map((at) => ids[at]));
  });

  it('reaches no more than 5,000 files, and says 5,000 when there are more', async () => {
    const medias = manyMedia(5200).map((media, at) => ({
      ...media,
      createTime: new Date(1_600_000_000_000 + at * 1000).toISOString(),
      tags: ['many'],
    }));
    simulator.admin.addMedia(medias);
    const Tags = ['many'];
    expect(await search({ Tags, Limit: 1 })).toMatchObject({ total: 5000 });
    expect((await search({ Tags, Offset: 4999, Limit: 1 })).fileIds).toHaveLength(1);
    expect(await refusalCode(search({ Tags, Offset: 4999, Limit: 2 }))).toBe('InvalidParameterValue.OffsetTooLarge');
    // Split by time, every one of them can be reached.
    const middle = new Date(1_600_000_000_000 + 2600 * 1000).toISOString();
    const halves = [{ StartTime: middle }, { EndTime: middle }];
    const totals = await Promise.all(halves.map(async (half) => (await search({ Tags, Limit: 0, ...half })).total));
    expect(totals).toEqual([2600, 2600]);
  });

  it.each([
    [{ Tags: Array(17).fill('t') }, 'InvalidParameterValue.Tags'],
    [{ Names: ['x'.repeat(101)] }, 'InvalidParameterValue.Names'],
    [{ Sort: { Field: 'Name', Order: 'Asc' } }, 'InvalidParameterValue.Sort'],
    [{ Limit: 5001 }, 'InvalidParameterValue.Limit'],
    [{ Offset: -1 }, 'InvalidParameterValue.Offset'],
    [{ StreamIds: ['x'] }, 'UnsupportedOperation'],
  ])('refuses %j', async (query, code) => {
    expect(await refusalCode(search(query))).toBe(code);
  });
});

describe('PushUrlCache', () => {
  const push = (Urls: string[]) => client.PushUrlCache({ Urls, SubAppId: SUB_APP_ID });
  const own = () => `${simulator.url}/media/${SUB_APP_ID}/${SAMPLE_FILE_ID}/video.mp4`;

  it('takes URLs of its own domain', async () => {
    await expect(push([own()])).resolves.toHaveProperty('RequestId');
  });

  it('refuses foreign domains, nonsense, none and too many', async () => {
    for (const urls of [['https://example.com/a.mp4'], ['a.mp4'], [], Array(21).fill(own())])
      expect(await refusalCode(push(urls))).toBe('InvalidParameterValue');
  });

  it('has a quota of 10,000 a day', async () => {
    const other = await startSimulator({ writesPerSecond: 0 });
    try {
      const Urls = Array(20).fill(`${other.url}/media/x`);
      const pusher = vodClient(other.url);
      for (let at = 0; at < 500; at++) await pusher.PushUrlCache({ Urls });
      expect(await refusalCode(pusher.PushUrlCache({ Urls: [`${other.url}/media/x`] }))).toBe('LimitExceeded');
    } finally {
      await other.close();
    }
  });
});

describe('ProcessMediaByProcedure', () => {
  const start = (change: Record<string, unknown> = {}) =>
    client.ProcessMediaByProcedure({
      FileId: SAMPLE_FILE_ID,
      SubAppId: SUB_APP_ID,
      ProcedureName: 'LongVideoPreset',
      ...change,
    });

  it('starts a task of another kind, seen in the list and in detail', async () => {
    const { TaskId = '' } = await start({ SessionContext: 'ours' });
    await expect(client.DescribeTaskDetail({ TaskId, SubAppId: SUB_APP_ID })).resolves.toMatchObject({
      TaskType: 'Procedure',
      ProcessMediaByMPSTask: null,
      ProcedureTask: { TaskId, FileId: SAMPLE_FILE_ID, SessionContext: 'ours' },
    });
    const { TaskSet } = await client.DescribeTasks({ SubAppId: SUB_APP_ID, FileId: SAMPLE_FILE_ID, Limit: 1 });
    expect(TaskSet).toMatchObject([{ TaskId, TaskType: 'Procedure' }]);
  });

  it('drops a SessionId that comes again within seven days', async () => {
    await start({ SessionId: 'once' });
    expect(await refusalCode(start({ SessionId: 'once' }))).toBe('InvalidParameterValue.SessionId');
    await start({ SessionId: '' });
    await start({ SessionId: '' });
    simulator.admin.age(7 * 24 * 3_600_000 + 1);
    await expect(start({ SessionId: 'once' })).resolves.toHaveProperty('TaskId');
  });

  it.each([
    [{ FileId: '1' }, 'InvalidParameterValue.FileId'],
    [{ FileId: undefined }, 'MissingParameter'],
    [{ ProcedureName: '' }, 'InvalidParameterValue.ProcedureName'],
    [{ SessionId: 'x'.repeat(51) }, 'InvalidParameterValue.SessionIdTooLong'],
    [{ SessionContext: 'x'.repeat(1001) }, 'InvalidParameterValue.SessionContextTooLong'],
  ])('refuses %j', async (change, code) => {
    expect(await refusalCode(start(change))).toBe(code);
  });

  it('knows only the task flows that it was started with, if any', async () => {
    const strict = await startSimulator({ procedures: ['Ours'] });
    try {
      const input = { FileId: SAMPLE_FILE_ID, SubAppId: SUB_APP_ID };
      const caller = vodClient(strict.url);
      await expect(caller.ProcessMediaByProcedure({ ...input, ProcedureName: 'Ours' })).resolves.toBeDefined();
      expect(await refusalCode(caller.ProcessMediaByProcedure({ ...input, ProcedureName: 'Theirs' }))).toBe(
        'InvalidParameterValue.ProcedureName',
      );
    } finally {
      await strict.close();
    }
  });
});
