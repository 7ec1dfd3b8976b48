import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SimulatedAccount } from './simulated-account.js';
import { TEMPORARY_URL_SECONDS } from './task-answers.js';

/** The clips are beside `src` and `dist`, so the same path works from either. */
const MEDIA_FOLDER = new URL('../../media/', import.meta.url);

const TYPES: Record<string, string> = {
  mp4: 'video/mp4',
  vtt: 'text/vtt; charset=utf-8',
  png: 'image/png',
  jpg: 'image/jpeg',
  gif: 'image/gif',
};

/** Lets pages of another origin show the files and seek in them. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'range',
  'access-control-expose-headers': 'content-length, content-range, accept-ranges',
};

/** The smallest possible picture, used for every cover. */
const COVER = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

const SUBTITLES: Record<string, string> = {
  OriginSubtitle: 'WEBVTT\n\n00:00.000 --> 00:02.000\nText read off the picture.\n',
  TranslateSubtitle: 'WEBVTT\n\n00:00.000 --> 00:02.000\nThe same text, translated.\n',
};

const clips = new Map<string, Promise<Buffer>>();

function clip(name: 'before' | 'after'): Promise<Buffer> {
  let bytes = clips.get(name);
  if (!bytes) {
    bytes = readFile(new URL(`${name}.mp4`, MEDIA_FOLDER));
    clips.set(name, bytes);
  }
  return bytes;
}

/** `/media/SUBAPPID/FILEID/NAME` and `/temporary/TASKID/NAME`: every URL in an answer can be fetched. */
export async function serveMedia(
  account: SimulatedAccount,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'OPTIONS') {
    response.writeHead(204, CORS).end();
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { ...CORS, allow: 'GET, HEAD, OPTIONS' }).end();
    return;
  }
  const path = new URL(request.url ?? '/', 'http://simulator').pathname.split('/').slice(1);
  const bytes = await find(account, path);
  if (typeof bytes === 'number') {
    response.writeHead(bytes, CORS).end();
    return;
  }
  const extension = path.at(-1)?.split('.').at(-1) ?? '';
  const headers = { ...CORS, 'accept-ranges': 'bytes', 'content-type': TYPES[extension] ?? 'application/octet-stream' };
  const range = rangeOf(request.headers.range, bytes.length);
  if (range === 'unsatisfiable') {
    response.writeHead(416, { ...headers, 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const part = range ? bytes.subarray(range.first, range.last + 1) : bytes;
  response.writeHead(range ? 206 : 200, {
    ...headers,
    'content-length': part.length,
    ...(range ? { 'content-range': `bytes ${range.first}-${range.last}/${bytes.length}` } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : part);
}

/** The file's bytes, or the HTTP status of its absence. */
async function find(account: SimulatedAccount, [folder, ...rest]: string[]): Promise<Buffer | number> {
  account.tasks.advance();
  if (folder === 'media') {
    const media = account.media.get(Number(rest[0]), rest[1] ?? '');
    if (!media) return 404;
    if (rest[2] === 'video.mp4') return clip(media.resultOf === null ? 'before' : 'after');
    return media.coverUrl.endsWith(`/${rest[2]}`) ? COVER : 404;
  }
  const task = account.tasks.get(rest[0] ?? '');
  if (!task || task.endSeq === null || task.abortedMs !== null) return 404;
  // The platform answers an expired link like any other forbidden one.
  if (account.clock.now() > (task.finishMs ?? 0) + TEMPORARY_URL_SECONDS * 1000) return 403;
  if (rest[1] === 'Video.mp4') return clip('after');
  const subtitle = SUBTITLES[rest[1]?.split('.')[0] ?? ''];
  return subtitle === undefined ? 404 : Buffer.from(subtitle);
}

/** One byte range (RFC 9110). Several ranges, or another unit, get the whole file, as the RFC allows. */
function rangeOf(
  header: string | undefined,
  size: number,
): { first: number; last: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const first = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const last = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  return first > last ? 'unsatisfiable' : { first, last };
}
