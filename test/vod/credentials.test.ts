import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CredentialSource } from '../../src/tencent-vod/credential-source.js';
import {
  type CredentialProvider,
  CredentialsAwayError,
  LASTING_MS,
  sdkCredentialChain,
} from '../../src/tencent-vod/credentials.js';
import { MachineRole } from '../../src/tencent-vod/machine-role.js';
import { createVodClient } from '../../src/tencent-vod/vod-client.js';
import { respond, type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';

type Answer = (path: string, response: ServerResponse) => void;

const ROLE = 'erase-role';

/** What answers at metadata.tencentyun.com on a machine with a role. */
let metadata: Server;
let url: string;
let answer: Answer;
let asked: string[];
let issued: number;
/** Milliseconds on top of the real time. */
let later: number;
const now = () => Date.now() + later;

/** Credentials that hold for so many seconds from now. */
const gives =
  (seconds: number): Answer =>
  (path, response) => {
    if (path.endsWith('/')) response.end(ROLE);
    else {
      issued += 1;
      const ExpiredTime = Math.round(now() / 1_000) + seconds;
      response.end(
        JSON.stringify({ Code: 'Success', TmpSecretId: `AKID${issued}`, TmpSecretKey: 'key', Token: 't', ExpiredTime }),
      );
    }
  };
const fails: Answer = (_path, response) => {
  response.statusCode = 500;
  response.end();
};

beforeAll(async () => {
  metadata = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request.url ?? '', response);
  });
  await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(metadata.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => metadata.close(resolve)));
beforeEach(() => {
  asked = [];
  issued = 0;
  later = 0;
});

function chain(...more: CredentialSource[]): CredentialProvider {
  return sdkCredentialChain({}, { sources: [new MachineRole(url), ...more], now });
}

const idOf = async (provider: CredentialProvider) => (await provider.getCredential())?.secretId;

