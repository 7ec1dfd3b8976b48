import type { Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EraseCancelledError, EraseClient, type EraseHandle, type EraseRequest } from '../../src/client.js';
import { countsOf, ended, newRequests, startFed, until } from '../support/batch.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { resetRun } from '../support/reset.js';
import { vodClient } from '../support/simulator.js';

/** Every task waits at the vendor until its clock is moved on. */
const WAITS_MS = 3_600_000;
const OLDER_MS = WAITS_MS + 60_000;

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({ simulator: { taskDurationMs: 300, taskWaitMs: WAITS_MS } });
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(async () => {
  await stack.admin.clearFaults();
  await stack.closeBreakers();
});

const submits = ({ fileId }: EraseRequest, on = stack) => on.outcomes('ProcessMediaByMPS', fileId);

async function waits(handle: EraseHandle): Promise<EraseHandle> {
  await eventually(`${handle.workflowId} to wait`, async () =>
    (await handle.status()).phase === 'waiting' ? true : undefined,
  );
  return handle;
}

/** A run that waits for the task of `request`, under a key of its own. */
async function joins(request: EraseRequest, name: string, fields: Partial<EraseRequest> = {}, client = stack.client) {
  return await waits(await client.start({ ...request, key: `${name}-${request.fileId}`, ...fields }));
}

async function cancelled(handle: EraseHandle): Promise<EraseCancelledError> {
  const error = await handle.result().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(EraseCancelledError);
  return error as EraseCancelledError;
}

async function cancel(handle: EraseHandle): Promise<EraseCancelledError> {
  await handle.cancel('a test');
  return await cancelled(handle);
}

const failureOf = (handle: EraseHandle) => handle.result().catch((error: unknown) => error);

const taskOf = async ({ fileId }: EraseRequest, on = stack) =>
  (await on.admin.tasks()).filter((t) => t.fileId === fileId).map(({ status }) => status);

/** What the counters of money have of a file: null for each submission that costs nothing. */
async function counted({ fileId }: EraseRequest, on = stack): Promise<unknown[]> {
  const { rows } = await on.query(`select cost_day from submission join erase on erase.id = erase_id
    where file_id = '${fileId}' order by number`);
  return rows.map((row) => row.cost_day);
}

async function abortInConsole(request: EraseRequest): Promise<void> {
  const [task] = (await stack.admin.tasks()).filter((t) => t.fileId === request.fileId && t.status === 'WAITING');
  await vodClient(stack.simulator.url).ManageTask({
    TaskId: task?.taskId ?? '',
    OperationType: 'Abort',
    SubAppId: request.subAppId,
  });
}

