import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import { countsOf, ended, normalized, startFed } from '../support/batch.js';
import { SETTINGS } from '../support/batches.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(async () => {
  await stack.admin.clearFaults();
  await stack.closeBreakers();
});

async function held(handle: EraseHandle) {
  return await eventually('a hold', async () => {
    const status = await handle.status();
    return status.phase === 'held' ? status : undefined;
  });
}

const update = (handle: EraseHandle, name: string) =>
  stack.temporal.workflow.getHandle(handle.workflowId).executeUpdate(name, {
    args: [{ by: 'alice', reason: 'looked at it' }],
  });

/** An accepted submit with a lost answer, while the list of tasks contains an unknown status. */
async function unreadableDoubt() {
  const request = await stack.request();
  await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'drop-after-accept', fileId: request.fileId });
  await stack.admin.addFault({
    action: 'DescribeTasks',
    kind: 'patch',
    patch: { 'TaskSet.0.Status': 'SUSPENDED' },
    fileId: request.fileId,
    times: 1_000,
  });
  const handle = await stack.client.start(request);
  return { request, handle, status: await held(handle) };
}

describe('a submit in doubt whose tasks cannot be read', () => {
  it('waits for an operator, and is adopted once they can be', async () => {
    const { request, handle, status } = await unreadableDoubt();
    expect(status).toMatchObject({
      held: { class: 'uncertain', code: 'SubmitUncertain', message: expect.stringMatching(/TaskSet\[0\].Status/) },
      moneySpent: true,
    });
    await stack.admin.clearFaults();
    await update(handle, 'retry');
    expect(await handle.result()).toMatchObject({ status: 'succeeded', reused: false });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['dropped']);
  });

  it('takes the task that an operator names, after looking whether it can be', async () => {
    const { request, handle } = await unreadableDoubt();
    const retry = (taskId: string) => handle.retry({ by: 'alice', reason: 'seen in the console', taskId });
    await retry('1500000001-ProcessMediaByMPS-nosuchtask');
    await eventually('the second hold', async () => {
      const { held } = await handle.status();
      return held?.message.includes('nosuchtask, which alice named, cannot be read') ? true : undefined;
    });
    await expect(
      stack.temporal.workflow
        .getHandle(handle.workflowId)
        .executeUpdate('skip', { args: [{ by: 'alice', reason: 'r', taskId: 't' }] }),
    ).rejects.toMatchObject({ cause: { message: expect.stringMatching(/only to retry a submit in doubt/) } });

    // Another file's task: by now the list can be read, and says so.
    const other = await stack.request();
    const { taskId: foreign } = await (await stack.client.start(other)).result();
    await stack.admin.clearFaults();
    await retry(foreign);
    await eventually('the third hold', async () => {
      const { held } = await handle.status();
      return held?.message.includes(`${foreign}, which alice named, is not among`) ? true : undefined;
    });
    const task = (await stack.admin.tasks()).find((each) => each.fileId === request.fileId);
    await retry(task?.taskId ?? '');
    expect(await handle.result()).toMatchObject({ status: 'succeeded', reused: false, taskId: task?.taskId });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['dropped']);
  });

  it('is not paid for again once the vendor lists no tasks that old, unless somebody says so', async () => {
    const request = await stack.request();
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'drop-before', fileId: request.fileId });
    const handle = await stack.client.start(request);
    await eventually('the lost submit', async () =>
      (await stack.outcomes('ProcessMediaByMPS', request.fileId)).length === 1 ? true : undefined,
    );
    await stack.temporal.workflow.getHandle(handle.workflowId).terminate('no worker for days');
    await stack.sql(
      `update submission set place_at = place_at - interval '73 hours' where workflow_id = '${handle.workflowId}'`,
    );
    const later = await stack.client.start(request);
    await expect(later.result()).rejects.toMatchObject({
      class: 'expired',
      code: 'SubmitUncertain',
      moneySpent: true,
      message: expect.stringContaining('more than three days ago'),
    });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toHaveLength(1);
    const paid = await stack.client.start({
      ...request,
      payAgain: { token: 'order-after-days', reason: 'nobody knows' },
    });
    expect(await paid.result()).toMatchObject({ status: 'succeeded' });
  });

  it('counts as paid for when it is skipped', async () => {
    const { handle } = await unreadableDoubt();
    await update(handle, 'skip');
    await expect(handle.result()).rejects.toMatchObject({ class: 'skipped', moneySpent: true });
  });

  it('counts as paid for when it is cancelled, and no decision is taken while that goes on', async () => {
    const { request, handle } = await unreadableDoubt();
    await stack.admin.clearFaults();
    const fault = { action: 'DescribeTasks', fileId: request.fileId } as const;
    await stack.admin.addFault({ ...fault, kind: 'error', code: 'InternalError', times: 2 });
    await stack.admin.addFault({ ...fault, kind: 'patch', patch: { 'TaskSet.0.Status': 'SUSPENDED' }, times: 1_000 });
    await handle.cancel('not needed');
    await eventually('the cancel under way', async () => {
      const { raw } = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
      return raw.pendingActivities?.some((a) => a.activityId === 'cancel-task') ? true : undefined;
    });
    await expect(update(handle, 'retry')).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/is being cancelled/) },
    });
    await expect(handle.result()).rejects.toMatchObject({
      class: 'cancelled',
      code: 'InDoubt',
      moneySpent: true,
    });
  });
});

