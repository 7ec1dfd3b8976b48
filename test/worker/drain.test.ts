import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { seriesOf, startWatchedWorker, type WatchedWorker } from '../support/worker-process.js';

let stack: EraseStack;
const workers: WatchedWorker[] = [];

beforeAll(async () => {
  stack = await EraseStack.start({
    // A submit may take as long as the vendor here holds its answer back.
    env: { VOD_REQUEST_TIMEOUT_SECONDS: '10', VOD_SETTLE_SECONDS: '26' },
  });
});
afterAll(async () => {
  for (const worker of workers) worker.process.kill('SIGKILL');
  await stack?.stop();
});

async function start(): Promise<WatchedWorker> {
  const worker = await startWatchedWorker(stack, {}, { timeoutMs: 260_000 });
  workers.push(worker);
  return worker;
}

describe('a worker that is told to stop', () => {
  it('is not ready at once, lives until its submit has ended, takes no other, and exits', {
    timeout: 90_000,
  }, async () => {
    const worker = await start();
    const request = await stack.request();
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'delay', ms: 5_000, fileId: request.fileId });
    const running = await stack.client.start(request);
    await eventually('the submit at the vendor', async () =>
      (await stack.outcomes('ProcessMediaByMPS', request.fileId)).length > 0 ||
      (await stack.admin.tasks()).some(({ fileId }) => fileId === request.fileId)
        ? true
        : undefined,
    );

    worker.process.kill('SIGTERM');
    await eventually('draining', async () => ((await worker.get('/readyz')).status === 503 ? true : undefined));
    expect(await worker.get('/readyz')).toEqual({
      status: 503,
      body: { ready: false, checks: { worker: 'draining' } },
    });
    expect(await worker.get('/healthz')).toMatchObject({ status: 200 });
    const text = await worker.metrics();
    expect(seriesOf(text, 'smart_erase_worker_draining')).toBe(1);
    expect(seriesOf(text, 'smart_erase_worker_ready')).toBe(0);
    const later = await stack.request();
    const waiting = await stack.client.start(later);

    expect(await worker.ended).toMatchObject({ code: 0 });
    const [task] = (await stack.admin.tasks()).filter(({ fileId }) => fileId === request.fileId);
    expect(await stack.ledger.submissions.findByTask(task?.taskId ?? '')).toMatchObject({
      state: 'accepted',
      adopted: false,
    });
    expect(await stack.outcomes('ProcessMediaByMPS', later.fileId)).toEqual([]);

    const next = await start();
    expect(await running.result()).toMatchObject({ taskId: task?.taskId });
    expect(await waiting.result()).toMatchObject({ status: 'succeeded' });
    next.process.kill('SIGTERM');
    expect(await next.ended).toMatchObject({ code: 0 });
  });
});

describe('a rolling restart under load', () => {
  it('loses no erase and pays for none twice', { timeout: 240_000 }, async () => {
    const old = [await start(), await start()];
    const handles: EraseHandle[] = [];
    const fileIds: string[] = [];
    let restarting = true;
    let ended = 0;
    const load = (async () => {
      // A steady stream while the workers change, and a few dozen in any case; never more than a slow machine works off.
      while (restarting || handles.length < 36) {
        if (handles.length - ended < 10) {
          const request = await stack.request();
          fileIds.push(request.fileId);
          const handle = await stack.client.start(request);
          handles.push(handle);
          const count = () => {
            ended += 1;
          };
          handle.result().then(count, count);
        }
        await sleep(200);
      }
    })();
    for (const worker of old) {
      const before = handles.length;
      await eventually('some erases', () => (handles.length >= before + 6 ? true : undefined));
      worker.process.kill('SIGTERM');
      expect(await worker.ended).toMatchObject({ code: 0 });
      await start();
    }
    restarting = false;
    await load;

    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results.filter(({ status }) => status !== 'succeeded')).toEqual([]);
    const tasks = await stack.admin.tasks();
    const paid = fileIds.map(
      (id) => tasks.filter(({ fileId, taskId }) => fileId === id && taskId.includes('MPS')).length,
    );
    expect(paid).toEqual(fileIds.map(() => 1));
    expect(new Set(results.map(({ taskId }) => taskId)).size).toBe(handles.length);
  });
});