describe('a cancel of the run that paid, while others wait for its task', () => {
  it('leaves the task to them, and says so; they get its result', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const other = await joins(request, 'other');
    const error = await cancel(payer);
    expect(error).toMatchObject({ moneySpent: true, code: 'RunsOn' });
    expect(error.message).toContain(`runs on for 1 other run that waits for it (${other.workflowId}) and is billed`);
    expect(await taskOf(request)).toEqual(['WAITING']);
    await stack.admin.age(OLDER_MS);
    expect(await other.result()).toMatchObject({ status: 'succeeded', reused: true });
    expect(await submits(request)).toEqual(['ok']);
  });

  it('names how many there are, also of another payment than the first', async () => {
    const request = await stack.request({ payAgain: { token: 'twice', reason: 'a test' } });
    const payer = await waits(await stack.client.start(request));
    const others = [await joins(request, 'one'), await joins(request, 'two')];
    expect((await cancel(payer)).message).toContain('runs on for 2 other runs that wait for it');
    await stack.admin.age(OLDER_MS);
    for (const other of others) expect(await other.result()).toMatchObject({ status: 'succeeded' });
    expect(await submits(request)).toEqual(['ok']);
  });

  it('says the same of a task that is processed already', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const other = await joins(request, 'other');
    const patch = { Status: 'PROCESSING' };
    const { fileId } = request;
    await stack.admin.addFault({ action: 'DescribeTaskDetail', kind: 'patch', patch, fileId, times: 1_000 });
    const error = await cancel(payer);
    expect(error).toMatchObject({ moneySpent: true, code: 'RunsOn', message: expect.stringContaining('1 other run') });
    await stack.admin.clearFaults();
    await cancel(other);
  });

  it('leaves it to a run of another prefix', async () => {
    const request = await stack.request();
    const group = await stack.startWorker({ SMART_ERASE_PREFIX: 'media' });
    expect(group.taskQueues).toContain('media-smart-erase');
    const client = await EraseClient.connect({
      connection: stack.temporal.connection as Connection,
      namespace: stack.env.TEMPORAL_NAMESPACE as string,
      prefix: 'media',
    });
    try {
      const payer = await waits(await stack.client.start(request));
      const other = await waits(await client.start(request));
      expect(await cancel(payer)).toMatchObject({ code: 'RunsOn', message: expect.stringContaining(other.workflowId) });
      await stack.admin.age(OLDER_MS);
      expect(await other.result()).toMatchObject({ status: 'succeeded', reused: true });
    } finally {
      await client.close();
    }
  });

  it('leaves it to a run that was reset meanwhile', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const other = await joins(request, 'other');
    await resetRun(stack, other.workflowId);
    expect(await cancel(payer)).toMatchObject({ code: 'RunsOn', moneySpent: true });
    await stack.admin.age(OLDER_MS);
    expect(await stack.client.getHandle(other.workflowId).result()).toMatchObject({ status: 'succeeded' });
    expect(await submits(request)).toEqual(['ok']);
  });

  it('aborts it where those who joined were terminated, and where none waits any more', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const [gone, left] = [await joins(request, 'gone'), await joins(request, 'left')];
    await stack.temporal.workflow.getHandle(gone.workflowId).terminate('a test');
    expect(await cancel(left)).toMatchObject({ code: 'AnotherRunsTask', moneySpent: false });
    expect(await cancel(payer)).toMatchObject({ code: 'Aborted', moneySpent: false });
    expect(await taskOf(request)).toEqual(['ABORTED']);
    expect(await counted(request)).toEqual([null]);
  });
});

describe('the last run that waits for what its payer left', () => {
  it('aborts it when it is cancelled, and then it costs nothing', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const [one, two] = [await joins(request, 'one'), await joins(request, 'two')];
    expect(await cancel(payer)).toMatchObject({ code: 'RunsOn' });
    expect(await cancel(two)).toMatchObject({ code: 'AnotherRunsTask', moneySpent: false });
    expect(await taskOf(request)).toEqual(['WAITING']);
    expect(await cancel(one)).toMatchObject({ code: 'Aborted', moneySpent: false });
    expect(await taskOf(request)).toEqual(['ABORTED']);
    expect(await counted(request)).toEqual([null]);
  });

  it('leaves it alone while the payer, started again, waits for it', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const other = await joins(request, 'other');
    await cancel(payer);
    const again = await waits(await stack.client.start(request));
    expect(await again.status()).toMatchObject({ reused: true, moneySpent: true });
    expect(await cancel(other)).toMatchObject({ code: 'AnotherRunsTask', moneySpent: false });
    expect(await taskOf(request)).toEqual(['WAITING']);
    expect(await cancel(again)).toMatchObject({ code: 'Aborted', moneySpent: false });
    expect(await submits(request)).toEqual(['ok']);
  });

  it('spent nothing when it is too late to abort it', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const other = await joins(request, 'other');
    await cancel(payer);
    const patch = { Status: 'PROCESSING' };
    const { fileId } = request;
    await stack.admin.addFault({ action: 'DescribeTaskDetail', kind: 'patch', patch, fileId, times: 1_000 });
    expect(await cancel(other)).toMatchObject({ code: 'AnotherRunsTask', moneySpent: false });
  });
});