describe('money that is gone', () => {
  it('is told of when the submit after a failed task is cancelled', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'task-failure',
      code: 'InternalError',
      fileId: request.fileId,
    });
    await stack.admin.addFault({ action: 'DescribeTaskDetail', kind: 'delay', ms: 700, fileId: request.fileId });
    const handle = await stack.client.start(request);
    await eventually('the first submit', async () =>
      (await stack.outcomes('ProcessMediaByMPS', request.fileId)).length === 1 ? true : undefined,
    );
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'UnauthorizedOperation',
      fileId: request.fileId,
    });
    const { taskId } = await held(handle);
    await handle.cancel('enough');
    await expect(handle.result()).rejects.toMatchObject({
      class: 'cancelled',
      taskId,
      moneySpent: true,
      message: expect.stringMatching(/failed, and was paid for/),
    });
  });

  it('is not told of for a task that was aborted while it waited', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'ABORTED' },
      fileId: request.fileId,
      times: 1_000,
    });
    await expect(stack.client.execute(request)).rejects.toMatchObject({ class: 'aborted', moneySpent: false });
  });
});

describe('a batch that was cancelled while its submits were in doubt', () => {
  it('says so in every place: outcome, item, cost, redrive, and the redrive’s budget holds', async () => {
    const requests = await Promise.all([0, 1, 2].map(async () => normalized(await stack.request())));
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'drop-before', times: 1_000 });
    const id = await startFed(stack, requests, { estimatedUsd: 0.04 });
    await eventually('all are in doubt', async () => {
      const { rows } = await stack.query(`select count(*)::integer as n from submission
        where batch_id = '${id}' and state = 'sending' and error_class = 'ambiguous'`);
      return rows[0].n === 3 || undefined;
    });
    await stack.ledger.batches.change(id, { action: 'cancel', by: 'ann', reason: 'an outage' });
    expect(countsOf(await ended(stack, id, 60_000))).toEqual({ cancelled: 3 });
    const items = await stack.ledger.batches.items(id, { limit: 10 });
    for (const item of items) {
      expect(item).toMatchObject({ errorCode: 'InDoubt', taskId: null });
      expect(item.errorMessage).toContain('no task of it is listed; it counts as spent');
      expect(item.costUsd).toBeGreaterThan(0);
    }
    const cost = (await stack.ledger.costs.report({ by: 'batch' })).find(({ group }) => group === id);
    expect(cost).toMatchObject({ ambiguous: 3, accepted: 0 });
    const selection = { batchId: id, failed: false, notStarted: false, classes: [], codes: [] };
    const plan = await stack.ledger.redrives.plan(selection, { list: 10 });
    expect(plan?.groups).toMatchObject([{ kind: 'inDoubt', items: 3 }]);
    expect(plan?.groups[0]?.estimatedUsd).toBeGreaterThan(0.1);
    await stack.admin.clearFaults();
    const by = { requestedBy: 'ann', reason: 'the outage is over', payAgainReason: null };
    const settings = { ...SETTINGS, tolerate: null, maxCostUsd: 0.01 };
    await stack.ledger.redrives.create({ ...selection, ...by, newBatchId: `${id}-again`, settings });
    const { startFeederOn } = await import('../../src/temporal/feeder-start.js');
    const { namesWith } = await import('../../src/contract/names.js');
    await startFeederOn(stack.temporal, `${id}-again`, namesWith(''));
    const waits = await eventually('its budget', async () => {
      const snapshot = await stack.ledger.batches.snapshot(`${id}-again`);
      return snapshot?.waitingFor === 'budget' ? snapshot : undefined;
    });
    expect(waits).toMatchObject({ spentUsd: 0, counts: { pending: 3 } });
    for (const { fileId } of requests) {
      expect(await stack.outcomes('ProcessMediaByMPS', fileId)).not.toContain('ok');
    }
    await stack.ledger.batches.change(`${id}-again`, { action: 'cancel', by: 'ann', reason: 'enough' });
    await ended(stack, `${id}-again`);
  }, 120_000);
});

describe('two payments of one file and recipe', () => {
  it('get a task each, though one in doubt takes the other’s before that is written down', async () => {
    const request = await stack.request();
    const again = { ...request, payAgain: { token: 'order-2', reason: 'a second copy' } };
    const blocker = new pg.Client({ connectionString: stack.env.DATABASE_URL });
    await blocker.connect();
    try {
      await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'delay', ms: 900, fileId: request.fileId });
      const second = await stack.client.start(again);
      // The call is out, and its answer on the way: only now, since a busy worker may need another slot before.
      await eventually('the task of the second', async () =>
        (await stack.admin.tasks()).some((t) => t.fileId === request.fileId) ? true : undefined,
      );
      await blocker.query('begin');
      const { rows } = await blocker.query(
        "select task_id from submission join erase on erase.id = erase_id where pay_token = 'order-2' for update of submission",
      );
      expect(rows).toEqual([{ task_id: null }]);
      for (const fault of [{ kind: 'drop-after-accept' }, { kind: 'late-listing', ms: 4_000 }] as const) {
        await stack.admin.addFault({ action: 'ProcessMediaByMPS', fileId: request.fileId, ...fault });
      }
      const first = await stack.client.start(request);
      const taken = await eventually('the first to take the task', async () => {
        const status = await first.status();
        return status.taskId === null ? undefined : status.taskId;
      });
      await blocker.query('commit');
      const results = await Promise.all([first.result(), second.result()]);
      expect(results[0]).toMatchObject({ taskId: taken, reused: false });
      expect(results[1]).toMatchObject({ reused: false });
      const tasks = (await stack.admin.tasks()).filter((t) => t.fileId === request.fileId).map((t) => t.taskId);
      expect(tasks).toHaveLength(2);
      expect(results.map((r) => r.taskId).sort()).toEqual(tasks.sort());
    } finally {
      await blocker.end();
    }
  });
});
