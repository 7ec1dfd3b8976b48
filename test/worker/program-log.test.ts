import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTcpProxy } from '../faults/tcp-proxy.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { startWatchedWorker, type WatchedWorker } from '../support/worker-process.js';

const SECRET = 'webhook-secret-that-nobody-may-read';
let stack: EraseStack;
const folder = mkdtempSync(join(tmpdir(), 'smart-erase-log-'));
const noisy = join(folder, 'noisy.cjs');
const workers: WatchedWorker[] = [];

beforeAll(async () => {
  // What libraries do: warn, print, and fail where nobody looks.
  writeFileSync(
    noisy,
    `if (require('node:worker_threads').isMainThread) process.once('SIGUSR2', () => {
      process.emitWarning('an old call\\nin two lines', 'DeprecationWarning', 'DEP9999');
      console.log('printed by a library: ' + process.env.TENCENTCLOUD_SECRET_KEY);
      console.error('an error of a library\\nwith a second line \\u001b[2J\\u202e');
      process.stderr.write('a piece, ');
      process.stderr.write('and its rest\\n');
      setTimeout(() => Promise.reject(new Error('nobody waits for ' + process.env.TENCENTCLOUD_SECRET_KEY)), 100);
    });`,
  );
  stack = await EraseStack.start({
    env: { VOD_REQUEST_TIMEOUT_SECONDS: '10', VOD_SETTLE_SECONDS: '26', SMART_ERASE_LOG_LEVEL: 'info' },
  });
});
afterAll(async () => {
  for (const worker of workers) worker.process.kill('SIGKILL');
  rmSync(folder, { recursive: true });
  await stack?.stop();
});

function entriesOf(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function start(env: Record<string, string>): Promise<WatchedWorker> {
  const worker = await startWatchedWorker(stack, env);
  workers.push(worker);
  return worker;
}

describe('every line of a worker', () => {
  it('is JSON without a secret: those of Node, of libraries, of the SDK’s native part, and of an error that ends it', {
    timeout: 90_000,
  }, async () => {
    const proxy = await startTcpProxy(Number(stack.env.TEMPORAL_ADDRESS?.split(':').at(-1)));
    const worker = await start({
      TEMPORAL_ADDRESS: `127.0.0.1:${proxy.port}`,
      NODE_OPTIONS: `--require=${noisy}`,
      TENCENTCLOUD_SECRET_KEY: SECRET,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    });
    // Its polls are then tried again and again.
    proxy.refuse(true);
    proxy.cut();
    await eventually('a line of the native part', () => /"sdkComponent":"core"/.exec(worker.stderr())?.[0], 40_000);
    worker.process.kill('SIGUSR2');
    await proxy.close();
    const { code, stdout, stderr } = await worker.ended;
    expect(code).toBe(1);
    const entries = entriesOf(stderr);
    expect(entriesOf(stdout)).toMatchObject([{ ready: true }]);
    expect(entries).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ sdkComponent: 'core' }),
        expect.objectContaining({ level: 'warn', warning: 'DeprecationWarning', code: 'DEP9999' }),
        expect.objectContaining({ printedOn: 'stdout', msg: 'printed by a library: ***' }),
        expect.objectContaining({ printedOn: 'stderr', msg: 'an error of a library' }),
        expect.objectContaining({ printedOn: 'stderr', msg: 'a piece, and its rest' }),
        expect.objectContaining({
          level: 'fatal',
          error: expect.objectContaining({ message: 'nobody waits for ***' }),
        }),
      ]),
    );
    expect(stderr).not.toContain(SECRET);
    expect(stderr).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  });

  it('is JSON where it cannot start, and where it is told to stop', { timeout: 60_000 }, async () => {
    const wrong = await runCli(['worker'], { ...stack.env, VOD_SUBMIT_RPS: 'x' });
    expect(wrong.code).toBe(4);
    expect(entriesOf(wrong.stderr)).toMatchObject([
      { level: 'fatal', exitCode: 4, msg: expect.stringContaining('VOD_SUBMIT_RPS') },
    ]);
    const silent = await runCli(['worker'], { ...stack.env, VOD_SUBMIT_RPS: 'x', SMART_ERASE_LOG_LEVEL: 'silent' });
    expect(entriesOf(silent.stderr)).toMatchObject([{ level: 'fatal' }]);
    const person = await runCli(['worker'], { ...stack.env, VOD_SUBMIT_RPS: 'x', SMART_ERASE_LOG_FORMAT: 'pretty' });
    expect(person.stderr).toContain('What to do:');
    const worker = await start({});
    worker.process.kill('SIGTERM');
    const { code, stderr } = await worker.ended;
    expect(code).toBe(0);
    expect(entriesOf(stderr).map(({ msg }) => msg)).toContain('SIGTERM: finishing what runs …');
  });
});

describe('a worker whose log nobody takes any more', () => {
  it('goes on, and ends as usual: a submit in mid-call is finished first', { timeout: 90_000 }, async () => {
    const worker = await start({});
    // As a log collector that ended.
    worker.process.stderr?.destroy();
    worker.process.stdout?.destroy();
    const before = await stack.request();
    expect(await (await stack.client.start(before)).result()).toMatchObject({ status: 'succeeded' });

    const request = await stack.request();
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'delay', ms: 5_000, fileId: request.fileId });
    await stack.client.start(request);
    await eventually('the submit at the vendor', async () =>
      (await stack.outcomes('ProcessMediaByMPS', request.fileId)).length > 0 ||
      (await stack.admin.tasks()).some(({ fileId }) => fileId === request.fileId)
        ? true
        : undefined,
    );
    worker.process.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0, signal: null });
    const [task] = (await stack.admin.tasks()).filter(({ fileId }) => fileId === request.fileId);
    expect(await stack.ledger.submissions.findByTask(task?.taskId ?? '')).toMatchObject({
      state: 'accepted',
      adopted: false,
    });
  });
});
