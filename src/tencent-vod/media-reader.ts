import { MAX_FILE_IDS } from '../contract/vendor-limits.js';
import { type MediaMeasures, UNKNOWN_MEASURES } from './cost.js';
import type { Unfit } from './fitness.js';
import type { VodApi } from './vod-api.js';

/** How long the first file of a call waits for others, in milliseconds: the mean interval of submits. */
const GATHER_MS = 50;
/**
 * Minimum interval of calls for a sub-application, in milliseconds, unless a call is full. Ours: at the full submit rate, a call
 * has eighteen files, and a single file in a quiet time does not wait.
 */
const APART_MS = 900;
/** Maximum wait for measures, in milliseconds; after it, the estimate is made without them. */
const PATIENCE_MS = 3_000;
/** Cache time, in milliseconds: a held or throttled submit asks again within it. */
const FRESH_MS = 10 * 60_000;
/** Maximum number of cached files. */
const MAX_REMEMBERED = 10_000;

export interface MediaReaderOptions {
  gatherMs?: number;
  apartMs?: number;
  patienceMs?: number;
  freshMs?: number;
  /**
   * Measures already known, by FileId, read before a vendor call: a batch's files were all read for its prices. An error counts
   * as none.
   */
  known?: (subAppId: number, fileIds: readonly string[]) => Promise<ReadonlyMap<string, MediaMeasures>>;
}

const NOTHING_KNOWN: NonNullable<MediaReaderOptions['known']> = async () => new Map();

interface File {
  subAppId: number;
  fileId: string;
}

interface Batch {
  /** Pending requests, by FileId. */
  waiting: Map<string, ((measures: MediaMeasures) => void)[]>;
  timer: NodeJS.Timeout;
}

/**
 * Lengths and sizes of files, from the cache and from DescribeMediaInfos. Concurrent requests share one call of up to 20 files.
 * Never fails: unreadable values are unknown.
 */
export class MediaReader {
  readonly #vod: Pick<VodApi, 'describeMedia'>;
  readonly #options: Required<MediaReaderOptions>;
  readonly #batches = new Map<number, Batch>();
  /** Time of the last call, by sub-application. */
  readonly #askedAtMs = new Map<number, number>();
  readonly #known = new Map<string, { measures: MediaMeasures; unfit: Unfit | null; untilMs: number }>();

  constructor(vod: Pick<VodApi, 'describeMedia'>, options: MediaReaderOptions = {}) {
    this.#vod = vod;
    this.#options = {
      gatherMs: GATHER_MS,
      apartMs: APART_MS,
      patienceMs: PATIENCE_MS,
      freshMs: FRESH_MS,
      known: NOTHING_KNOWN,
      ...options,
    };
  }

  async measures(file: File): Promise<MediaMeasures> {
    const known = this.#known.get(keyOf(file));
    if (known !== undefined && performance.now() < known.untilMs) return known.measures;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(UNKNOWN_MEASURES), this.#options.patienceMs);
      this.#join(file, (measures) => {
        clearTimeout(timer);
        resolve(measures);
      });
    });
  }

  /** Why a file cannot be erased, if {@link MediaReader.measures} has found a reason; else null. */
  unfitness(file: File): Unfit | null {
    return this.#known.get(keyOf(file))?.unfit ?? null;
  }

  #join({ subAppId, fileId }: File, resolve: (measures: MediaMeasures) => void): void {
    let batch = this.#batches.get(subAppId);
    if (batch === undefined) {
      const gathering: Batch = {
        waiting: new Map(),
        timer: setTimeout(() => void this.#send(subAppId, gathering), this.#gatherMs(subAppId)),
      };
      batch = gathering;
      this.#batches.set(subAppId, batch);
    }
    batch.waiting.set(fileId, [...(batch.waiting.get(fileId) ?? []), resolve]);
    if (batch.waiting.size >= MAX_FILE_IDS) void this.#send(subAppId, batch);
  }

  #gatherMs(subAppId: number): number {
    const { gatherMs, apartMs } = this.#options;
    const askedAtMs = this.#askedAtMs.get(subAppId);
    return askedAtMs === undefined ? gatherMs : Math.max(gatherMs, askedAtMs + apartMs - performance.now());
  }

  async #send(subAppId: number, { waiting, timer }: Batch): Promise<void> {
    clearTimeout(timer);
    this.#batches.delete(subAppId);
    const signal = AbortSignal.timeout(this.#options.patienceMs);
    try {
      const asked = [...waiting.keys()];
      const known = await this.#options.known(subAppId, asked).catch(() => new Map<string, MediaMeasures>());
      for (const [fileId, { durationSeconds, width, height }] of known) {
        this.#remember({ subAppId, fileId }, { durationSeconds, width, height }, null);
      }
      const fileIds = asked.filter((fileId) => !known.has(fileId));
      if (fileIds.length > 0) this.#askedAtMs.set(subAppId, performance.now());
      const { media } =
        fileIds.length === 0 ? { media: [] } : await this.#vod.describeMedia({ subAppId, fileIds }, { signal });
      for (const { fileId, durationSeconds, width, height, unfit = null } of media) {
        this.#remember({ subAppId, fileId }, { durationSeconds, width, height }, unfit);
      }
    } catch {
      // A failed estimate does not stop the submit, which reports any problem of the vendor or the file itself.
    }
    for (const [fileId, resolves] of waiting) {
      const measures = this.#known.get(keyOf({ subAppId, fileId }))?.measures ?? UNKNOWN_MEASURES;
      for (const resolve of resolves) resolve(measures);
    }
  }

  #remember(file: File, measures: MediaMeasures, unfit: Unfit | null): void {
    const key = keyOf(file);
    this.#known.delete(key);
    this.#known.set(key, { measures, unfit, untilMs: performance.now() + this.#options.freshMs });
    if (this.#known.size <= MAX_REMEMBERED) return;
    const oldest = this.#known.keys().next().value;
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

function keyOf({ subAppId, fileId }: File): string {
  return `${subAppId}/${fileId}`;
}