describe('a task whose payer', () => {
  it('was terminated goes on for the others, and is not aborted by them', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const [one, two] = [await joins(request, 'one'), await joins(request, 'two')];
    await stack.temporal.workflow.getHandle(payer.workflowId).terminate('a test');
    expect(await cancel(one)).toMatchObject({ code: 'AnotherRunsTask', moneySpent: false });
    expect(await taskOf(request)).toEqual(['WAITING']);
    await stack.admin.age(OLDER_MS);
    expect(await two.result()).toMatchObject({ status: 'succeeded', reused: true });
  });

  it('and all others are cancelled at once is aborted, and nothing is counted', async () => {
    const request = await stack.request();
    const handles = [await waits(await stack.client.start(request))];
    for (const name of ['one', 'two']) handles.push(await joins(request, name));
    await Promise.all(handles.map((handle) => handle.cancel('all of it')));
    const errors = await Promise.all(handles.map(cancelled));
    expect(await taskOf(request)).toEqual(['ABORTED']);
    expect(await counted(request)).toEqual([null]);
    const task = errors[0]?.taskId ?? '';
    for (const { code, message } of errors) {
      expect(['Aborted', 'AnotherRunsTask', 'RunsOn']).toContain(code);
      expect(message).toContain(task);
    }
    expect(errors.map(({ code }) => code)).toContain('Aborted');
  });

  it('and the last other are cancelled while the vendor cannot be read is aborted once it can', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const other = await joins(request, 'other');
    const { fileId } = request;
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'error',
      code: 'InternalError',
      fileId,
      times: 1_000,
    });
    await payer.cancel('a test');
    await eventually('the task to be left', async () => {
      const { rows } = await stack.query(`select 1 from submission join erase on erase.id = erase_id
        where file_id = '${fileId}' and left_to_others_at is not null`);
      return rows.length > 0 || undefined;
    });
    await other.cancel('a test');
    await eventually('nobody to wait', async () => {
      const { rows } = await stack.query(`select 1 from waiter join submission using (task_id)
        join erase on erase.id = erase_id where file_id = '${fileId}'`);
      return rows.length === 0 || undefined;
    });
    await stack.admin.clearFaults();
    for (const handle of [payer, other]) {
      expect(await cancelled(handle)).toMatchObject({ code: 'Aborted', moneySpent: false });
    }
    expect(await taskOf(request)).toEqual(['ABORTED']);
    expect(await counted(request)).toEqual([null]);
  });
});

describe('a run whose joined task was aborted', () => {
  it('submits for itself, while the one that paid fails', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const other = await joins(request, 'other');
    await abortInConsole(request);
    expect(await failureOf(payer)).toMatchObject({ class: 'aborted', code: 'Aborted', moneySpent: false });
    await eventually('a task of its own', async () => (await taskOf(request)).includes('WAITING') || undefined);
    await waits(other);
    expect(await other.status()).toMatchObject({ reused: false, moneySpent: true });
    await stack.admin.age(OLDER_MS);
    expect(await other.result()).toMatchObject({ status: 'succeeded', reused: false });
    expect(await submits(request)).toEqual(['ok', 'ok']);
  });

  it('joins again, and after that fails, so that it never goes round and round', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const others = [await joins(request, 'one'), await joins(request, 'two')];
    await abortInConsole(request);
    await failureOf(payer);
    const statuses = await eventually('both to wait for one new task', async () => {
      const both = await Promise.all(others.map((other) => other.status()));
      const ids = new Set(both.map(({ taskId }) => taskId));
      const waiting = both.every(({ phase }) => phase === 'waiting');
      return waiting && ids.size === 1 && (await taskOf(request)).includes('WAITING') ? both : undefined;
    });
    expect(statuses.map(({ moneySpent }) => moneySpent).sort()).toEqual([false, true]);
    await abortInConsole(request);
    for (const other of others) expect(await failureOf(other)).toMatchObject({ class: 'aborted', moneySpent: false });
    expect(await submits(request)).toEqual(['ok', 'ok']);
  });

  it('fails when it may not pay, and is held where a cap leaves no room', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    const never = await joins(request, 'never', { neverPay: true });
    const capped = await joins(request, 'capped');
    await stack.ledger.caps.change({ scope: 'all', period: 'total', limitUsd: 0, by: 'test', reason: 'a test' });
    try {
      await abortInConsole(request);
      await failureOf(payer);
      expect(await failureOf(never)).toMatchObject({ class: 'aborted', moneySpent: false });
      await eventually('a hold', async () => ((await capped.status()).phase === 'held' ? true : undefined));
      expect(await capped.status()).toMatchObject({ held: { class: 'cap' }, moneySpent: false, reused: false });
      expect(await submits(request)).toEqual(['ok']);
      await cancel(capped);
    } finally {
      await stack.sql('update cap set limit_usd = null');
    }
  });

  it('after a reset is its own, if its workflow paid', async () => {
    const request = await stack.request();
    const payer = await waits(await stack.client.start(request));
    await resetRun(stack, payer.workflowId);
    const again = await waits(stack.client.getHandle(payer.workflowId));
    await abortInConsole(request);
    expect(await failureOf(again)).toMatchObject({ class: 'aborted', moneySpent: false });
    expect(await submits(request)).toEqual(['ok']);
  });
});

