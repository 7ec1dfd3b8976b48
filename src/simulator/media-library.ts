import type { SimulatedClock } from './clock.js';
import { parseIso } from './clock.js';

/** API document: this expiry means that a file is kept permanently. */
export const NEVER_EXPIRES = '9999-12-31T23:59:59Z';

/** SDK typings, MediaBasicInfo and SearchMedia: values of the fields `Category`, `Status` and `StorageClass`. */
export const CATEGORIES = ['Video', 'Audio', 'Image'] as const;
export const MEDIA_STATUSES = ['Normal', 'Forbidden', 'SystemForbidden'] as const;
export const STORAGE_CLASSES = ['STANDARD', 'STANDARD_IA', 'ARCHIVE', 'DEEP_ARCHIVE'] as const;

/** Differences from an ordinary video; omitted fields have their defaults. */
export interface MediaKind {
  /** Default: `Video`. */
  category?: (typeof CATEGORIES)[number];
  /** Default: `Normal`. */
  status?: (typeof MEDIA_STATUSES)[number];
  /** Default: `STANDARD`. */
  storageClass?: (typeof STORAGE_CLASSES)[number];
  /** False: a container with sound only. Default: true for a video. */
  videoStream?: boolean;
}

/** A file in the library. Times are on the simulated clock, in milliseconds. */
export interface Media extends MediaKind {
  fileId: string;
  subAppId: number;
  name: string;
  description: string;
  createdMs: number;
  updatedMs: number;
  /** Unchanged, ISO 8601. */
  expireTime: string;
  classId: number;
  tags: string[];
  coverUrl: string;
  /** Seconds. */
  duration: number;
  width: number;
  height: number;
  /** The source FileId of a result; null for an original. */
  resultOf: string | null;
}

export function hasVideoStream({ category = 'Video', videoStream = true }: MediaKind): boolean {
  return category === 'Video' && videoStream;
}

interface MediaIndex {
  byId: Map<string, Media>;
  /** Ascending by creation time and without expired files, unless `tidy` is false. */
  byTime: Media[];
  tidy: boolean;
}

export class MediaLibrary {
  readonly #indexes = new Map<number, MediaIndex>();

  constructor(readonly clock: SimulatedClock) {}

  get size(): number {
    let size = 0;
    for (const index of this.#indexes.values()) size += index.byId.size;
    return size;
  }

  /** Undefined also when the file has expired. */
  get(subAppId: number, fileId: string): Media | undefined {
    const media = this.#indexes.get(subAppId)?.byId.get(fileId);
    return media && !this.#expired(media) ? media : undefined;
  }

  /** Replaces a file with the same id. */
  put(media: Media): void {
    const index = this.#indexOf(media.subAppId);
    if (index.byId.has(media.fileId) || media.createdMs < (index.byTime.at(-1)?.createdMs ?? 0)) index.tidy = false;
    index.byId.set(media.fileId, media);
    index.byTime.push(media);
  }

  remove(subAppId: number, fileId: string): boolean {
    const index = this.#indexOf(subAppId);
    index.tidy = false;
    return index.byId.delete(fileId);
  }

  /** Every unexpired file, by creation time. */
  inOrder(subAppId: number): Media[] {
    const index = this.#indexOf(subAppId);
    if (!index.tidy) {
      index.byTime = [...index.byId.values()].sort((a, b) => a.createdMs - b.createdMs);
      index.tidy = true;
    }
    return index.byTime.filter((media) => !this.#expired(media));
  }

  #expired(media: Media): boolean {
    if (media.expireTime === NEVER_EXPIRES) return false;
    return (parseIso(media.expireTime) ?? Number.POSITIVE_INFINITY) <= this.clock.toReal(this.clock.now());
  }

  #indexOf(subAppId: number): MediaIndex {
    let index = this.#indexes.get(subAppId);
    if (!index) {
      index = { byId: new Map(), byTime: [], tidy: true };
      this.#indexes.set(subAppId, index);
    }
    return index;
  }
}
