import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reaper } from '../../src/local/stack/reaper.js';
import { TestAuthority } from '../support/certificates.js';
import { eventually } from '../support/processes.js';
import type { Claims } from './claims.js';
import type { NativeImage } from './image.js';
import { NativeContainer } from './native-container.js';
import type { NativeStack } from './native-stack.js';
import { runCommand } from './run-command.js';

/** What the certificate is for: not the address, so that the setting for it is tried too. */
const SERVER_NAME = 'temporal.test';
const SAMPLE_FILE_ID = '5285485487985271487';
const READY_MS = 60_000;

/**
 * The same server on the same data, now with TLS and a client certificate asked for; the program connects by a profile of
 * Temporal's own configuration file, as it would to Temporal Cloud.
 */
export async function checkMutualTls(
  stack: NativeStack,
  image: NativeImage,
  { folder, reaper, claims }: { folder: string; reaper: Reaper; claims: Claims },
): Promise<void> {
  const files = await certificates(join(folder, 'tls'));
  const plain = stack.container('temporal');
  await plain.stop();
  const server = NativeContainer.start(
    {
      ...plain.spec,
      env: {
        ...plain.spec.env,
        TEMPORAL_TLS_FRONTEND_CERT: files.serverCert,
        TEMPORAL_TLS_FRONTEND_KEY: files.serverKey,
        TEMPORAL_TLS_CLIENT_CA: files.ca,
        TEMPORAL_TLS_SERVER_CA: files.ca,
        TEMPORAL_TLS_SERVER_NAME: SERVER_NAME,
        TEMPORAL_TLS_WORKER_CERT: files.clientCert,
        TEMPORAL_TLS_WORKER_KEY: files.clientKey,
      },
    },
    reaper,
  );
  const address = stack.temporalAddress;
  const profile = async (name: string, lines: readonly string[]) => {
    const path = join(folder, 'tls', `${name}.toml`);
    const tls = ['[profile.cluster.tls]', `server_name = "${SERVER_NAME}"`, ...lines];
    await writeFile(
      path,
      ['[profile.cluster]', `address = "${address}"`, 'namespace = "default"', ...tls, ''].join('\n'),
    );
    return { TEMPORAL_CONFIG_FILE: path, TEMPORAL_PROFILE: 'cluster' };
  };
  const ca = `server_ca_cert_path = "${files.ca}"`;
  const own = [`client_cert_path = "${files.clientCert}"`, `client_key_path = "${files.clientKey}"`];
  const right = await profile('right', [ca, ...own]);
  try {
    await eventually(
      'the server with TLS',
      async () => {
        const { stdout } = await runCommand(stack, image, ['doctor', '-o', 'jsonl'], right);
        return /"name":"Temporal","verdict":"ok"/.test(stdout) || undefined;
      },
      READY_MS,
    ).then(
      () => claims.hold('doctor connects by mTLS and a CA of its own, from a profile', true),
      (error: Error) => claims.hold('doctor connects by mTLS', false, `${error.message} ${server.lastLines()}`),
    );
    const strangers = await profile('stranger', [ca, ...own.map((line) => line.replace('client.', 'stranger.'))]);
    const wrong: Record<string, NodeJS.ProcessEnv> = {
      'without a client certificate': await profile('anonymous', [ca]),
      'with a certificate of another CA': strangers,
      'without the CA': await profile('no-ca', own),
      'without TLS': {},
    };
    for (const [what, env] of Object.entries(wrong)) {
      const { code, stdout } = await runCommand(stack, image, ['doctor', '-o', 'jsonl'], env);
      const line = stdout.split('\n').find((each) => each.includes('"name":"Temporal"')) ?? stdout;
      claims.hold(
        `${what} it says in a sentence that Temporal cannot be reached`,
        code !== 0 && /"fail"/.test(line),
        line,
      );
    }
    await eraseByTls(stack, image, { env: right, reaper, claims });
  } finally {
    await server.stop();
  }
}

async function eraseByTls(
  stack: NativeStack,
  image: NativeImage,
  { env, reaper, claims }: { env: NodeJS.ProcessEnv; reaper: Reaper; claims: Claims },
): Promise<void> {
  const { spec } = stack.container('worker-1');
  const worker = NativeContainer.start({ ...spec, env: { ...spec.env, ...(env as Record<string, string>) } }, reaper);
  const args = [
    'start',
    SAMPLE_FILE_ID,
    '--recipe',
    'logo-basic',
    '--sub-app-id',
    '1500000001',
    '--requested-by',
    'ann',
    '--wait',
    '-o',
    'json',
  ];
  const { code, stdout, stderr } = await runCommand(stack, image, args, env);
  claims.hold(
    'an erase runs by mTLS',
    code === 0 && /"resultFileId":\s*"\d+"/.test(stdout),
    code === 0 ? undefined : `exit code ${code}; ${stderr} ${stdout}; the worker: ${worker.lastLines()}`,
  );
  await worker.stop();
}

interface Files {
  ca: string;
  serverCert: string;
  serverKey: string;
  clientCert: string;
  clientKey: string;
}

/** A CA, a server and a client of it, and a client of somebody else's CA. */
async function certificates(folder: string): Promise<Files> {
  const [ca, others] = [await TestAuthority.create(folder, 'ca'), await TestAuthority.create(folder, 'others')];
  const server = await ca.sign('server', '-addext', `subjectAltName=DNS:${SERVER_NAME}`);
  const client = await ca.sign('client');
  await others.sign('stranger');
  return {
    ca: ca.certificate,
    serverCert: server.cert,
    serverKey: server.key,
    clientCert: client.cert,
    clientKey: client.key,
  };
}
