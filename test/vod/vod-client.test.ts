import dns from 'node:dns';
import { createServer as createTcpServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { SlidingWindow } from '../../src/tencent-vod/sliding-window.js';
import {
  createVodClient,
  submitWorstCaseMs,
  type VodClient,
  type VodClientOptions,
} from '../../src/tencent-vod/vod-client.js';
import { VodError } from '../../src/tencent-vod/vod-error.js';
import {
  type Answer,
  REQUEST_ID,
  refuse,
  respond,
  type ScriptedServer,
  startScriptedServer,
} from '../support/scripted-server.js';

const SUB_APP = 1500000001;
const FILE = '5285485487985271487';
const TASK = '1500000001-ProcessMediaByMPS-0123456789abcdef';
const KEYS = { secretId: 'AKIDverysecret', secretKey: 'evenmoresecret', token: 'tokenofsecrecy' };
const SUBMIT = {
  subAppId: SUB_APP,
  fileId: FILE,
  params: { mpsProcessMediaParams: '{"AiAnalysisTask": {"Definition":25}}', smartEraseTask: null },
};
/** Seconds; short, since some tests wait for it. */
const TIMEOUT = 0.3;

let server: ScriptedServer;
const clients: VodClient[] = [];

function client(options: Partial<VodClientOptions> = {}): VodClient {
  const made = createVodClient({
    endpoint: server.url,
    credentials: KEYS,
    requestTimeoutSeconds: TIMEOUT,
    ...options,
  });
  clients.push(made);
  return made;
}

async function errorOf(work: Promise<unknown>): Promise<VodError> {
  const outcome = await work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) {
    throw new Error(`no error but ${JSON.stringify(outcome.value)}`);
  }
  expect(outcome.error).toBeInstanceOf(VodError);
  return outcome.error as VodError;
}

beforeAll(async () => {
  server = await startScriptedServer();
});
afterEach(() => {
  for (const made of clients.splice(0)) {
    made.close();
  }
});
afterAll(() => server.close());

describe('the paid call', () => {
  test.each(['on a connection opened ahead', 'on its own connection', 'on one for another that broke'])(
    '%s tells that it leaves, once, before the answer',
    async (which) => {
      server.script(respond({ TaskId: TASK }));
      const vod = client();
      const connection = which === 'on its own connection' ? undefined : await vod.connectForSubmit();
      if (connection === null) throw new Error('no connection');
      if (which === 'on one for another that broke') connection?.close();
      const told: string[] = [];
      const submitted = vod.submit(SUBMIT, { connection, leaving: () => told.push('leaving') });
      await submitted.then(() => told.push('answered'));
      expect(told).toEqual(['leaving', 'answered']);
    },
  );

  test('sends the text of the recipe and nothing of the typed route, and gives the TaskId', async () => {
    server.script(respond({ TaskId: TASK }));
    expect(await client().submit(SUBMIT)).toEqual({ taskId: TASK, requestId: REQUEST_ID });
    expect(server.calls[0]?.body).toEqual({
      FileId: FILE,
      SubAppId: SUB_APP,
      MPSProcessMediaParams: SUBMIT.params.mpsProcessMediaParams,
    });
    expect(server.calls[0]?.headers['x-tc-version']).toBe('2018-07-17');
    expect(server.calls[0]?.headers['x-tc-language']).toBe('en-US');
    expect(server.calls[0]?.headers['x-tc-token']).toBe(KEYS.token);
  });

  test('sends the typed task alone on the typed route', async () => {
    server.script(respond({ TaskId: TASK }));
    await client().submit({ ...SUBMIT, params: { mpsProcessMediaParams: null, smartEraseTask: { Definition: 301 } } });
    expect(server.calls[0]?.body).toEqual({ FileId: FILE, SubAppId: SUB_APP, SmartEraseTask: { Definition: 301 } });
  });

  test('goes out on a connection of its own each time, while reads keep theirs', async () => {
    const vod = client();
    server.script(respond({ TaskId: TASK }));
    await vod.submit(SUBMIT);
    await vod.submit(SUBMIT);
    expect(server.calls[0]?.connection).not.toBe(server.calls[1]?.connection);
    server.script(respond({ TaskSet: null }));
    await vod.listTasks({ subAppId: SUB_APP });
    await vod.listTasks({ subAppId: SUB_APP });
    expect(server.calls[0]?.connection).toBe(server.calls[1]?.connection);
  });

  test.each<[string, Answer]>([
    ['no TaskId', respond({})],
    ['an empty TaskId', respond({ TaskId: '' })],
    ['a TaskId that is a number', respond({ TaskId: 5 })],
  ])('with %s in the answer may have been executed', async (_what, answer) => {
    server.script(answer);
    const error = await errorOf(client().submit(SUBMIT));
    expect(error).toMatchObject({ class: 'ambiguous', code: 'no-task-id', requestId: REQUEST_ID });
    expect(server.calls).toHaveLength(1);
  });

  test('ends within its worst case when the body of the answer never ends', async () => {
    server.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    });
    const started = performance.now();
    const error = await errorOf(client().submit(SUBMIT));
    expect(error).toMatchObject({ class: 'ambiguous', code: 'timeout' });
    expect(performance.now() - started).toBeLessThan(submitWorstCaseMs(TIMEOUT) + 10_000);
  });

  test('was never sent while the credentials are not there', async () => {
    server.script(respond({ TaskId: TASK }));
    const error = await errorOf(client({ credentials: { getCredential: () => new Promise(() => {}) } }).submit(SUBMIT));
    expect(error).toMatchObject({ class: 'retry', code: 'credentials-timeout' });
    expect(server.calls).toHaveLength(0);
  });
});

