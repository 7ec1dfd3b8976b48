import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressRefusedError, MAX_ANSWER_BYTES, type PostOptions, post } from '../../src/webhook/post.js';
import { addressRule } from '../../src/webhook/public-address.js';
import { eventually } from '../support/processes.js';

const MESSAGE = { headers: { 'content-type': 'application/json' }, body: '{"ä":1}' };
const LOOPBACK = addressRule([{ address: '127.0.0.0', prefix: 8 }]);

let server: Server;
let port: number;
let handle: (...args: Parameters<RequestListener>) => unknown;
let seen: string[];

beforeEach(async () => {
  seen = [];
  handle = (_request, response) => response.writeHead(200).end('taken');
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString('utf8');
    });
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${body}`);
      handle(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A look-up whose answers are given out one a call; the last stands for all that follow. */
function lookupOf(...answers: string[][]): LookupFunction & { calls: number } {
  const lookup = ((_host, _options, callback) => {
    const addresses = answers[Math.min(lookup.calls++, answers.length - 1)] ?? [];
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as LookupFunction & { calls: number };
  lookup.calls = 0;
  return lookup;
}

const postTo = (host: string, options: Partial<PostOptions> = {}) =>
  post(new URL(`http://${host}:${port}/hooks?x=1`), MESSAGE, { mayReach: LOOPBACK, ...options });

describe('a post', () => {
  it('sends its body, and tells the status', async () => {
    expect(await postTo('127.0.0.1')).toEqual({ status: 200, retryAfter: null });
    expect(seen).toEqual(['POST /hooks?x=1 {"ä":1}']);
  });

  it('tells Retry-After', async () => {
    handle = (_request, response) => response.writeHead(503, { 'retry-after': '7' }).end();
    expect(await postTo('127.0.0.1')).toEqual({ status: 503, retryAfter: '7' });
  });

  it('does not follow a redirect', async () => {
    handle = (_request, response) => response.writeHead(307, { location: `http://127.0.0.1:${port}/other` }).end();
    expect(await postTo('127.0.0.1')).toMatchObject({ status: 307 });
    expect(seen).toHaveLength(1);
  });

  it('gives up on a receiver that does not answer', async () => {
    handle = () => undefined;
    await expect(postTo('127.0.0.1', { timeoutMs: 200 })).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('gives up on a look-up that does not answer', async () => {
    const lookup: LookupFunction = () => undefined;
    await expect(postTo('shop.example', { lookup, timeoutMs: 200 })).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('ends when the receiver hangs up without an answer', async () => {
    handle = (request) => request.socket.destroy();
    await expect(postTo('127.0.0.1')).rejects.toThrow();
  });

  it('ends when the receiver switches to another protocol', async () => {
    handle = (_request, response) => {
      response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: odd\r\n\r\n');
    };
    await expect(postTo('127.0.0.1', { timeoutMs: 5_000 })).rejects.toThrow('without an answer');
  });

  it('cuts an answer that does not end, and does not wait for it', async () => {
    let written = 0;
    let closed = false;
    handle = (_request, response) => {
      response.on('close', () => {
        closed = true;
      });
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && written < 500 * MAX_ANSWER_BYTES) {
          written += MAX_ANSWER_BYTES;
          if (!response.write(Buffer.alloc(MAX_ANSWER_BYTES))) return response.once('drain', more);
        }
        return undefined;
      };
      more();
    };
    expect(await postTo('127.0.0.1')).toMatchObject({ status: 200 });
    await eventually('the connection to be cut', async () => closed || undefined);
    expect(written).toBeLessThan(500 * MAX_ANSWER_BYTES);
  });
});

describe('the address of a post', () => {
  const nowhere = addressRule();

  it.each(['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '0x7f.1', '2130706433', '017700000001', '127.1'])(
    'is refused where the host is one that is not public: %s',
    async (host) => {
      await expect(postTo(host, { mayReach: nowhere })).rejects.toThrow(AddressRefusedError);
      expect(seen).toEqual([]);
    },
  );

  it('is refused where the host has a name for one', async () => {
    await expect(postTo('localhost', { mayReach: nowhere })).rejects.toThrow(AddressRefusedError);
    expect(seen).toEqual([]);
  });

  it('is the one that was checked, whatever DNS says next', async () => {
    // DNS rebinding: at the first look-up an address that may be reached (nobody listens there), then the server's.
    const lookup = lookupOf(['127.0.0.2'], ['127.0.0.1']);
    const mayReach = (address: string) => address === '127.0.0.2';
    await expect(postTo('rebound.example', { lookup, mayReach })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(lookup.calls).toBe(1);
    await expect(postTo('rebound.example', { lookup, mayReach })).rejects.toThrow(AddressRefusedError);
    expect(lookup.calls).toBe(2);
    expect(seen).toEqual([]);
  });

  it('is never one that is not public, among others that are', async () => {
    const lookup = lookupOf(['10.0.0.7', '127.0.0.1', '::1']);
    expect(await postTo('mixed.example', { lookup })).toMatchObject({ status: 200 });
    const other = lookupOf(['10.0.0.7', '::1']);
    await expect(postTo('mixed.example', { lookup: other })).rejects.toThrow('10.0.0.7');
    expect(seen).toHaveLength(1);
  });

  it('cannot be nothing', async () => {
    await expect(postTo('empty.example', { lookup: lookupOf([]) })).rejects.toThrow(AddressRefusedError);
  });
});
