import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import { runCli, startCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { replaceRun, resetRun } from '../support/runs.js';

/** A review that nobody decides before a test does: a run that is there for as long as a test wants. */
const REVIEW = { timeoutHours: 24 };
const OK = { by: 'tester', reason: 'good' };

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterEach(() => stack.admin.clearFaults());
afterAll(() => stack.stop());

async function inReview(): Promise<EraseHandle> {
  const handle = await stack.client.start(await stack.request({ review: REVIEW }));
  await untilPhase(handle.workflowId, 'review');
  return handle;
}

const untilPhase = (workflowId: string, phase: string) =>
  eventually(`${workflowId} in ${phase}`, async () => {
    const status = await stack.client.getHandle(workflowId).status();
    return status.phase === phase ? status : undefined;
  });

async function approve(workflowId: string): Promise<void> {
  await untilPhase(workflowId, 'review');
  await stack.client.getHandle(workflowId).approve(OK);
}

const paid = async ({ workflowId }: EraseHandle) =>
  (await stack.outcomes('ProcessMediaByMPS', workflowId.split('/')[2])).filter((outcome) => outcome === 'ok').length;

describe('a run that somebody waits for', () => {
  it.each([
    ['by its run id', false],
    ['by its id alone', true],
  ] as const)('and that is reset, again and again, gives its result to whoever waits %s', async (_how, anew) => {
    const handle = await inReview();
    const waiting = (anew ? stack.client.getHandle(handle.workflowId) : handle).result();
    let runId = handle.runId;
    for (let time = 0; time < 3; time += 1) {
      runId = await resetRun(stack, handle.workflowId, runId);
      await untilPhase(handle.workflowId, 'review');
    }
    expect(await handle.status()).toMatchObject({ runId, phase: 'review', execution: 'running' });
    await expect(handle.result({ wait: false })).rejects.toMatchObject({ code: 'StillRunning' });
    await approve(handle.workflowId);
    const result = await waiting;
    expect(result).toMatchObject({ status: 'succeeded' });
    expect(await handle.result({ wait: false })).toEqual(result);
    expect(await handle.status()).toMatchObject({ runId, phase: 'succeeded', result });
    expect(await paid(handle)).toBe(1);
  });

  it('and that another start replaces, with no memo, is followed to the new one', async () => {
    const handle = await inReview();
    const waiting = handle.result();
    const { request } = await handle.status();
    const runId = await replaceRun(stack, handle.workflowId, request);
    await untilPhase(handle.workflowId, 'review');
    expect(await handle.status()).toMatchObject({ runId, phase: 'review' });
    await approve(handle.workflowId);
    expect(await waiting).toMatchObject({ status: 'succeeded' });
    expect(await paid(handle)).toBe(1);
  });

  it('and that is reset, is cancelled where it went', async () => {
    const handle = await inReview();
    const runId = await resetRun(stack, handle.workflowId, handle.runId);
    await untilPhase(handle.workflowId, 'review');
    expect(await handle.cancel('not needed', 'ann')).toBe('requested');
    await expect(handle.result()).rejects.toMatchObject({ class: 'cancelled' });
    expect(await handle.status()).toMatchObject({ runId, phase: 'cancelled' });
    expect(await handle.cancel('again', 'ann')).toBe('already-ended');
  });

  it('and that had failed when it was reset, gives what came of the reset', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'InvalidParameterValue',
      fileId: request.fileId,
    });
    const handle = await stack.client.start(request);
    await expect(handle.result()).rejects.toMatchObject({ class: 'input' });
    const runId = await resetRun(stack, handle.workflowId, handle.runId);
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
    expect(await handle.status()).toMatchObject({ runId, phase: 'succeeded' });
  });

  it('and that failed by itself, keeps its own end whatever is started after it', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'InvalidParameterValue',
      fileId: request.fileId,
    });
    const handle = await stack.client.start(request);
    await expect(handle.result()).rejects.toMatchObject({ class: 'input' });
    const next = await stack.client.start(request);
    expect(await next.result()).toMatchObject({ status: 'succeeded' });
    expect(next.runId).not.toBe(handle.runId);
    await expect(handle.result()).rejects.toMatchObject({ class: 'input' });
    expect(await handle.status()).toMatchObject({ runId: handle.runId, phase: 'failed' });
  });

  it('and that was cancelled, does not become the run of the next who wants that erase', async () => {
    const handle = await inReview();
    await handle.cancel('not needed');
    await expect(handle.result()).rejects.toMatchObject({ class: 'cancelled' });
    const next = await stack.client.start({ ...(await handle.status()).request, review: undefined } as never);
    await expect(handle.result()).rejects.toMatchObject({ class: 'cancelled' });
    expect(await handle.cancel('again')).toBe('already-ended');
    expect(await next.result()).toMatchObject({ status: 'succeeded' });
  });

  it('and that was terminated with nothing after it, is aborted; started again, it is followed', async () => {
    const handle = await inReview();
    await stack.temporal.workflow.getHandle(handle.workflowId).terminate('enough');
    await expect(handle.result()).rejects.toMatchObject({ class: 'aborted', code: 'Terminated' });
    expect(await handle.status()).toMatchObject({ execution: 'terminated', phase: 'failed' });
    const next = await stack.client.start((await handle.status()).request as never);
    expect(await handle.status()).toMatchObject({ runId: next.runId });
    await approve(handle.workflowId);
    expect(await handle.result()).toEqual(await next.result());
  });
});

describe('start --wait', () => {
  it('gives the result of a run that is reset while it waits, and ends with 0', async () => {
    const { fileId } = await stack.request();
    const command = startCli(
      ['start', fileId, '--recipe', 'subtitles', '--review', JSON.stringify(REVIEW), '--wait', '-o', 'json'],
      { ...stack.env, VOD_SUB_APP_ID: '1500000001' },
    );
    const listed = await eventually('the run', async () => {
      for await (const row of stack.client.list({})) if (row.fileId === fileId) return row;
      return undefined;
    });
    await untilPhase(listed.workflowId, 'review');
    const runId = await resetRun(stack, listed.workflowId);
    await untilPhase(listed.workflowId, 'review');
    await approve(listed.workflowId);
    const end = await command.ended;
    expect([end.code, JSON.parse(end.stdout)]).toEqual([
      0,
      expect.objectContaining({ status: 'succeeded', sourceFileId: fileId }),
    ]);
    const status = await runCli(['status', listed.workflowId, '-o', 'json'], stack.env);
    expect(JSON.parse(status.stdout)).toMatchObject({ runId, phase: 'succeeded' });
  });
});
