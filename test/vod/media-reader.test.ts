import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { UNKNOWN_MEASURES } from '../../src/tencent-vod/cost.js';
import { MediaReader } from '../../src/tencent-vod/media-reader.js';
import { createVodClient, type VodClient } from '../../src/tencent-vod/vod-client.js';
import {
  manyMedia,
  SECRET_ID,
  SECRET_KEY,
  type SimulatorProcess,
  SUB_APP_ID,
  startSimulatorProcess,
} from '../support/simulator.js';

const OTHER_SUB_APP = 1500000002;
const FILES = manyMedia(50);
const KNOWN = { durationSeconds: 10, width: 1280, height: 720 };
/** Long enough for a loop of a slow machine to have asked for all of them. */
const GATHER = { gatherMs: 300 };

let simulator: SimulatorProcess;
let vod: VodClient;
let before: number;

beforeAll(async () => {
  simulator = await startSimulatorProcess({ subAppIds: [SUB_APP_ID, OTHER_SUB_APP] });
  await simulator.admin.addMedia(FILES);
  await simulator.admin.addMedia([
    { fileId: file(0).fileId, subAppId: OTHER_SUB_APP, name: 'other', width: 3840, height: 2160, duration: 5 },
  ]);
  vod = createVodClient({ endpoint: simulator.url, credentials: { secretId: SECRET_ID, secretKey: SECRET_KEY } });
});
afterAll(async () => {
  vod.close();
  await simulator.kill();
});
beforeEach(async () => {
  await simulator.admin.clearFaults();
  before = (await simulator.admin.calls()).length;
});

const callsMade = async () => (await simulator.admin.calls()).length - before;
const file = (at: number, subAppId = SUB_APP_ID) => ({ subAppId, fileId: FILES[at]?.fileId as string });

describe('lengths and sizes', () => {
  it('of 50 files, asked for at once, are three calls of at most 20', async () => {
    const reader = new MediaReader(vod, GATHER);
    const read = await Promise.all(FILES.map((_, at) => reader.measures(file(at))));
    expect(read).toEqual(FILES.map(() => KNOWN));
    expect(await callsMade()).toBe(3);
  });

  it('are read once, also when two ask for one file at once', async () => {
    const reader = new MediaReader(vod, GATHER);
    expect(await Promise.all([reader.measures(file(1)), reader.measures(file(1))])).toEqual([KNOWN, KNOWN]);
    expect(await reader.measures(file(1))).toEqual(KNOWN);
    expect(await callsMade()).toBe(1);
  });

  it('are read again once they are old', async () => {
    const reader = new MediaReader(vod, { gatherMs: 1, freshMs: 0 });
    await reader.measures(file(1));
    await reader.measures(file(1));
    expect(await callsMade()).toBe(2);
  });

  it('of two sub-applications are told apart', async () => {
    const reader = new MediaReader(vod, GATHER);
    const read = await Promise.all([reader.measures(file(0)), reader.measures(file(0, OTHER_SUB_APP))]);
    expect(read).toEqual([KNOWN, { durationSeconds: 5, width: 3840, height: 2160 }]);
    expect(await callsMade()).toBe(2);
  });

  it('are unknown for a file that is not there; the others of its call are known', async () => {
    const reader = new MediaReader(vod, GATHER);
    const read = await Promise.all([reader.measures({ subAppId: SUB_APP_ID, fileId: '1' }), reader.measures(file(2))]);
    expect(read).toEqual([UNKNOWN_MEASURES, KNOWN]);
  });

  it.each(['InternalError', 'UnauthorizedOperation', 'RequestLimitExceeded'])(
    'are unknown when the vendor answers %s, and asked for again the next time',
    async (code) => {
      await simulator.admin.addFault({ action: 'DescribeMediaInfos', kind: 'error', code });
      const reader = new MediaReader(vod, { gatherMs: 1 });
      expect(await reader.measures(file(3))).toEqual(UNKNOWN_MEASURES);
      expect(await reader.measures(file(3))).toEqual(KNOWN);
    },
  );

  it('are unknown when the vendor does not answer for long', async () => {
    const never = { describeMedia: () => new Promise<never>(() => {}) };
    expect(await new MediaReader(never, { gatherMs: 1, patienceMs: 50 }).measures(file(4))).toEqual(UNKNOWN_MEASURES);
  });
});

describe('files that are known already', () => {
  it('are not asked for; of a call only the others are', async () => {
    const asked: string[][] = [];
    const known = async (_subAppId: number, fileIds: readonly string[]) => {
      asked.push([...fileIds]);
      return new Map([[file(0).fileId, { durationSeconds: 77, width: 640, height: 360 }]]);
    };
    const reader = new MediaReader(vod, { ...GATHER, known });
    expect(await Promise.all([reader.measures(file(0)), reader.measures(file(1))])).toEqual([
      { durationSeconds: 77, width: 640, height: 360 },
      KNOWN,
    ]);
    const calls = await simulator.admin.calls();
    expect(calls.slice(before).map((call) => call.action)).toEqual(['DescribeMediaInfos']);
    expect(asked).toEqual([[file(0).fileId, file(1).fileId]]);
    expect(await new MediaReader(vod, { ...GATHER, known }).measures(file(0))).toMatchObject({ durationSeconds: 77 });
    expect(await callsMade()).toBe(1);
  });

  it('are asked for after all where nobody can say what is known', async () => {
    const known = () => Promise.reject(new Error('the ledger is away'));
    expect(await new MediaReader(vod, { ...GATHER, known }).measures(file(2))).toEqual(KNOWN);
  });
});
