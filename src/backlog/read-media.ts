import type { BatchStaging } from '../ledger/batch-staging.js';
import type { MediaStore } from '../ledger/media-store.js';
import type { VodApi } from '../vod/vod-api.js';
import { MAX_FILE_IDS } from '../vod/vod-client.js';
import { retriedRead } from './retried-read.js';

/** Calls at once. Ours: with an answer in a fifth of a second they keep up with the pace of reads, 80 a second. */
const CALLS_AT_ONCE = 16;
/** Files that are fetched from the staging at once: some rounds of calls. */
const PAGE = MAX_FILE_IDS * CALLS_AT_ONCE * 4;

export interface ReadMediaOptions {
  freshSeconds: number;
  signal?: AbortSignal;
  /** Files that were read by now. */
  onProgress?: (files: number) => void;
}

/**
 * Reads the lengths and sizes of the staged files that are not known, 20 a call, and keeps them. A file that does not
 * exist becomes a problem of its rows.
 * @throws VodError when the vendor refuses, or goes on not answering
 */
export async function readMissing(
  { staging, media, vod }: { staging: BatchStaging; media: MediaStore; vod: Pick<VodApi, 'describeMedia'> },
  { freshSeconds, signal, onProgress }: ReadMediaOptions,
): Promise<void> {
  let files = 0;
  for await (const { subAppId, fileIds } of staging.unreadFiles(freshSeconds, PAGE)) {
    const calls: string[][] = [];
    for (let at = 0; at < fileIds.length; at += MAX_FILE_IDS) calls.push(fileIds.slice(at, at + MAX_FILE_IDS));
    const missing: string[] = [];
    await inParallel(calls, async (ids) => {
      const found = await retriedRead(() => vod.describeMedia({ subAppId, fileIds: ids }, { signal }), signal);
      const here = new Set(found.media.map(({ fileId }) => fileId));
      // What is in neither list is unknown, not missing: it is priced as such.
      missing.push(...found.missing.filter((fileId) => !here.has(fileId)));
      await media.remember(
        subAppId,
        found.media.map(({ fileId, durationSeconds, width, height }) => ({ fileId, durationSeconds, width, height })),
      );
      files += ids.length;
      onProgress?.(files);
    });
    await staging.refuseMissing(subAppId, missing);
  }
}

/** The first failure ends it; calls that are on their way are waited for. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async () => {
    while (!failed) {
      const item = items[next];
      next += 1;
      if (item === undefined) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: CALLS_AT_ONCE }, lane));
  for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason;
}
