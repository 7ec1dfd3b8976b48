import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTemporalSettings } from '../../src/config/temporal-settings.js';
import { connectClient } from '../../src/temporal/connection.js';
import { connectWorker } from '../../src/temporal/worker-connection.js';
import { type CertificateFiles, TestAuthority } from '../support/certificates.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { sharedTemporal } from '../support/temporal.js';
import { startTlsProxy, type TlsProxy } from '../support/tls-proxy.js';
import { startWatchedWorker } from '../support/worker-process.js';

const NAMED = ['-addext', 'subjectAltName=DNS:localhost'];
const NONE = { TEMPORAL_CONFIG_FILE: '/dev/null', TEMPORAL_TLS: 'true' };

let folder: string;
let ca: TestAuthority;
let server: CertificateFiles;
/** TLS before Temporal, by a CA that no machine knows; asks for no certificate. */
let open: TlsProxy;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smart-erase-tls-'));
  ca = await TestAuthority.create(folder, 'ca');
  server = await ca.sign('server', ...NAMED);
  open = await startTlsProxy(sharedTemporal().address, server);
});
afterAll(async () => {
  await open?.close();
  await rm(folder, { recursive: true });
});

/** What each of the two ways to connect ends in: null, or what it says. */
async function bothWays(env: NodeJS.ProcessEnv): Promise<(string | null)[]> {
  const said = (error: { message: string; advice?: string }) => `${error.message} ${error.advice ?? ''}`;
  const settings = loadTemporalSettings({ ...NONE, TEMPORAL_ADDRESS: open.address, ...env });
  const ways = [() => connectClient(settings, { connectTimeoutMs: 1_500 }), () => connectWorker(settings)];
  return await Promise.all(
    ways.map((way) => way().then(({ connection }) => connection.close().then(() => null), said)),
  );
}

describe('client and worker trust the same CA certificates', () => {
  it.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'TEMPORAL_TLS_SERVER_CA_CERT_PATH'])('of %s', async (name) => {
    expect(await bothWays({ [name]: ca.certificate })).toEqual([null, null]);
  });

  it('of SSL_CERT_DIR', async () => {
    const store = await mkdtemp(join(folder, 'store-'));
    await copyFile(ca.certificate, join(store, 'own.pem'));
    expect(await bothWays({ SSL_CERT_DIR: store })).toEqual([null, null]);
  });

  it('of both kinds together', async () => {
    const other = await TestAuthority.create(folder, 'other');
    const env = { SSL_CERT_FILE: other.certificate, NODE_EXTRA_CA_CERTS: ca.certificate };
    expect(await bothWays(env)).toEqual([null, null]);
    const missing = await bothWays({ SSL_CERT_FILE: other.certificate });
    for (const said of missing) expect(said).toMatch(/CA certificates are missing/);
  });

  it('and say what is missing, and how to give it', async () => {
    for (const said of await bothWays({})) {
      expect(said).toContain(`Temporal cannot be reached at ${open.address}. CA certificates are missing here`);
      expect(said).toMatch(/ca-certificates.*TEMPORAL_TLS_SERVER_CA_CERT_PATH.*NODE_EXTRA_CA_CERTS.*SSL_CERT_FILE/);
    }
  });
});

describe('what else is wrong with TLS is said in a sentence', () => {
  it.each([
    ['another name', () => ({ TEMPORAL_TLS_SERVER_NAME: 'other.test' }), /certificate is for another name/],
    ['no TLS there', () => ({ TEMPORAL_ADDRESS: sharedTemporal().address }), /speaks no TLS/],
    ['no TLS here', () => ({ TEMPORAL_TLS: 'false' }), /no connection without TLS/],
    ['nobody there', () => ({ TEMPORAL_ADDRESS: '127.0.0.1:1' }), /Nothing listens there/],
    ['no such name', () => ({ TEMPORAL_ADDRESS: 'nowhere.invalid:7233' }), /name cannot be resolved/],
  ])('%s', async (_what, env, words) => {
    for (const said of await bothWays({ NODE_EXTRA_CA_CERTS: ca.certificate, ...env() })) expect(said).toMatch(words);
  });

  it('a client certificate that is missing, of another CA, or at its end', async () => {
    const strict = await startTlsProxy(sharedTemporal().address, server, { clientCas: [ca.certificate] });
    const others = await TestAuthority.create(folder, 'others');
    const { cert, key } = await others.sign('stranger');
    const env = { TEMPORAL_ADDRESS: strict.address, NODE_EXTRA_CA_CERTS: ca.certificate };
    const pair = { TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: key };
    try {
      for (const said of [...(await bothWays(env)), ...(await bothWays({ ...env, ...pair }))]) {
        expect(said).toMatch(/refuses this client/);
      }
      const ended = await ca.signEnded('ended');
      const old = { TEMPORAL_TLS_CLIENT_CERT_PATH: ended.cert, TEMPORAL_TLS_CLIENT_KEY_PATH: ended.key };
      for (const said of await bothWays({ ...env, ...old })) {
        expect(said).toMatch(/The certificate of this client ended at 20.*Renew it/);
      }
    } finally {
      await strict.close();
    }
  });
});