describe('a batch that is cancelled', () => {
  it('leaves what another batch, and a service, wait for', { timeout: 120_000 }, async () => {
    const requests = await newRequests(stack, 2);
    const [request] = requests;
    if (request === undefined) throw new Error();
    const first = await startFed(stack, requests);
    await until(stack, first, 'tasks', ({ counts }) => counts.running === 2);
    await eventually('both tasks', async () => {
      const tasks = (await stack.admin.tasks()).filter(({ fileId }) => requests.some((r) => r.fileId === fileId));
      return tasks.length === 2 || undefined;
    });
    const keyed = requests.map((each) => ({ ...each, key: `second-${each.fileId}` }));
    const second = await startFed(stack, keyed);
    const handles = keyed.map(({ key }) => stack.client.getHandle({ key }));
    for (const handle of handles) {
      await eventually('the second batch to wait', async () => {
        const { phase } = await handle.status().catch(() => ({ phase: null }));
        return phase === 'waiting' || undefined;
      });
    }
    const service = await joins(request, 'service');
    await stack.ledger.batches.change(first, { action: 'cancel', by: 'tester', reason: 'a test' });
    expect(countsOf(await ended(stack, first, 60_000))).toEqual({ cancelled: 2 });
    await stack.admin.age(OLDER_MS);
    expect(await service.result()).toMatchObject({ status: 'succeeded', reused: true });
    expect(countsOf(await ended(stack, second, 60_000))).toEqual({ reused: 2 });
    for (const each of requests) expect(await submits(each)).toEqual(['ok']);
  });
});

describe('with the completion watch', () => {
  it('a task is left, read by it, and aborted by the last, all the same', { timeout: 120_000 }, async () => {
    const watched = await EraseStack.start({
      simulator: { taskDurationMs: 300, taskWaitMs: WAITS_MS },
      env: { SMART_ERASE_WATCH: 'on', VOD_WATCH_INTERVAL_SECONDS: '1' },
    });
    try {
      await watched.startWorker();
      const [read, ended] = [await watched.request(), await watched.request()];
      const run = async (request: EraseRequest) => ({
        payer: await waits(await watched.client.start(request)),
        other: await joins(request, 'other', {}, watched.client),
      });
      const [one, two] = [await run(read), await run(ended)];
      expect(await cancel(one.payer)).toMatchObject({ code: 'RunsOn', moneySpent: true });
      expect(await cancel(two.payer)).toMatchObject({ code: 'RunsOn', moneySpent: true });
      expect(await cancel(two.other)).toMatchObject({ code: 'Aborted', moneySpent: false });
      expect(await taskOf(ended, watched)).toEqual(['ABORTED']);
      await watched.admin.age(OLDER_MS);
      expect(await one.other.result()).toMatchObject({ status: 'succeeded', reused: true });
      expect(await submits(read, watched)).toEqual(['ok']);
      expect(await counted(ended, watched)).toEqual([null]);
    } finally {
      await watched.stop();
    }
  });
});