/** What goes wrong on the way, and how it has to be judged on the submit and on reads alike. */
const TROUBLE: readonly (readonly [string, Answer, string, string])[] = [
  ['a reset without an answer', (request) => request.socket.resetAndDestroy(), 'ambiguous', 'ECONNRESET'],
  ['a connection closed without an answer', (request) => request.socket.end(), 'ambiguous', 'hang-up'],
  ['no answer', () => {}, 'ambiguous', 'timeout'],
  [
    'headers and no body',
    (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.flushHeaders();
    },
    'ambiguous',
    'timeout',
  ],
  [
    'half a body of a known length',
    (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"Response":', () => request.socket.destroySoon());
    },
    'ambiguous',
    // The SDK's fetch does not notice, and waits until its time is over.
    'cut-body|timeout',
  ],
  [
    'half a body in chunks',
    (request, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      response.write('{"Response":', () => request.socket.destroySoon());
    },
    'ambiguous',
    'cut-body|timeout',
  ],
  [
    'a reset in the body',
    (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"Response":', () => setTimeout(() => request.socket.resetAndDestroy(), 30));
    },
    'ambiguous',
    'cut-body|ECONNRESET',
  ],
  ['a body that is no JSON', (_request, response) => response.end('<html>'), 'ambiguous', 'bad-json'],
  ['an empty body', (_request, response) => response.end(), 'ambiguous', 'bad-json'],
  ['an empty object', (_request, response) => response.end('{}'), 'ambiguous', 'no-response'],
  ['JSON null', (_request, response) => response.end('null'), 'ambiguous', 'no-response'],
  ['an error without a code', respond({ Error: { Message: 'm' } }), 'ambiguous', 'no-response'],
  ['HTTP 502', (_request, response) => response.writeHead(502).end('bad gateway'), 'ambiguous', 'http-502'],
  ['HTTP 429', (_request, response) => response.writeHead(429).end(), 'ambiguous', 'http-429'],
  ['FailedOperation', refuse('FailedOperation'), 'ambiguous', 'FailedOperation'],
  ['InternalError.X', refuse('InternalError.X'), 'ambiguous', 'InternalError.X'],
  ['UnauthorizedOperation', refuse('UnauthorizedOperation'), 'account', 'UnauthorizedOperation'],
  ['a throttled call', refuse('RequestLimitExceeded'), 'throttled', 'RequestLimitExceeded'],
  ['a bad file', refuse('InvalidParameterValue.FileId'), 'input', 'InvalidParameterValue.FileId'],
  ['a duplicate', refuse('FailedOperation.TaskDuplicate'), 'duplicate', 'FailedOperation.TaskDuplicate'],
  ['a code that looks like an errno word', refuse('Exotic'), 'ambiguous', 'Exotic'],
];

