import { MAX_FILE_IDS } from '../contract/vendor-limits.js';
import type { BatchStaging } from '../ledger/batches/batch-staging.js';
import type { MediaStore } from '../ledger/money/media-store.js';
import { UNFIT_MEANING, type Unfit } from '../tencent-vod/fitness.js';
import type { MediaInfo, VodApi } from '../tencent-vod/vod-api.js';
import { VodError } from '../tencent-vod/vod-error.js';
import { retriedRead } from './retried-read.js';
import { subAppRefusal } from './sub-app-refusal.js';

/** Calls at once. Ours: with an answer in a fifth of a second they keep up with the pace of reads, 80 a second. */
const CALLS_AT_ONCE = 16;
/** Files that are fetched from the staging at once: some rounds of calls. */
const PAGE = MAX_FILE_IDS * CALLS_AT_ONCE * 4;

export interface ReadMediaOptions {
  freshSeconds: number;
  /** What rows without a sub-application of their own have: where it is wrong, no row is to blame. */
  sharedSubAppId?: number | undefined;
  /** Files that are taken although they look as if nothing could be erased from them; default none. */
  allow?: readonly Unfit[] | undefined;
  signal?: AbortSignal;
  /** Files that were read by now, of how many, and about how many milliseconds the others take. */
  onProgress?: (files: number, of: number, leftMs: number) => void;
}

interface Parts {
  staging: BatchStaging;
  media: MediaStore;
  vod: Pick<VodApi, 'describeMedia'>;
}

/**
 * Reads the lengths and sizes of the staged files that are not known, 20 a call, and keeps them. A file that does not exist,
 * or from which nothing can be erased, becomes a problem of its rows; so does a sub-application that the vendor refuses.
 * @throws VodError when the vendor refuses all of it, or goes on not answering
 */
export async function readMissing(
  { staging, media, vod }: Parts,
  { freshSeconds, sharedSubAppId, allow = [], signal, onProgress }: ReadMediaOptions,
): Promise<void> {
  const startedAt = performance.now();
  let [files, of] = [0, 0];
  const told = (count: number) => {
    files += count;
    onProgress?.(files, of, ((performance.now() - startedAt) / files) * (of - files));
  };
  const refusals = new Refusals(sharedSubAppId);
  for await (const { subAppId, fileIds } of staging.unreadFiles(freshSeconds, PAGE)) {
    if (of === 0) of = await staging.countUnread();
    if (refusals.has(subAppId)) {
      told(fileIds.length);
      continue;
    }
    const calls: string[][] = [];
    for (let at = 0; at < fileIds.length; at += MAX_FILE_IDS) calls.push(fileIds.slice(at, at + MAX_FILE_IDS));
    const missing: string[] = [];
    const unfit: { fileId: string; problem: string }[] = [];
    const read = inParallel(calls, async (ids) => {
      const found = await retriedRead(() => vod.describeMedia({ subAppId, fileIds: ids }, { signal }), signal);
      const here = new Set(found.media.map(({ fileId }) => fileId));
      // What is in neither list is unknown, not missing: it is priced as such.
      missing.push(...found.missing.filter((fileId) => !here.has(fileId)));
      const refused = found.media.flatMap((file) => problemOf(file, allow));
      unfit.push(...refused);
      // What was refused is not kept: it is looked at again when it was put right.
      const kept = found.media.filter(({ fileId }) => !refused.some((one) => one.fileId === fileId));
      await media.remember(
        subAppId,
        kept.map(({ fileId, durationSeconds, width, height }) => ({ fileId, durationSeconds, width, height })),
      );
      told(ids.length);
    });
    const refusal = await read.then(
      () => null,
      (error: unknown) => refusals.take(subAppId, error),
    );
    if (refusal !== null) await staging.refuseSubApp(subAppId, refusal);
    else refusals.noteReadable();
    await staging.refuseMissing(subAppId, missing);
    await staging.refuseFiles(subAppId, unfit);
  }
  refusals.throwIfNothingMayBeRead();
}

function problemOf({ fileId, unfit }: MediaInfo, allow: readonly Unfit[]): { fileId: string; problem: string }[] {
  if (unfit === undefined || allow.includes(unfit)) return [];
  return [{ fileId, problem: `file ${fileId} ${UNFIT_MEANING[unfit]}.${WHAT_TO_DO[unfit] ?? ''}` }];
}

const WHAT_TO_DO: Partial<Record<Unfit, string>> = {
  archived: ' Restore it first; one that is restored for a time is taken by --allow-archived.',
};

/** Sub-applications that the vendor refuses, while others can be read. */
class Refusals {
  readonly #refused = new Map<number, VodError>();
  #readable = false;

  constructor(private readonly sharedSubAppId: number | undefined) {}

  has(subAppId: number): boolean {
    return this.#refused.has(subAppId);
  }

  noteReadable(): void {
    this.#readable = true;
  }

  /** @returns what to say of each of its rows. @throws what is no matter of these rows */
  take(subAppId: number, error: unknown): string {
    const refusal = subAppRefusal(subAppId, error);
    if (refusal === null || !(error instanceof VodError)) throw error;
    if (subAppId === this.sharedSubAppId) {
      throw withMore(
        error,
        `Sub-application ${subAppId} is what --sub-app-id or VOD_SUB_APP_ID gives every row that names none.`,
      );
    }
    this.#refused.set(subAppId, error);
    return refusal;
  }

  /** Keys that may read in no sub-application are no problem of a hundred thousand rows. */
  throwIfNothingMayBeRead(): void {
    const [first] = this.#refused.values();
    if (first !== undefined && !this.#readable && first.class === 'account' && first.code.startsWith('Unauthorized')) {
      throw first;
    }
  }
}

function withMore(error: VodError, sentence: string): VodError {
  const { class: errorClass, action, code, requestId, httpStatus, message } = error;
  return new VodError({ class: errorClass, action, code, requestId, httpStatus, message: `${message} ${sentence}` });
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
