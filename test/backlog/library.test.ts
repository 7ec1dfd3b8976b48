import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LibraryQuery, librarySource } from '../../src/backlog/library.js';
import type { VodApi } from '../../src/tencent-vod/vod-api.js';
import { createVodClient, type VodClient } from '../../src/tencent-vod/vod-client.js';
import {
  SECRET_ID,
  SECRET_KEY,
  type SimulatorProcess,
  SUB_APP_ID,
  startSimulatorProcess,
} from '../support/simulator.js';
import { rowsOf } from './rows.js';

/** More than one search reaches. */
const FILES = 6_200;
const FIRST = Date.parse('2024-03-01T00:00:00Z');
const ids = Array.from({ length: FILES }, (_, at) => String(5285000000000000000n + BigInt(at)));

let simulator: SimulatorProcess;
let vod: VodClient;

beforeAll(async () => {
  simulator = await startSimulatorProcess();
  vod = createVodClient({ endpoint: simulator.url, credentials: { secretId: SECRET_ID, secretKey: SECRET_KEY } });
  // Two in a second, and 1,700 in one: no page ends where a second does.
  const createdMs = (at: number) => FIRST + (at < 1_700 ? 0 : Math.floor(at / 2) * 1_000);
  for (let at = 0; at < FILES; at += 1_000) {
    await simulator.admin.addMedia(
      ids.slice(at, at + 1_000).map((fileId, index) => ({
        fileId,
        name: `file ${at + index}`,
        duration: 10,
        width: 1280,
        height: 720,
        createTime: new Date(createdMs(at + index)).toISOString(),
        classId: (at + index) % 2 === 0 ? 7 : 8,
        tags: (at + index) % 3 === 0 ? ['night'] : [],
      })),
    );
  }
});
afterAll(async () => {
  vod.close();
  await simulator.kill();
});

const query: LibraryQuery = { subAppId: SUB_APP_ID, createdTo: new Date('2025-01-01T00:00:00Z') };
const found = async (source: Pick<VodApi, 'searchMedia'>, part: Partial<LibraryQuery> = {}) =>
  (await rowsOf(librarySource(source, { ...query, ...part }))).map((row) =>
    'fields' in row ? row.fields.fileId : row,
  );

it('gives more files than a search reaches, each once, oldest first, with what decides their price', async () => {
  const rows = await rowsOf(librarySource(vod, query));
  expect(rows.map((row) => 'fields' in row && row.fields.fileId)).toEqual(ids);
  expect(rows[0]).toEqual({
    row: null,
    fields: { fileId: ids[0], subAppId: SUB_APP_ID },
    media: { fileId: ids[0], durationSeconds: 10, width: 1280, height: 720 },
  });
});

it('gives those of a class, a tag, a time', async () => {
  expect(await found(vod, { classIds: [7], tags: ['night'] })).toEqual(ids.filter((_, at) => at % 6 === 0));
  const from = FIRST + 1_000_000;
  const some = await found(vod, { createdFrom: new Date(from), createdTo: new Date(from + 9_000) });
  expect(some).toEqual(ids.slice(2_000, 2_020));
});

it('misses nothing and repeats nothing while files come and go', async () => {
  let calls = 0;
  const added: string[] = [];
  const gone = ids[5_555] as string;
  const busy: Pick<VodApi, 'searchMedia'> = {
    async searchMedia(call, options) {
      const answer = await vod.searchMedia(call, options);
      calls += 1;
      if (calls % 2 === 0 && added.length < 6) {
        // Backdated, as an import would: the page that comes next is not the one that would have come.
        const fileId = String(5286000000000000000n + BigInt(added.length));
        added.push(fileId);
        await simulator.admin.addMedia([
          {
            fileId,
            name: 'late',
            duration: 1,
            width: 1,
            height: 1,
            createTime: new Date(FIRST + 1_500_000).toISOString(),
          },
        ]);
      }
      if (calls === 5) await simulator.admin.removeMedia(gone);
      return answer;
    },
  };
  const rows = (await found(busy)) as string[];
  expect(added).toHaveLength(6);
  expect(new Set(rows).size).toBe(rows.length);
  const kept = ids.filter((id) => id !== gone);
  const there = new Set(rows);
  expect(kept.filter((id) => !there.has(id))).toEqual([]);
  expect(rows.filter((id) => !kept.includes(id) && !added.includes(id) && id !== gone)).toEqual([]);
});

it('says so when a single second holds more than a search reaches', async () => {
  const crowd: Pick<VodApi, 'searchMedia'> = {
    searchMedia: async () => ({ media: [], totalCount: 5_000, requestId: '' }),
  };
  await expect(found(crowd, { createdFrom: new Date('2024-05-05T00:00:00Z') })).rejects.toThrow(
    /^5000 files or more were created in the second 2024-05-05T00:00:00/,
  );
});

it('gives up a second that is different each time that it is read', async () => {
  let total = 600;
  const restless: Pick<VodApi, 'searchMedia'> = {
    async searchMedia({ limit = 0 }) {
      total += 1;
      const media = Array.from({ length: Math.min(limit, 500) }, () => ({ fileId: '1' }) as never);
      return { media, totalCount: total, requestId: '' };
    },
  };
  const second = new Date('2024-05-05T00:00:00Z');
  await expect(found(restless, { createdFrom: second, createdTo: second })).rejects.toThrow('changed each time');
});
