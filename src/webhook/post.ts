import { lookup as systemLookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressRule } from './public-address.js';

/** Total timeout of a request, from the host's DNS lookup to the status. The specification: 15 to 30 s. */
export const POST_TIMEOUT_MS = 15_000;
/** Bytes of a response body read before the connection is closed. Its content is ignored. */
export const MAX_ANSWER_BYTES = 16 * 1024;

export interface PostAnswer {
  status: number;
  /** The header `Retry-After`, unparsed. */
  retryAfter: string | null;
}

/** The host name resolves to an address that is not allowed. */
export class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError';

  constructor(readonly address: string) {
    super(`${address} is not a public address`);
  }
}

export interface PostOptions {
  mayReach: AddressRule;
  /** Default: the system's own. */
  lookup?: LookupFunction;
  timeoutMs?: number;
}

/**
 * Sends one POST on a new connection. The address rule is applied to the DNS lookup that the connection uses, so a DNS change
 * cannot bypass it; redirects are not followed.
 *
 * @throws AddressRefusedError, or the connection's error
 */
export function post(
  url: URL,
  { headers, body }: { headers: Record<string, string>; body: string },
  { mayReach, lookup = systemLookup as LookupFunction, timeoutMs = POST_TIMEOUT_MS }: PostOptions,
): Promise<PostAnswer> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // Node calls no lookup for a host that is already an address.
  if (isIP(host) !== 0 && !mayReach(host)) return Promise.reject(new AddressRefusedError(host));
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body, 'utf8')) },
      // A kept connection could predate a change of a setting or of DNS.
      agent: false,
      lookup: checkedLookup(lookup, mayReach),
      signal: AbortSignal.timeout(timeoutMs),
    });
    request.on('error', reject);
    request.on('close', () => reject(new Error('The connection was closed without an answer.')));
    request.on('upgrade', (_answer, socket) => socket.destroy());
    request.on('response', (answer) => {
      resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] ?? null });
      // Reads a limited rest, so that the receiver can complete its response.
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) answer.destroy();
      });
      answer.on('error', () => undefined);
    });
    request.end(body);
  });
}

/** A DNS lookup that returns only allowed addresses. */
export function checkedLookup(lookup: LookupFunction, mayReach: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const addresses = Array.isArray(found) ? found : [];
      const good = addresses.filter(({ address }) => mayReach(address));
      const [first] = good;
      if (first === undefined) return callback(new AddressRefusedError(addresses[0]?.address ?? 'nothing'), '', 0);
      if (options.all === true) callback(null, good);
      else callback(null, first.address, first.family);
    });
  };
}
