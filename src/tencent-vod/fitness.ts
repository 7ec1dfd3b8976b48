/** Why a file cannot be erased, by its description. */
export type Unfit = 'audio' | 'image' | 'noVideo' | 'archived' | 'forbidden';

/** The relevant fields of DescribeMediaInfos and SearchMedia; null where the vendor gave none. */
export interface Described {
  /** `Video`, `Audio` or `Image`. */
  category: string | null;
  /** `Normal` or `Forbidden`; SearchMedia also knows `SystemForbidden`. */
  status: string | null;
  /** Null for a file whose streams were not read yet. */
  storageClass: string | null;
  /** Null for a file whose streams were not read yet. */
  streams: { video: number; audio: number; width: number | null; height: number | null } | null;
}

/** Null: no reason found. Missing or unknown values are no reason to refuse a file. */
export function unfitness({ category, status, storageClass, streams }: Described): Unfit | null {
  if (category === 'Audio') return 'audio';
  if (category === 'Image') return 'image';
  // A newly uploaded file has no streams of any kind yet.
  if (streams !== null && streams.video === 0 && streams.audio > 0 && !streams.width && !streams.height)
    return 'noVideo';
  if (status === 'Forbidden' || status === 'SystemForbidden') return 'forbidden';
  if (storageClass === 'ARCHIVE' || storageClass === 'DEEP_ARCHIVE') return 'archived';
  return null;
}

/** Explanation for a person, after the FileId. */
export const UNFIT_MEANING: Readonly<Record<Unfit, string>> = {
  audio: 'is audio, not a video',
  image: 'is an image, not a video',
  noVideo: 'has no video stream',
  archived: 'is archived (its storage class is ARCHIVE or DEEP_ARCHIVE)',
  forbidden: 'is blocked (its status is Forbidden)',
};
