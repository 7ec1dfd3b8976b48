import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { ServiceError } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/config/secret.js';
import type { TemporalSettings } from '../../src/config/temporal-settings.js';
import { EraseError } from '../../src/errors.js';
import { connectionTrouble } from '../../src/temporal/connection-trouble.js';
import { GRPC, temporalError } from '../../src/temporal/service-errors.js';

const ADDRESS = 'temporal.example:7233';

/** As the SDK's client throws it: its own error around that of gRPC. */
function answered(code: number, details: string): ServiceError {
  const cause = Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} });
  return new ServiceError('Failed', { cause });
}

/** As a worker's native part throws it. */
function native(code: string, said: string): Error {
  return new Error(
    `Namespace media was not found or otherwise could not be described: Status { code: ${code}, message: "${said}", details: b"" }`,
  );
}

describe('an answer of Temporal', () => {
  it.each([
    ['no such namespace', answered(GRPC.notFound, 'Namespace media is not found.'), 4, 'has no namespace "media"'],
    ['the same, with quotes', answered(GRPC.notFound, 'namespace "media" not found'), 4, 'has no namespace "media"'],
    ['the same, without its name', answered(GRPC.notFound, 'Namespace not found'), 4, 'has no namespace'],
    ['the same, of the SDK', new NamespaceNotFoundError('media'), 4, 'has no namespace "media"'],
    ['the same, of a worker', native('NotFound', 'Namespace media is not found.'), 4, 'has no namespace "media"'],
    ['not allowed', answered(GRPC.permissionDenied, 'Request unauthorized.'), 4, 'refuses this caller'],
    ['not known', answered(GRPC.unauthenticated, 'invalid token'), 4, 'refuses this caller: invalid token'],
    ['not allowed, of a worker', native('PermissionDenied', 'no \\"write\\"'), 4, 'refuses this caller'],
    ['a call it does not know', answered(GRPC.unimplemented, 'unknown service'), 4, 'does not know this call'],
    ['too much', answered(GRPC.resourceExhausted, 'namespace rate limit exceeded'), 5, 'takes no more for now'],
    ['away', answered(GRPC.unavailable, 'connection reset'), 5, 'cannot be reached'],
    ['a failure inside', answered(GRPC.internal, 'shard status unknown'), 5, 'shard status unknown'],
    ['what is no gRPC', answered(GRPC.unknown, 'Received HTTP status code 200'), 5, 'Received HTTP status code 200'],
  ])('is told in a sentence with the address: %s', (_what, error, exitCode, words) => {
    const told = temporalError(error, ADDRESS);
    expect(told).toBeInstanceOf(EraseError);
    expect(told).toMatchObject({ exitCode, message: expect.stringContaining(words) });
    expect((told as EraseError).message).toContain(ADDRESS);
  });

  it('leaves what is about a run to its caller', () => {
    const error = answered(GRPC.notFound, 'workflow not found for ID: erase/1');
    expect((temporalError(error, ADDRESS) as EraseError).message).not.toContain('namespace');
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Says this when it has been spoken to. */
function answering(answer: string | Buffer): Server {
  return createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
}

const troubleAt = async (address: string, tls: boolean) => {
  const settings = { address, tls, connectionOptions: new Secret({ address, tls }) } as unknown as TemporalSettings;
  return (await connectionTrouble(settings, new Error('it did not answer')))?.found ?? null;
};

describe('what listens at an address', () => {
  it.each([
    ['an HTTP server', () => createHttpServer((_request, response) => response.end('hello')), false, /HTTP server/],
    [
      'a web server with TLS',
      () => answering('HTTP/1.1 400 The plain HTTP request was sent to HTTPS port'),
      false,
      /without TLS/,
    ],
    ['a server with TLS', () => answering(Buffer.from([0x15, 3, 1, 0, 2, 2, 70])), false, /without TLS/],
    ['one without, where TLS is on', () => answering('HTTP/1.1 400 Bad Request\r\n\r\n'), true, /speaks no TLS/],
    ['another kind', () => answering('SSH-2.0-x\u001b[2J\r\n'), false, /begins with "SSH-2.0-x\\u001b\[2J"/],
    ['gRPC', () => answering(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])), false, null],
  ])('is told apart: %s', async (_what, make, tls, words) => {
    const found = await troubleAt(await listening(make()), tls);
    if (words === null) expect(found).toBeNull();
    else expect(found).toMatch(words);
  });

  it('may be nothing', async () => {
    expect(await troubleAt('127.0.0.1:1', false)).toBe('Nothing listens there.');
    expect(await troubleAt('127.0.0.1:1', true)).toBe('Nothing listens there.');
    expect(await troubleAt('no-such-host.invalid:7233', false)).toMatch(/name cannot be resolved/);
  });
});
