import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import { ERROR_CLASSES, type ErrorClass } from '../../src/contract/error-classes.js';
import type { EraseRequest } from '../../src/contract/request.js';
import type { FaultSpec } from '../../src/simulator/index.js';
import { ERROR_CODES } from '../../src/tencent-vod/error-codes.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

/**
 * Every row of the table of vendor codes, on the paid call and on a read, through the real SDK: calls made, what the run
 * becomes, what the person reads. What a class does is written out here a second time, on purpose.
 */
const SUBMIT = 'ProcessMediaByMPS';
const READ = 'DescribeTaskDetail';

/** A code for each row: a pattern stands for all that begin so. */
const codeOf = (row: string) => row.replace(/\*$/, 'SomethingNew');
const rowsOf = (...classes: ErrorClass[]) =>
  ERROR_CODES.filter((row) => row.only === undefined && classes.includes(row.class)).map((row) => codeOf(row.code));

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());

interface Tried {
  request: EraseRequest;
  handle: EraseHandle;
}

async function start(fault: Omit<FaultSpec, 'fileId'>): Promise<Tried> {
  const request = await stack.request();
  await stack.admin.addFault({ ...fault, fileId: request.fileId });
  return { request, handle: await stack.client.start(request) };
}

const calls = ({ request }: Tried, action = SUBMIT) => stack.outcomes(action, request.fileId);

describe('on the paid call', () => {
  describe('a refusal of the request fails the erase after one call', () => {
    it.concurrent.each(rowsOf('input'))('%s', async (code) => {
      const tried = await start({ action: SUBMIT, kind: 'error', code, times: 10 });
      const failure = { class: 'input', code, moneySpent: false, taskId: null };
      await expect(tried.handle.result()).rejects.toMatchObject({
        ...failure,
        requestId: expect.stringMatching(/^[\w-]+$/),
        advice: ERROR_CLASSES.input.advice,
        message: expect.stringContaining(code),
      });
      expect(await calls(tried)).toEqual([code]);
    });
  });

  describe('a call that was not executed is made again, until it is taken', () => {
    it.concurrent.each(rowsOf('throttled', 'retry'))('%s', async (code) => {
      const tried = await start({ action: SUBMIT, kind: 'error', code, times: 1 });
      expect(await tried.handle.result()).toMatchObject({ status: 'succeeded', reused: false });
      const at = (await stack.admin.calls()).filter((c) => c.action === SUBMIT && c.fileId === tried.request.fileId);
      expect(at.map((c) => c.outcome)).toEqual([code, 'ok']);
      const [first, second] = at.map((c) => c.at);
      expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_000);
    });
  });

  describe('a call that may have been executed is adopted when it was', () => {
    it.concurrent.each(rowsOf('ambiguous', 'duplicate'))('%s', async (code) => {
      const tried = await start({ action: SUBMIT, kind: 'error', code, execute: true });
      const { taskId } = await tried.handle.result();
      expect(await calls(tried)).toEqual([code]);
      expect(await stack.ledger.submissions.findByTask(taskId)).toMatchObject({ adopted: true });
    });
  });

  describe('and is made again, once it has settled, when it was not', () => {
    it.concurrent.each(rowsOf('ambiguous'))('%s', async (code) => {
      const tried = await start({ action: SUBMIT, kind: 'error', code });
      expect(await tried.handle.result()).toMatchObject({ status: 'succeeded' });
      expect(await calls(tried)).toEqual([code, 'ok']);
    });
  });

  describe('a duplicate of which there is no task holds, and is never sent again by itself', () => {
    it.concurrent.each(rowsOf('duplicate'))('%s', async (code) => {
      const tried = await start({ action: SUBMIT, kind: 'error', code });
      const held = await eventually('a hold', async () => (await tried.handle.status()).held ?? undefined, 50_000);
      expect(held).toMatchObject({ class: 'uncertain', message: expect.stringContaining(code) });
      expect(await calls(tried)).toEqual([code]);
      await tried.handle.abort({ by: 'test', reason: 'seen' });
    });
  });
});

describe('on a read', () => {
  it.concurrent.each(rowsOf('throttled', 'retry', 'ambiguous', 'duplicate'))('%s is asked again', async (code) => {
    const tried = await start({ action: READ, kind: 'error', code, times: 1 });
    expect(await tried.handle.result()).toMatchObject({ status: 'succeeded' });
    const reads = await calls(tried, READ);
    expect(reads[0]).toBe(code);
    expect(reads.slice(1).every((outcome) => outcome === 'ok')).toBe(true);
  });

  it.concurrent.each(rowsOf('input').filter((code) => code !== 'ResourceNotFound'))(
    '%s ends the run, says that money was spent, and a new start takes the task up',
    async (code) => {
      const tried = await start({ action: READ, kind: 'error', code, times: 1 });
      const failure = await tried.handle.result().catch((error: unknown) => error);
      expect(failure).toMatchObject({ class: 'input', code, moneySpent: true, taskId: expect.stringMatching(/.+/) });
      expect(await stack.client.execute(tried.request)).toMatchObject({ status: 'succeeded', reused: true });
      expect(await calls(tried)).toEqual(['ok']);
    },
  );

  it('ResourceNotFound is asked again: a new task may not be readable yet', async () => {
    const tried = await start({ action: READ, kind: 'error', code: 'ResourceNotFound', times: 2 });
    expect(await tried.handle.result()).toMatchObject({ status: 'succeeded' });
  });
});

// In a describe of its own, after the others: each of these stops all submits.
describe('a refusal of the account holds after one call', () => {
  let tried: Tried;
  // Faults first: a run that goes on must not open the breaker of the next test.
  afterEach(async () => {
    await stack.admin.clearFaults();
    const run = stack.temporal.workflow.getHandle(tried.handle.workflowId);
    await run.terminate('the end of the test').catch(() => undefined);
    await stack.closeBreakers();
  });

  it.each(rowsOf('account'))('%s', async (code) => {
    tried = await start({ action: SUBMIT, kind: 'error', code, times: 10 });
    const held = await eventually('a hold', async () => (await tried.handle.status()).held ?? undefined);
    expect(held).toMatchObject({ class: 'account', code, requestId: expect.stringMatching(/.+/) });
    // One re-sign of a signature that was too old is safe: the vendor did not process the call.
    expect(await calls(tried)).toEqual(code === 'AuthFailure.SignatureExpire' ? [code, code] : [code]);
    await tried.handle.abort({ by: 'test', reason: 'seen' });
    await expect(tried.handle.result()).rejects.toMatchObject({ class: 'aborted' });
  });
});

describe('the command line', () => {
  it('ends with the exit code of the class', async () => {
    const tried = await start({ action: SUBMIT, kind: 'error', code: 'InvalidParameter' });
    await tried.handle.result().catch(() => undefined);
    const { code, stderr } = await runCli(['result', tried.handle.workflowId, '-o', 'json'], stack.env);
    expect(code).toBe(3);
    expect(stderr).toMatch(/InvalidParameter/);
    expect(stderr).toContain(ERROR_CLASSES.input.advice);
  });
});