describe('trouble', () => {
  test.each(TROUBLE)(
    '%s is judged on the submit, and nothing is sent twice',
    async (_what, answer, errorClass, code) => {
      server.script(answer);
      const error = await errorOf(client().submit(SUBMIT));
      expect(error.class).toBe(errorClass);
      expect(error.code).toMatch(new RegExp(`^(${code})$`));
      expect(error.action).toBe('ProcessMediaByMPS');
      expect(server.calls).toHaveLength(1);
    },
  );

  test.each(TROUBLE)('%s is judged on a read, and nothing is sent twice', async (_what, answer, errorClass, code) => {
    server.script(answer);
    const error = await errorOf(client().describeTask({ subAppId: SUB_APP, taskId: TASK }));
    expect(error.class).toBe(errorClass);
    expect(error.code).toMatch(new RegExp(`^(${code})$`));
    expect(server.calls).toHaveLength(1);
  });

  test('keeps the RequestId and the vendor’s text, and no secret', async () => {
    server.script(refuse('AuthFailure.SignatureFailure', `bad key ${KEYS.secretId} ${KEYS.secretKey} ${KEYS.token}`));
    const error = await errorOf(client().listTasks({ subAppId: SUB_APP }));
    expect(error).toMatchObject({ class: 'account', requestId: REQUEST_ID, httpStatus: null });
    expect(error.message).toContain('bad key *** *** ***');
    expect(error.message).toContain(REQUEST_ID);
    expect(JSON.stringify({ ...error, stack: error.stack })).not.toMatch(/verysecret|moresecret|ofsecrecy/);
  });

  test('keeps the HTTP status', async () => {
    server.script((_request, response) => response.writeHead(503).end());
    expect(await errorOf(client().listTasks({ subAppId: SUB_APP }))).toMatchObject({ httpStatus: 503 });
  });

  test('a port where nobody listens was never reached', async () => {
    const gone = await startScriptedServer();
    await gone.close();
    const error = await errorOf(client({ endpoint: gone.url }).submit(SUBMIT));
    expect(error).toMatchObject({ class: 'retry', code: 'ECONNREFUSED' });
  });

  test('a name with several addresses where nobody listens was never reached', async () => {
    const gone = await startScriptedServer();
    await gone.close();
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((_host: string, _options: unknown, found: unknown) => {
      (found as (error: null, addresses: { address: string; family: number }[]) => void)(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ]);
    }) as unknown as typeof dns.lookup);
    try {
      const error = await errorOf(client({ endpoint: `http://vod.test:${gone.port}` }).submit(SUBMIT));
      expect(error).toMatchObject({ class: 'retry', code: 'ECONNREFUSED' });
    } finally {
      lookup.mockRestore();
    }
  });

  test('a name that cannot be resolved was never reached', async () => {
    const error = await errorOf(
      client({ endpoint: 'vod.no-such-host.invalid', requestTimeoutSeconds: 10 }).submit(SUBMIT),
    );
    expect(error.class).toBe('retry');
    expect(['ENOTFOUND', 'EAI_AGAIN']).toContain(error.code);
  });

  test('a server without TLS was never reached by https', async () => {
    const error = await errorOf(client({ endpoint: `https://127.0.0.1:${server.port}` }).submit(SUBMIT));
    expect(error).toMatchObject({ class: 'retry', code: 'tls' });
  });

  test('a connection that ends before TLS was never used', async () => {
    const closing = createTcpServer((socket) => socket.on('data', () => socket.destroy()));
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
    const { port } = closing.address() as { port: number };
    const error = await errorOf(client({ endpoint: `https://127.0.0.1:${port}` }).submit(SUBMIT));
    await new Promise((resolve) => closing.close(resolve));
    expect(error).toMatchObject({ class: 'retry', code: 'tls' });
  });
});

describe('an expired signature', () => {
  const task = { subAppId: SUB_APP, taskId: TASK };

  test('of a read is renewed once', async () => {
    server.script(refuse('AuthFailure.SignatureExpire'), respond({ Status: 'WAITING' }));
    await client().describeTask(task);
    expect(server.calls).toHaveLength(2);
  });

  test('is the account’s trouble the second time', async () => {
    server.script(refuse('AuthFailure.SignatureExpire'));
    expect(await errorOf(client().describeTask(task))).toMatchObject({ class: 'account' });
    expect(server.calls).toHaveLength(2);
  });

  test('of a submit is left to who makes it: a second call needs a slot of its own', async () => {
    server.script(refuse('AuthFailure.SignatureExpire'));
    expect(await errorOf(client().submit(SUBMIT))).toMatchObject({ class: 'account' });
    expect(server.calls).toHaveLength(1);
  });
});

