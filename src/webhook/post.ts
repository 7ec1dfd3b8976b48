import { lookup as systemLookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressRule } from './public-address.js';

/** How long a receiver has for all of it, from the look-up of its host to the status. The specification: 15 to 30 s. */
export const POST_TIMEOUT_MS = 15_000;
/** What is read of an answer's body before the connection is cut, in bytes. Nothing of it is used. */
export const MAX_ANSWER_BYTES = 16 * 1024;

export interface PostAnswer {
  status: number;
  /** The header `Retry-After`, as it came. */
  retryAfter: string | null;
}

/** The address that a host name has is not one that may be reached. */
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
 * One POST on a connection of its own. The addresses are checked where the connection is made, on the very answer of the
 * look-up that is connected to: between a check and a connect there is no time in which DNS could change its mind.
 * Redirects are answers like any other.
 *
 * @throws AddressRefusedError, or whatever the connection ended in
 */
export function post(
  url: URL,
  { headers, body }: { headers: Record<string, string>; body: string },
  { mayReach, lookup = systemLookup as LookupFunction, timeoutMs = POST_TIMEOUT_MS }: PostOptions,
): Promise<PostAnswer> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // For a host that is an address already, Node looks nothing up.
  if (isIP(host) !== 0 && !mayReach(host)) return Promise.reject(new AddressRefusedError(host));
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body, 'utf8')) },
      // A kept connection could have been made before a setting or a name changed.
      agent: false,
      lookup: checkedLookup(lookup, mayReach),
      signal: AbortSignal.timeout(timeoutMs),
    });
    request.on('error', reject);
    request.on('close', () => reject(new Error('The connection was closed without an answer.')));
    request.on('upgrade', (_answer, socket) => socket.destroy());
    request.on('response', (answer) => {
      resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] ?? null });
      // Read on for a little, so that the receiver can end its answer in peace.
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

/** A look-up that gives only addresses which may be reached. */
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
