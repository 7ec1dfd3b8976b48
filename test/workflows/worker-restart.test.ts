import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import type { EraseRequest } from '../../src/contract/request.js';
import type { FaultSpec } from '../../src/simulator/index.js';
import { type RunningCli, startCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

/** How long the vendor holds an answer back here: longer than it takes to bring every erase to its moment. */
const HELD_BACK_MS = 12_000;

let stack: EraseStack;
let worker: RunningCli;

beforeAll(async () => {
  stack = await EraseStack.start({
    simulator: { taskDurationMs: 1_000 },
    env: { VOD_REQUEST_TIMEOUT_SECONDS: '20', VOD_SETTLE_SECONDS: '46' },
  });
});
afterAll(async () => {
  worker?.process.kill('SIGKILL');
  await stack.stop();
});

async function startWorkerProcess(): Promise<RunningCli> {
  const started = startCli(['worker', '-o', 'json'], stack.env, { timeoutMs: 170_000 });
  await eventually('the worker to be ready', () => (started.stdout().includes('"ready":true') ? true : undefined));
  return started;
}

async function start(
  fields: Partial<EraseRequest>,
  fault?: FaultSpec,
): Promise<{ request: EraseRequest; handle: EraseHandle }> {
  const request = await stack.request(fields);
  if (fault !== undefined) await stack.admin.addFault({ fileId: request.fileId, ...fault });
  return { request, handle: await stack.client.start(request) };
}

const tasksOf = async ({ fileId }: EraseRequest) => (await stack.admin.tasks()).filter((t) => t.fileId === fileId);

const inPhase = (handle: EraseHandle, phase: string) =>
  eventually(phase, async () => ((await handle.status()).phase === phase ? true : undefined));

describe('a worker', () => {
  it('killed while its erases are in every phase loses none and pays for none twice', {
    timeout: 180_000,
  }, async () => {
    worker = await startWorkerProcess();
    const held = await start({}, { action: 'ProcessMediaByMPS', kind: 'error', code: 'UnauthorizedOperation' });
    await inPhase(held.handle, 'held');
    // Only this one is meant to be held.
    await stack.closeBreakers();
    // The procedure is held back after the vendor executed it: the repetition must not start it twice.
    const publishing = await start(
      { publish: { name: 'p', procedure: 'flow' } },
      // It is run on the new file, whose id is not known yet.
      { action: 'ProcessMediaByProcedure', kind: 'delay', ms: HELD_BACK_MS, fileId: undefined },
    );
    await inPhase(publishing.handle, 'publishing');
    const fetching = await start({}, { action: 'DescribeTaskDetail', kind: 'delay', ms: HELD_BACK_MS, times: 2 });
    const waiting = await start(
      {},
      {
        action: 'DescribeTaskDetail',
        kind: 'patch',
        patch: { Status: 'PROCESSING' },
        times: 20,
      },
    );
    await inPhase(waiting.handle, 'waiting');
    const submitting = await start({}, { action: 'ProcessMediaByMPS', kind: 'delay', ms: HELD_BACK_MS });
    await eventually('the submit at the vendor', async () =>
      (await tasksOf(submitting.request)).length > 0 ? true : undefined,
    );

    const gone = once(worker.process, 'exit');
    worker.process.kill('SIGKILL');
    await gone;
    worker = await startWorkerProcess();
    await stack.temporal.workflow
      .getHandle(held.handle.workflowId)
      .executeUpdate('retry', { args: [{ by: 'alice', reason: 'account is fine again' }] });

    for (const { request, handle } of [held, publishing, fetching, waiting, submitting]) {
      const result = await handle.result();
      expect(result).toMatchObject({ status: 'succeeded', reused: false });
      expect(
        (await tasksOf(request)).filter((t) => t.taskId.includes('ProcessMediaByMPS')).map((t) => t.taskId),
      ).toEqual([result.taskId]);
    }
    // Its answer was lost with the worker: the task was found.
    const { taskId } = await submitting.handle.result();
    expect(await stack.ledger.submissions.findByTask(taskId)).toMatchObject({ adopted: true });
    const published = await publishing.handle.result();
    const procedures = await stack.outcomes('ProcessMediaByProcedure', published.resultFileId ?? '');
    expect(procedures.filter((outcome) => outcome === 'ok')).toHaveLength(1);
  });

  it('that is told to stop lets a submit end, and exits cleanly', { timeout: 120_000 }, async () => {
    const { request, handle } = await start({}, { action: 'ProcessMediaByMPS', kind: 'delay', ms: 3_000 });
    await eventually('the submit at the vendor', async () => ((await tasksOf(request)).length > 0 ? true : undefined));
    worker.process.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 0 });
    const [task] = await tasksOf(request);
    expect(await stack.ledger.submissions.findByTask(task?.taskId ?? '')).toMatchObject({
      state: 'accepted',
      adopted: false,
    });
    worker = await startWorkerProcess();
    expect(await handle.result()).toMatchObject({ taskId: task?.taskId });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['ok']);
  });
});