describe('credentials', () => {
  test('are asked for before every call, so that they can be renewed', async () => {
    let asked = 0;
    server.script(respond({}));
    const vod = client({
      credentials: { getCredential: async () => ({ secretId: `AKID${++asked}`, secretKey: 'k'.repeat(8) }) },
    });
    await vod.listTasks({ subAppId: SUB_APP });
    await vod.listTasks({ subAppId: SUB_APP });
    expect(server.calls.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1])).toEqual([
      'AKID1',
      'AKID2',
    ]);
  });

  test.each([
    ['none', async () => null],
    [
      'a provider that fails',
      async () => {
        throw new Error('vault is sealed');
      },
    ],
  ])('with %s are a matter of configuration, and nothing is sent', async (_what, getCredential) => {
    server.script(respond({ TaskId: TASK }));
    const error = await errorOf(client({ credentials: { getCredential } }).submit(SUBMIT));
    expect(error).toMatchObject({ class: 'configuration', code: 'NoCredentials' });
    expect(server.calls).toHaveLength(0);
  });
});

describe('a read that is given up', () => {
  test('throws the reason of its signal while it waits for an answer', async () => {
    server.script(() => {});
    const abort = new AbortController();
    const reason = new Error('worker stops');
    const work = client({ requestTimeoutSeconds: 20 }).listTasks({ subAppId: SUB_APP }, { signal: abort.signal });
    const judged = expect(work).rejects.toBe(reason);
    while (server.calls.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    abort.abort(reason);
    await judged;
  });

  test('throws the reason of its signal while it waits for its pace', async () => {
    server.script(respond({}));
    const abort = new AbortController();
    const reason = new Error('worker stops');
    const vod = client({ readsPerSecond: { DescribeTasks: 1 } });
    await vod.listTasks({ subAppId: SUB_APP });
    const work = expect(vod.listTasks({ subAppId: SUB_APP }, { signal: abort.signal })).rejects.toBe(reason);
    abort.abort(reason);
    await work;
    expect(server.calls).toHaveLength(1);
  });
});

describe('the pace of reads', () => {
  test('is kept for each API by itself', async () => {
    server.script(respond({ Status: 'FINISH' }));
    const vod = client({ readsPerSecond: { DescribeTasks: 2 } });
    const lists = Array.from({ length: 3 }, () => vod.listTasks({ subAppId: SUB_APP }));
    await vod.describeTask({ subAppId: SUB_APP, taskId: TASK });
    await Promise.all(lists);
    const times = server.calls.filter(({ action }) => action === 'DescribeTasks').map(({ atMs }) => atMs);
    // Arrival may lag behind the pass by a busy moment of this machine, never by most of a second.
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(500);
    expect(new SlidingWindow({ limit: 1 }).tryTake()).toBe(true);
  });
});

describe('a lower-case http_proxy', () => {
  test('is not picked up', async () => {
    const before = process.env.http_proxy;
    process.env.http_proxy = 'http://127.0.0.1:1';
    try {
      server.script(respond({ TaskId: TASK }));
      await expect(client().submit(SUBMIT)).resolves.toMatchObject({ taskId: TASK });
    } finally {
      if (before === undefined) {
        delete process.env.http_proxy;
      } else {
        process.env.http_proxy = before;
      }
    }
  });
});

describe('limits of a call', () => {
  test('are checked before anything is sent', async () => {
    server.script(respond({}));
    const vod = client();
    const many = Array.from({ length: 21 }, (_, index) => `${index}`);
    expect(await errorOf(vod.describeMedia({ subAppId: SUB_APP, fileIds: many }))).toMatchObject({ class: 'input' });
    expect(await errorOf(vod.prefetchUrls({ subAppId: SUB_APP, urls: many }))).toMatchObject({ class: 'input' });
    expect(server.calls).toHaveLength(0);
  });
});