/** Until a refresh in the background has ended. */
async function settled(): Promise<void> {
  for (let before = -1; before !== asked.length; ) {
    before = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('credentials of the machine’s role', () => {
  test('are asked for once for all callers', async () => {
    const slow = gives(7_200);
    answer = (path, response) => setTimeout(() => slow(path, response), 50);
    const provider = chain();
    const ids = await Promise.all(Array.from({ length: 60 }, () => idOf(provider)));
    expect(new Set(ids)).toEqual(new Set(['AKID1']));
    expect(asked).toEqual([
      '/latest/meta-data/cam/security-credentials/',
      `/latest/meta-data/cam/security-credentials/${ROLE}`,
    ]);
  });

  test('are refreshed ahead of their end, in the background', async () => {
    answer = gives(7_200);
    const provider = chain();
    expect(await idOf(provider)).toBe('AKID1');
    later = 6_700_000;
    expect(await Promise.all([idOf(provider), idOf(provider)])).toEqual(['AKID1', 'AKID1']);
    await settled();
    expect(await idOf(provider)).toBe('AKID2');
    expect(issued).toBe(2);
  });

  test.each([
    ['answers with an error', fails],
    ['does not answer', () => undefined],
    ['answers without a key', (_path, response) => response.end('{"Code":"Failed"}')],
    ['has no role any more', (_path, response) => response.writeHead(404).end()],
    [
      'gives some that no header takes',
      (_path, response) =>
        response.end('{"Code":"Success","TmpSecretId":"A\\n","TmpSecretKey":"k","ExpiredTime":9999999999}'),
    ],
  ] satisfies [string, Answer][])('are used while they hold, when the service %s', async (_what, broken) => {
    answer = gives(40);
    const provider = chain();
    expect(await idOf(provider)).toBe('AKID1');
    answer = broken;
    later = 25_000;
    const begun = performance.now();
    expect(await Promise.all(Array.from({ length: 20 }, () => idOf(provider)))).toEqual(Array(20).fill('AKID1'));
    expect(performance.now() - begun).toBeLessThan(1_000);
    answer = gives(40);
    later = 36_000;
    await settled();
    expect(await idOf(provider)).toMatch(/AKID[12]/);
  });

  test('are not used in their last seconds, unless there are no others', async () => {
    answer = gives(40);
    const provider = chain();
    await idOf(provider);
    later = 32_000;
    expect(await idOf(provider)).toBe('AKID2');
    answer = fails;
    later = 32_000 + 35_000;
    expect(await idOf(provider)).toBe('AKID2');
    later = 32_000 + 41_000;
    await expect(provider.getCredential()).rejects.toThrow(CredentialsAwayError);
  });

  test('that cannot be had are away, until that has lasted; then none are configured', async () => {
    answer = fails;
    const provider = chain();
    for (; later < LASTING_MS; later += 60_000) {
      await expect(provider.getCredential()).rejects.toThrow(CredentialsAwayError);
    }
    const lasted = await provider.getCredential().catch((error: Error) => error);
    expect(lasted).not.toBeInstanceOf(CredentialsAwayError);
    expect(String(lasted)).toContain('the metadata service answered 500; so for 5 minutes and more');
    answer = gives(7_200);
    later += 2_000;
    expect(await idOf(provider)).toBe('AKID1');
  });

  test('that were not asked for in a long while are away, not missing', async () => {
    answer = fails;
    const provider = chain();
    await expect(provider.getCredential()).rejects.toThrow(CredentialsAwayError);
    later = 2 * LASTING_MS;
    await expect(provider.getCredential()).rejects.toThrow(CredentialsAwayError);
  });

  test('are not replaced by those of another role while theirs may come back', async () => {
    const other: CredentialSource = {
      name: 'another',
      ask: async () => ({ credentials: { secretId: 'OTHER', secretKey: 'k' }, until: now() + 7_200_000 }),
    };
    answer = gives(40);
    const provider = chain(other);
    expect(await idOf(provider)).toBe('AKID1');
    answer = fails;
    later = 41_000;
    await expect(provider.getCredential()).rejects.toThrow(CredentialsAwayError);
    answer = gives(40);
    later = 43_000;
    expect(await idOf(provider)).toBe('AKID2');
  });
});

describe('a proxy variable', () => {
  const NAMES = [
    'http_proxy',
    'HTTP_PROXY',
    'https_proxy',
    'HTTPS_PROXY',
    'all_proxy',
    'ALL_PROXY',
    'NODE_USE_ENV_PROXY',
  ];
  let proxy: Server;
  let proxied: number;
  beforeAll(async () => {
    proxied = 0;
    proxy = createServer((_request, response) => response.end());
    proxy.on('connection', () => {
      proxied += 1;
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    for (const name of NAMES) process.env[name] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    process.env.NODE_USE_ENV_PROXY = '1';
  });
  afterAll(() => {
    for (const name of NAMES) delete process.env[name];
    proxy.close();
  });

  test('is not followed to the metadata service', async () => {
    answer = gives(7_200);
    expect(await idOf(chain())).toBe('AKID1');
    expect(proxied).toBe(0);
  });

  test('is named where the vendor cannot be reached', async () => {
    const vod = createVodClient({ endpoint: 'http://127.0.0.1:1', credentials: { secretId: 'id', secretKey: 'key' } });
    const error = await vod.listTasks({ subAppId: 1 }).catch((thrown: Error) => thrown);
    expect(String(error)).toContain('HTTPS_PROXY');
    expect(String(error)).toContain('set and not followed');
    vod.close();
  });
});

describe('a call', () => {
  let vendor: ScriptedServer;
  const submit = (vod: ReturnType<typeof createVodClient>) =>
    vod.submit({ subAppId: 1, fileId: '5', params: { mpsProcessMediaParams: '{}', smartEraseTask: null } });
  beforeAll(async () => {
    vendor = await startScriptedServer();
    vendor.script(respond({ TaskId: '1-ProcessMediaByMPS-1' }));
  });
  afterAll(() => vendor.close());
  afterEach(() => expect(vendor.calls).toEqual([]));

  test('without credentials at the moment is never sent, and no matter of the account', async () => {
    answer = fails;
    const vod = createVodClient({ endpoint: vendor.url, credentials: chain() });
    await expect(submit(vod)).rejects.toMatchObject({ class: 'retry', code: 'credentials-away' });
    vod.close();
  });

  test.each([
    ['the secret id ends with a line end', { secretId: 'AKIDhidden\n', secretKey: 'hidden' }],
    ['the secret key is in quotes', { secretId: 'AKIDhidden', secretKey: '"hidden"' }],
    ['the token ends with a carriage return', { secretId: 'AKIDhidden', secretKey: 'hidden', token: 'hidden\r' }],
    ['the secret id has a character outside of ASCII', { secretId: 'AKIDhidden片', secretKey: 'hidden' }],
  ])('where %s is never sent', async (words, credentials) => {
    const vod = createVodClient({ endpoint: vendor.url, credentials });
    const error = await submit(vod).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ class: 'retry', code: 'illegal-header' });
    expect(String(error)).toContain(words);
    expect(String(error)).not.toContain('hidden');
    vod.close();
  });

  test('with another header that is not legal is never sent', async () => {
    const vod = createVodClient({
      endpoint: vendor.url,
      credentials: { secretId: 'AKID', secretKey: 'key' },
      headers: () => ({ traceparent: 'a\nb' }),
    });
    await expect(submit(vod)).rejects.toMatchObject({ class: 'retry', code: 'illegal-header' });
    vod.close();
  });
});
