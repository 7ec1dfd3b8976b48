import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateLedger } from '../../src/ledger/migrate.js';
import { runCli } from '../support/cli.js';
import { createTestDatabase } from '../support/postgres.js';
import { sharedTemporal } from '../support/temporal.js';

const NAMESPACE = 'nowhere';
let env: NodeJS.ProcessEnv;
let drop: () => Promise<void>;
const folder = mkdtempSync(join(tmpdir(), 'smart-erase-namespace-'));

beforeAll(async () => {
  const database = await createTestDatabase('nowhere');
  drop = database.drop;
  await migrateLedger(database.url, { namespace: NAMESPACE });
  env = {
    TEMPORAL_ADDRESS: sharedTemporal().address,
    TEMPORAL_NAMESPACE: NAMESPACE,
    DATABASE_URL: database.url,
    VOD_ENDPOINT: 'http://127.0.0.1:1',
    VOD_SUB_APP_ID: '1500000001',
    TENCENTCLOUD_SECRET_ID: 'AKIDsimulator',
    TENCENTCLOUD_SECRET_KEY: 'simulator',
  };
  writeFileSync(join(folder, 'list.csv'), 'fileId\n5285485487985271487\n');
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await drop?.();
});

describe('a namespace that does not exist', () => {
  it.each([
    ['setup', ['setup']],
    ['worker', ['worker']],
    ['start', ['start', '5285485487985271487', '--recipe', 'logo']],
    ['start --wait', ['start', '5285485487985271487', '--recipe', 'logo', '--wait']],
    ['list', ['list']],
    ['status', ['status', 'erase/key/x']],
    ['result', ['result', 'erase/key/x', '--wait']],
    ['cancel', ['cancel', 'erase/key/x', '--reason', 'test']],
    ['review list', ['review', 'list']],
  ])('is named by %s, which ends with 4', async (_command, args) => {
    const { code, stdout, stderr } = await runCli(args, env);
    expect(stderr).toContain(`has no namespace`);
    expect(stderr).toContain(NAMESPACE);
    expect(stderr).toContain(sharedTemporal().address);
    expect(stderr).toContain(`temporal operator namespace create --namespace ${NAMESPACE}`);
    expect(stdout + stderr).not.toMatch(/should not happen|NOT_FOUND|NotFound/);
    expect(code).toBe(4);
  });

  it('is told once by doctor', async () => {
    const { code, stdout } = await runCli(['doctor', '-o', 'json'], env);
    const { checks } = JSON.parse(stdout) as { checks: { name: string; verdict: string; found: string }[] };
    const told = checks.filter(({ found }) => found.includes(`has no namespace "${NAMESPACE}"`));
    expect(told).toMatchObject([{ name: 'Namespace', verdict: 'fail', advice: expect.stringContaining('create') }]);
    expect(code).toBe(5);
  });
});

describe('an address at which something else listens', () => {
  it.each([
    ['an HTTP server', () => createHttpServer((_request, response) => response.end('hello')), {}, 'An HTTP server'],
    [
      'a server of another kind',
      () => createServer((socket) => void socket.on('error', () => undefined).write('SSH-2.0-x\u001b[2J\r\n')),
      {},
      'it begins with "SSH-2.0-x\\u001b[2J"',
    ],
    [
      'one without TLS, where TLS is on',
      () => createServer((socket) => void socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.1 400 Bad\r\n\r\n'))),
      { TEMPORAL_TLS: 'true' },
      'listens there without TLS',
    ],
    [
      'one with TLS, where TLS is off',
      () =>
        createServer((socket) =>
          // The alert of a TLS server for what is no TLS.
          void socket.on('error', () => undefined).once('data', () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 70]))),
        ),
      {},
      'asks for TLS',
    ],
  ] as const)('is told apart: %s', async (_what, make, more, words) => {
    const server: Server | ReturnType<typeof createServer> = make();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await runCli(['list'], { TEMPORAL_ADDRESS: `127.0.0.1:${port}`, ...more });
    server.close();
    expect(stderr).toContain(words);
    expect(code).toBe(5);
  });
});
