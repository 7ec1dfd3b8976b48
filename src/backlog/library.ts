import type { KnownMedia } from '../ledger/money/media-store.js';
import type { Unfit } from '../tencent-vod/fitness.js';
import type { MediaInfo, SearchMediaQuery, VodApi } from '../tencent-vod/vod-api.js';
import { retriedRead } from './retried-read.js';
import { type BacklogSource, SourceError, type SourceRow } from './source.js';

/** Maximum number of results a search can reach, and of its count. Source: API document of SearchMedia. */
const MAX_REACHABLE = 5_000;
/** Files per call. Ours: some hundred descriptions are about a megabyte. */
const PAGE = 500;
/** Maximum reads of an interval that cannot be split, when its files change during the read. */
const MAX_READINGS = 5;
/** Start of the search range; VOD did not exist before. */
const BEGINNING_MS = Date.parse('2010-01-01T00:00:00Z');
const SECOND_MS = 1_000;

export interface LibraryQuery {
  subAppId: number;
  classIds?: number[];
  tags?: string[];
  names?: string[];
  /** Inclusive, in whole seconds. */
  createdFrom?: Date;
  /** Default and maximum: the start of the read. */
  createdTo?: Date;
  /** Include these files although they look unsuitable for an erase; default none. */
  allow?: readonly Unfit[];
}

type Found = KnownMedia & { unfit?: Unfit };

/** A time interval, inclusive at both ends, in whole seconds. */
interface Stretch {
  fromMs: number;
  toMs: number;
}

/**
 * The videos that a query finds in the media library, oldest first, each once. The upper time bound is fixed at the start of the
 * read, so files added later are excluded.
 *
 * A search reaches 5,000 results, so the interval is split until each part has fewer. A part is complete only if it has as many
 * different files as the vendor counted.
 */
export function librarySource(vod: Pick<VodApi, 'searchMedia'>, query: LibraryQuery): BacklogSource {
  return {
    kind: 'library',
    name: wordsOf(query),
    rows: () => rowsOf(vod, query),
    sha256: () => null,
    ignoredColumns: () => [],
  };
}

async function* rowsOf(
  vod: Pick<VodApi, 'searchMedia'>,
  query: LibraryQuery,
): AsyncGenerator<SourceRow, void, undefined> {
  const now = Date.now();
  const whole = {
    fromMs: floor(query.createdFrom?.getTime() ?? BEGINNING_MS),
    toMs: floor(Math.min(query.createdTo?.getTime() ?? now, now)),
  };
  const filter: SearchMediaQuery = {
    subAppId: query.subAppId,
    categories: ['Video'],
    ...(query.classIds?.length ? { classIds: query.classIds } : {}),
    ...(query.tags?.length ? { tags: query.tags } : {}),
    ...(query.names?.length ? { names: query.names } : {}),
  };
  // A stack with the oldest interval on top.
  const open: Stretch[] = whole.toMs >= whole.fromMs ? [whole] : [];
  for (let stretch = open.pop(); stretch !== undefined; stretch = open.pop()) {
    const files = await readStretch(vod, filter, stretch);
    if (files === null) {
      const middle = floor((stretch.fromMs + stretch.toMs) / 2);
      open.push({ fromMs: middle + SECOND_MS, toMs: stretch.toMs }, { fromMs: stretch.fromMs, toMs: middle });
      continue;
    }
    for (const { unfit, ...media } of files) {
      const { fileId } = media;
      if (unfit !== undefined && !query.allow?.includes(unfit)) yield { row: null, fileId, unfit };
      else yield { row: null, fields: { fileId, subAppId: query.subAppId }, media };
    }
  }
}

/** Null when the interval must be split. @throws SourceError when it cannot be */
async function readStretch(
  vod: Pick<VodApi, 'searchMedia'>,
  filter: SearchMediaQuery,
  stretch: Stretch,
): Promise<Found[] | null> {
  const splittable = stretch.toMs > stretch.fromMs;
  for (let reading = 1; reading <= MAX_READINGS; reading += 1) {
    const files = await readPages(vod, filter, stretch);
    if (files === 'too many') {
      if (splittable) return null;
      throw new SourceError(
        'input',
        `${MAX_REACHABLE} files or more were created in the second ${iso(stretch.fromMs)}, and a search reaches no more.`,
        'Narrow the search by class, tag or name, and run it once for each.',
      );
    }
    if (files !== 'changed') return inOrder(files);
    // A shorter interval takes fewer calls, so fewer changes occur meanwhile.
    if (splittable) return null;
  }
  throw new SourceError(
    'unavailable',
    `The files of the second ${iso(stretch.fromMs)} changed each time that they were read.`,
    'Try again when fewer files come and go.',
  );
}

async function readPages(
  vod: Pick<VodApi, 'searchMedia'>,
  filter: SearchMediaQuery,
  { fromMs, toMs }: Stretch,
): Promise<Map<string, MediaInfo> | 'too many' | 'changed'> {
  const found = new Map<string, MediaInfo>();
  let total: number | null = null;
  for (let offset = 0; ; ) {
    const limit = Math.min(PAGE, MAX_REACHABLE - offset);
    const query = { ...filter, createdFrom: iso(fromMs), createdTo: iso(toMs), offset, limit };
    const page = await retriedRead(() => vod.searchMedia(query));
    if (page.totalCount >= MAX_REACHABLE) return 'too many';
    if (total !== null && page.totalCount !== total) return 'changed';
    total = page.totalCount;
    for (const media of page.media) found.set(media.fileId, media);
    offset += page.media.length;
    if (offset >= total || page.media.length === 0) return found.size === total ? found : 'changed';
  }
}

function inOrder(files: Map<string, MediaInfo>): Found[] {
  return [...files.values()]
    .sort((a, b) => compare(a.createTime ?? '', b.createTime ?? '') || compare(a.fileId, b.fileId))
    .map(({ fileId, durationSeconds, width, height, unfit }) => ({
      fileId,
      durationSeconds,
      width,
      height,
      ...(unfit === undefined ? {} : { unfit }),
    }));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const floor = (ms: number) => Math.floor(ms / SECOND_MS) * SECOND_MS;
const iso = (ms: number) => new Date(ms).toISOString();

function wordsOf({ subAppId, classIds, tags, names, createdFrom, createdTo }: LibraryQuery): string {
  const list = (what: string, values: readonly (string | number)[] | undefined) =>
    values?.length ? [`${what} ${values.join(' or ')}`] : [];
  return [
    `media library of ${subAppId}`,
    ...list('class', classIds),
    ...list('tag', tags),
    ...list('name', names),
    ...(createdFrom === undefined ? [] : [`created from ${createdFrom.toISOString()}`]),
    ...(createdTo === undefined ? [] : [`created to ${createdTo.toISOString()}`]),
  ].join(', ');
}
