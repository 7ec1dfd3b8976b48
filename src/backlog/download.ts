import { lookup as systemLookup } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { proxyHint } from '../config/proxy-variables.js';
import { AddressRefusedError, checkedLookup } from '../webhook/post.js';
import { addressRule, anyAddressRule } from '../webhook/public-address.js';
import { SourceError } from './source.js';

/** Maximum number of redirects. Source: the Fetch standard allows 20; a file store needs one or two. */
const MAX_REDIRECTS = 5;
/** Idle timeout, in milliseconds. */
const IDLE_TIMEOUT_MS = 60_000;
const ADVICE_PRIVATE = 'Give --allow-private-address when it is meant to be one.';

export interface DownloadOptions {
  /** True: also allow private addresses, and http without TLS. */
  allowPrivate?: boolean;
}

export interface Download {
  bytes: AsyncGenerator<Uint8Array, void, undefined>;
  /** The charset of the response's content-type. */
  charset: string | null;
}

/** Streams a download. The URL may be signed, so no part of it is logged. @throws SourceError */
export async function download(from: URL, { allowPrivate = false }: DownloadOptions = {}): Promise<Download> {
  const answer = await follow(from, allowPrivate);
  const packed = answer.headers['content-encoding'] ?? 'identity';
  if (packed.trim().toLowerCase() !== 'identity' && packed !== '') {
    answer.destroy();
    throw new SourceError(
      'input',
      `${shownUrl(from)} answers compressed (${packed.slice(0, 40)}), although it was asked not to.`,
      'Fetch it first: curl --compressed -o list.csv URL',
    );
  }
  const [, charset] = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(answer.headers['content-type'] ?? '') ?? [];
  return { bytes: bytesOf(from, answer), charset: charset ?? null };
}

async function* bytesOf(from: URL, answer: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  const wanted = answer.headers['content-length'];
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      bytes += (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  } catch (error) {
    throw unavailable(from, `broke off after ${bytes} bytes (${codeOf(error)})`, error);
  }
  if (wanted !== undefined && Number(wanted) !== bytes) {
    throw unavailable(from, `gave ${bytes} of ${wanted} bytes`);
  }
}

/** The URL without parts that may be secret. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

async function follow(from: URL, allowPrivate: boolean): Promise<IncomingMessage> {
  let url = from;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) {
      throw new SourceError('input', `${shownUrl(url)} is not an https:// URL.`, 'Only https is read.');
    }
    const answer = await get(url, allowPrivate);
    const status = answer.statusCode ?? 0;
    if (status === 200) return answer;
    answer.destroy();
    const next = answer.headers.location;
    if (![301, 302, 303, 307, 308].includes(status) || next === undefined) {
      throw status >= 500 || status === 429
        ? unavailable(url, `answered ${status}`)
        : new SourceError(
            'input',
            `${shownUrl(url)} answered ${status}.`,
            'Check the URL, and whether it has run out.',
          );
    }
    if (!URL.canParse(next, url.href)) throw new SourceError('input', `${shownUrl(url)} redirects to what is no URL.`);
    url = new URL(next, url.href);
  }
  throw new SourceError('input', `${shownUrl(from)} redirects more than ${MAX_REDIRECTS} times.`);
}

function get(url: URL, allowPrivate: boolean): Promise<IncomingMessage> {
  const mayReach = allowPrivate ? anyAddressRule() : addressRule();
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // Node calls no lookup for a host that is already an address.
  if (isIP(host) !== 0 && !mayReach(host)) return Promise.reject(refused(url, host));
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, {
      agent: false,
      timeout: IDLE_TIMEOUT_MS,
      // Without compression, so that the hash and size are those of the file.
      headers: { accept: 'text/csv, application/x-ndjson, */*', 'accept-encoding': 'identity' },
      lookup: checkedLookup(systemLookup as LookupFunction, mayReach),
    });
    request.on('timeout', () => request.destroy(new Error(`nothing came for ${IDLE_TIMEOUT_MS / 1_000} s`)));
    request.on('response', resolve);
    request.on('error', (error) => {
      reject(
        error instanceof AddressRefusedError ? refused(url, error.address) : unavailable(url, codeOf(error), error),
      );
    });
    request.end();
  });
}

function refused(url: URL, address: string): SourceError {
  return new SourceError('input', `${url.host} is ${address}, which is not a public address.`, ADVICE_PRIVATE);
}

function unavailable(url: URL, what: string, cause?: unknown): SourceError {
  return new SourceError('unavailable', `${shownUrl(url)}: ${what}.`, `Try again; nothing was started.${proxyHint()}`, {
    cause,
  });
}

function codeOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? String(error);
}
