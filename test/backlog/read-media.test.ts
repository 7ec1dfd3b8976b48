import { expect, it } from 'vitest';
import { readMissing } from '../../src/backlog/read-media.js';
import type { BatchStaging } from '../../src/ledger/batches/batch-staging.js';
import type { KnownMedia } from '../../src/ledger/money/media-store.js';
import type { Unfit } from '../../src/tencent-vod/fitness.js';
import type { MediaInfo } from '../../src/tencent-vod/vod-api.js';
import { VodError } from '../../src/tencent-vod/vod-error.js';

const refused = (code: string, subAppId: number) =>
  new VodError({ class: 'account', action: 'DescribeMediaInfos', code, message: `${code} of ${subAppId}` });

/** Files by sub-application; those that the vendor refuses; what it says of files. */
interface Scene {
  files: Record<number, string[]>;
  refusals?: Record<number, string>;
  unfit?: Record<string, Unfit>;
  shared?: number;
  allow?: Unfit[];
}

async function read({ files, refusals = {}, unfit = {}, shared, allow }: Scene) {
  const said: string[] = [];
  const remembered: string[] = [];
  const progress: string[] = [];
  let calls = 0;
  const staging = {
    async *unreadFiles() {
      // Two pages of each.
      for (const half of [0, 1]) {
        for (const [subAppId, fileIds] of Object.entries(files)) {
          const part = fileIds.filter((_, at) => at % 2 === half);
          if (part.length > 0) yield { subAppId: Number(subAppId), fileIds: part };
        }
      }
    },
    countUnread: async () => Object.values(files).flat().length,
    refuseMissing: async () => undefined,
    refuseFiles: async (_: number, those: { fileId: string; problem: string }[]) => {
      for (const { problem } of those) said.push(problem);
    },
    refuseSubApp: async (subAppId: number, problem: string) => {
      said.push(`${subAppId}: ${problem}`);
    },
  } as unknown as BatchStaging;
  const media = {
    find: async () => new Map(),
    remember: async (_: number, those: readonly KnownMedia[]) => {
      remembered.push(...those.map(({ fileId }) => fileId));
    },
  };
  const vod = {
    async describeMedia({ subAppId, fileIds }: { subAppId: number; fileIds: string[] }) {
      calls += 1;
      const code = refusals[subAppId];
      if (code !== undefined) throw refused(code, subAppId);
      return {
        media: fileIds.map((fileId) => ({ fileId, ...(unfit[fileId] ? { unfit: unfit[fileId] } : {}) }) as MediaInfo),
        missing: [],
        requestId: 'r',
      };
    },
  };
  const options = {
    freshSeconds: 60,
    sharedSubAppId: shared,
    allow,
    onProgress: (done: number, of: number, leftMs: number) =>
      void progress.push(`${done}/${of}${leftMs >= 0 && Number.isFinite(leftMs) ? '' : ' ?'}`),
  };
  await readMissing({ staging, media, vod }, options);
  return { said, remembered, progress, calls };
}

const WRONG = 'InvalidParameterValue.SubAppId';

it('takes a sub-application that does not exist for a problem of its rows, asks for it once, and reads the others', async () => {
  const { said, remembered, calls } = await read({
    files: { 1: ['a', 'b'], 2: ['c', 'd'] },
    refusals: { 2: WRONG },
    shared: 1,
  });
  expect(said).toEqual([`2: sub-application 2 does not exist, or these keys may not use it (${WRONG}).`]);
  expect([remembered, calls]).toEqual([['a', 'b'], 3]);
});

it('does so where every one of several is wrong, and where keys have no right to one of them', async () => {
  expect((await read({ files: { 1: ['a'], 2: ['b'] }, refusals: { 1: WRONG, 2: WRONG } })).said).toHaveLength(2);
  const { said } = await read({ files: { 1: ['a'], 2: ['b'] }, refusals: { 2: 'UnauthorizedOperation' } });
  expect(said).toEqual([expect.stringContaining('(UnauthorizedOperation)')]);
});

it('ends with one sentence where the one that all rows share is wrong, or nothing may be read', async () => {
  await expect(read({ files: { 1: ['a'], 2: ['b'] }, refusals: { 1: WRONG }, shared: 1 })).rejects.toThrow(
    /SubAppId of 1 Sub-application 1 is what --sub-app-id or VOD_SUB_APP_ID gives/,
  );
  const none = { 1: 'UnauthorizedOperation', 2: 'UnauthorizedOperation' };
  await expect(read({ files: { 1: ['a'], 2: ['b'] }, refusals: none })).rejects.toThrow('UnauthorizedOperation of 1');
  await expect(read({ files: { 1: ['a'] }, refusals: { 1: 'AuthFailure.SecretIdNotFound' } })).rejects.toThrow(
    'SecretIdNotFound',
  );
});

it('names files from which nothing can be erased, and does not remember them', async () => {
  const unfit: Record<string, Unfit> = { a: 'audio', b: 'image', c: 'noVideo', d: 'archived', e: 'forbidden' };
  const { said, remembered } = await read({ files: { 1: ['a', 'b', 'c', 'd', 'e', 'f'] }, unfit });
  expect(said.sort()).toEqual([
    'file a is audio, not a video.',
    'file b is an image, not a video.',
    'file c has no video stream.',
    expect.stringMatching(/^file d is archived .* Restore it first/),
    expect.stringContaining('file e is blocked'),
  ]);
  expect(remembered).toEqual(['f']);
  const taken = await read({ files: { 1: ['a', 'd'] }, unfit, allow: ['archived'] });
  expect([taken.said, taken.remembered]).toEqual([['file a is audio, not a video.'], ['d']]);
});

it('tells how many of how many were read', async () => {
  const files = { 1: Array.from({ length: 50 }, (_, at) => String(at)), 2: ['x', 'y'] };
  const { progress } = await read({ files, refusals: { 2: WRONG } });
  expect(progress).toEqual(['20/52', '25/52', '45/52', '50/52', '51/52']);
});