describe('doctor', () => {
  const checks = async (env: NodeJS.ProcessEnv) => {
    const { code, stdout } = await runCli(['doctor', '-o', 'json'], {
      ...NONE,
      TEMPORAL_ADDRESS: open.address,
      ...env,
    });
    const all = (JSON.parse(stdout) as { checks: { name: string; verdict: string; found: string; advice: string }[] })
      .checks;
    return { code, find: (name: string) => all.find((each) => each.name === name) };
  };

  it("tries the worker's own connection", async () => {
    const { find } = await checks({ SSL_CERT_FILE: ca.certificate });
    expect(find('Temporal')).toMatchObject({ verdict: 'ok' });
    expect(find('Worker connection')).toMatchObject({ verdict: 'ok' });
  });

  it('fails where the worker would, and names the proxy that is not followed', async () => {
    const { code, find } = await checks({
      HTTPS_PROXY: 'http://user:hidden@127.0.0.1:9',
      VOD_ENDPOINT: 'http://127.0.0.1:1',
    });
    expect(code).not.toBe(0);
    expect(find('Temporal')).toMatchObject({ verdict: 'fail', found: expect.stringContaining('CA certificates') });
    expect(find('Proxy')).toMatchObject({ verdict: 'warn', found: expect.stringContaining('HTTPS_PROXY') });
    expect(find('Vendor clock')).toMatchObject({
      verdict: 'fail',
      advice: expect.stringContaining('HTTPS_PROXY is set and not followed'),
    });
  });
});

describe('proxy variables', () => {
  const dead = Object.fromEntries(
    ['http_proxy', 'https_proxy', 'grpc_proxy', 'all_proxy'].flatMap((name) => [
      [name, 'http://127.0.0.1:9'],
      [name.toUpperCase(), 'http://127.0.0.1:9'],
    ]),
  );

  it('are not followed by commands, as the worker does not', async () => {
    const { address } = sharedTemporal();
    const { code, stderr } = await runCli(['list', '-o', 'json'], { TEMPORAL_ADDRESS: address, ...dead });
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  it('are named where Temporal cannot be reached', async () => {
    const { code, stderr } = await runCli(['list'], {
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      https_proxy: 'http://127.0.0.1:9',
    });
    expect(code).toBe(5);
    expect(stderr).toContain('Nothing listens there.');
    expect(stderr).toContain('https_proxy is set and not followed');
  });
});

describe('a worker whose client certificate is renewed', () => {
  it('connects anew with it, and ends with 5 where only a new process can', async () => {
    const [second, third] = [await TestAuthority.create(folder, 'second'), await TestAuthority.create(folder, 'third')];
    const files = { cert: join(folder, 'in-use.pem'), key: join(folder, 'in-use.key') };
    const use = async (from: CertificateFiles) => {
      await copyFile(from.key, files.key);
      await copyFile(from.cert, files.cert);
    };
    await use(await ca.sign('first-client'));
    const strict = await startTlsProxy(sharedTemporal().address, server, { clientCas: [ca.certificate] });
    const stack = await EraseStack.start();
    try {
      const worker = await startWatchedWorker(stack, {
        SMART_ERASE_LOG_LEVEL: 'info',
        TEMPORAL_ADDRESS: strict.address,
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: ca.certificate,
        TEMPORAL_TLS_CLIENT_CERT_PATH: files.cert,
        TEMPORAL_TLS_CLIENT_KEY_PATH: files.key,
      });
      strict.trust(ca.certificate, second.certificate);
      await use(await second.sign('second-client'));
      await eventually('the new connection', () => worker.stderr().includes('Connected to Temporal anew') || undefined);
      strict.trust(second.certificate);
      const handle = await stack.client.start(await stack.request());
      expect(await handle.result()).toMatchObject({ status: 'succeeded' });

      strict.trust(third.certificate);
      strict.cut();
      await eventually('not ready', async () => (await worker.get('/readyz')).status === 503 || undefined);
      const renewedAt = performance.now();
      await use(await third.sign('third-client'));
      const { code, stderr } = await worker.ended;
      expect(performance.now() - renewedAt).toBeLessThan(60_000);
      expect(code).toBe(5);
      expect(stderr).toContain('The certificates for Temporal have changed');
    } finally {
      await stack.stop();
      await strict.close();
    }
  }, 120_000);
});
