import { MAX_FILE_IDS } from '../contract/vendor-limits.js';
import type { BatchStaging } from '../ledger/batches/batch-staging.js';
import type { MediaStore } from '../ledger/money/media-store.js';
import { UNFIT_MEANING, type Unfit } from '../tencent-vod/fitness.js';
import type { MediaInfo, VodApi } from '../tencent-vod/vod-api.js';
import { VodError } from '../tencent-vod/vod-error.js';
import { retriedRead } from './retried-read.js';
import { subAppRefusal } from './sub-app-refusal.js';

/** Concurrent calls. Ours: at a response time of a fifth of a second, they reach the read rate of 80 a second. */
const CALLS_AT_ONCE = 16;
/** Files fetched from the staging at once: several rounds of calls. */
const PAGE = MAX_FILE_IDS * CALLS_AT_ONCE * 4;

export interface ReadMediaOptions {
  freshSeconds: number;
  /** The default sub-application; an error of it is not an error of single rows. */
  sharedSubAppId?: number | undefined;
  /** Include these files although they look unsuitable for an erase; default none. */
  allow?: readonly Unfit[] | undefined;
  signal?: AbortSignal;
  /** Files read so far, the total, and the estimated remaining milliseconds. */
  onProgress?: (files: number, of: number, leftMs: number) => void;
}

interface Parts {
  staging: BatchStaging;
  media: MediaStore;
  vod: Pick<VodApi, 'describeMedia'>;
}

/**
 * Reads and stores unknown lengths and sizes of staged files, 20 a call. A missing or unsuitable file, and a refused
 * sub-application, become problems of their rows.
 * @throws VodError when the vendor refuses all reads, or stays unavailable
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
      // A file in neither list is unknown, not missing, and priced as unknown.
      missing.push(...found.missing.filter((fileId) => !here.has(fileId)));
      const refused = found.media.flatMap((file) => problemOf(file, allow));
      unfit.push(...refused);
      // Refused files are not stored, so that a corrected file is read again.
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

/** Sub-applications that the vendor refuses, while others are readable. */
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

  /** @returns the problem for each of its rows. @throws errors that do not concern these rows only */
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

  /** Keys without rights in any sub-application are one error, not one for each row. */
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

/** The first failure stops it; calls in flight are awaited. */
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
