import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { EraseRunStatus } from '../../src/client.js';
import { LedgerGauges } from '../../src/metrics/ledger-gauges.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { resetRun } from '../support/reset.js';

const by = { by: 'test', reason: 'a test' };
let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(() => stack.closeBreakers());

async function held(): Promise<EraseRunStatus> {
  const request = await stack.request();
  const fault = { kind: 'error', code: 'UnauthorizedOperation', fileId: request.fileId } as const;
  await stack.admin.addFault({ action: 'ProcessMediaByMPS', ...fault });
  const { workflowId } = await stack.client.start(request);
  const status = await eventually('a hold', async () => {
    const now = await stack.client.getHandle(workflowId).status();
    return now.held === null ? undefined : now;
  });
  await stack.closeBreakers();
  return status;
}

async function heldErases(): Promise<number> {
  const registry = new Registry();
  await new LedgerGauges(registry, stack.ledger.state, 72 * 3_600).refresh();
  const found = (await registry.metrics()).match(/^smart_erase_holds\{class="account"\} (\d+)$/m);
  return Number(found?.[1] ?? 0);
}

const runsOf = async (workflowId: string) => (await stack.ledger.holds.list({ workflowId })).map(({ runId }) => runId);

/** A worker looks when it starts, and then every minute. */
async function afterFiveMinutes(): Promise<void> {
  await stack.sql("update hold set seen_at = clock_timestamp() - interval '301 s'");
  await stack.sql("update run_phase set seen_at = clock_timestamp() - interval '301 s'");
  await stack.startWorker();
}

async function listed(phase: 'held', status?: 'terminated'): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of stack.client.list({ phase, status })) ids.push(workflowId);
  return ids;
}

it('the hold of a run that was terminated ends, and is listed no more; that of one that is open stays', async () => {
  const [gone, open] = [await held(), await held()];
  await eventually('both in the list', async () => ((await listed('held')).length === 2 ? true : undefined));
  await stack.temporal.workflow.getHandle(gone.workflowId).terminate('a test');
  expect(await heldErases()).toBe(2);
  await eventually('one in the list', async () => ((await listed('held')).length === 1 ? true : undefined));
  expect(await listed('held')).toEqual([open.workflowId]);
  expect(await listed('held', 'terminated')).toEqual([gone.workflowId]);
  for await (const row of stack.client.list({ status: 'terminated' })) {
    expect(row).toMatchObject({ phase: 'failed', held: null, review: null });
  }
  await afterFiveMinutes();
  await eventually('the end of the hold', async () =>
    (await runsOf(gone.workflowId)).length === 0 ? true : undefined,
  );
  const { rows } = await stack.query(
    `select ended_as, ended_by, ended_reason from hold where workflow_id = '${gone.workflowId}'`,
  );
  expect(rows).toEqual([{ ended_as: 'resolved', ended_by: null, ended_reason: 'its run has ended' }]);
  expect([await runsOf(open.workflowId), await heldErases()]).toEqual([[open.runId], 1]);
  await stack.client.getHandle(open.workflowId).retry(by);
  await stack.client.getHandle(open.workflowId).result();
  expect(await heldErases()).toBe(0);
});

it('the hold of a run that was reset while it was held goes on under the new run', async () => {
  const { workflowId, runId, held: before } = await held();
  const newRun = await resetRun(stack, workflowId, 'last');
  expect(await runsOf(workflowId)).toEqual([runId]);
  await afterFiveMinutes();
  await eventually('the new run', async () => ((await runsOf(workflowId))[0] === newRun ? true : undefined));
  const handle = stack.client.getHandle(workflowId);
  expect(await handle.status()).toMatchObject({ held: { ...before, runId: newRun } });
  await handle.retry(by);
  await handle.result();
  expect(await heldErases()).toBe(0);
});

it('what goes on in review after a reset is still counted as that, and no more once it is decided', async () => {
  const { workflowId } = await stack.client.start(await stack.request({ review: { timeoutHours: 1 } }));
  const handle = stack.client.getHandle(workflowId);
  await eventually('a review', async () => ((await handle.status()).review === null ? undefined : true));
  await resetRun(stack, workflowId, 'last');
  await afterFiveMinutes();
  const rows = async () => (await stack.query(`select phase from run_phase where workflow_id = '${workflowId}'`)).rows;
  await eventually('the look', async () =>
    (
      await stack.query(
        `select from run_phase where workflow_id = '${workflowId}' and seen_at > now() - interval '1 minute'`,
      )
    ).rows.length > 0
      ? true
      : undefined,
  );
  await handle.approve(by);
  await handle.result();
  await afterFiveMinutes();
  await eventually('the end of the row', async () => ((await rows()).length === 0 ? true : undefined));
});

it('a hold that a terminated run writes late ends no later one', async () => {
  const row = {
    ...{ workflowId: 'erase/late', subAppId: 1500000001, fileId: '1', batchId: null, stage: 'submit' as const },
    ...{ class: 'account', code: null, message: 'm', requestId: null, submission: null },
  };
  const longAgo = new Date(Date.now() - 60_000);
  await stack.ledger.holds.record({ ...row, runId: 'second', askedAt: new Date() });
  await stack.ledger.holds.record({ ...row, runId: 'first', askedAt: longAgo });
  expect(await runsOf('erase/late')).toEqual(['second', 'first']);
  await stack.ledger.holds.record({ ...row, runId: 'third', askedAt: new Date(Date.now() + 1_000) });
  expect(await runsOf('erase/late')).toEqual(['third']);
  // The same run, held for another reason, is another hold; for the same reason it is the same one.
  const since = await stack.ledger.holds.record({ ...row, runId: 'third' });
  const other = await stack.ledger.holds.record({ ...row, runId: 'third', class: 'uncertain', submission: 1 });
  expect(other.getTime()).toBeGreaterThan(since.getTime());
  await stack.ledger.holds.end({ ...row, runId: 'third', since }, { as: 'resolved', by: null, reason: null });
  expect(await runsOf('erase/late')).toEqual(['third']);
  await stack.ledger.holds.end(
    { workflowId: 'erase/late', runId: 'third', since: other },
    { as: 'resolved', by: null, reason: null },
  );
  expect(await runsOf('erase/late')).toEqual([]);
});
