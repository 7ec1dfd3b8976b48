import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import { EraseCancelledError } from '../../src/client.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

let stack: EraseStack;

beforeAll(async () => {
  // Every task waits a while and then runs for longer than any of these tests.
  stack = await EraseStack.start({ simulator: { taskDurationMs: 600_000, maxConcurrentTasks: 1 } });
  await stack.startWorker();
  // Takes the only place of the simulated account: every later task stays WAITING.
  await stack.client.start(await stack.request());
  await eventually('the house to be full', async () =>
    (await stack.admin.tasks()).some((t) => t.status === 'PROCESSING') ? true : undefined,
  );
});
afterAll(() => stack.stop());
beforeEach(async () => {
  await stack.admin.clearFaults();
  await stack.closeBreakers();
});

async function reached(handle: EraseHandle, phase: string): Promise<void> {
  await eventually(`phase ${phase}`, async () => ((await handle.status()).phase === phase ? true : undefined));
}

async function cancelled(handle: EraseHandle): Promise<EraseCancelledError> {
  const error = await handle.result().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(EraseCancelledError);
  return error as EraseCancelledError;
}

describe('a cancel', () => {
  it('before the submit spends nothing, however long the vendor throttles', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'RequestLimitExceeded',
      fileId: request.fileId,
      times: 1_000,
    });
    const handle = await stack.client.start(request);
    await eventually('a refusal', async () =>
      (await stack.outcomes('ProcessMediaByMPS', request.fileId)).length > 0 ? true : undefined,
    );
    await handle.cancel('changed our mind');
    expect(await cancelled(handle)).toMatchObject({ moneySpent: false, taskId: null, code: 'NothingSubmitted' });
  });

  it('during the submit waits for the answer and aborts the task', async () => {
    const request = await stack.request();
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'delay', ms: 700, fileId: request.fileId });
    const handle = await stack.client.start(request);
    await eventually('the task at the vendor', async () =>
      (await stack.admin.tasks()).some((t) => t.fileId === request.fileId) ? true : undefined,
    );
    await handle.cancel('too late?');
    const error = await cancelled(handle);
    expect(error).toMatchObject({
      moneySpent: false,
      code: 'Aborted',
      taskId: expect.stringContaining('ProcessMediaByMPS'),
    });
    expect((await stack.admin.tasks()).find((t) => t.taskId === error.taskId)?.status).toBe('ABORTED');
  });

  it('while the answer is lost finds the task and aborts it', async () => {
    const request = await stack.request();
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'drop-after-accept', fileId: request.fileId });
    // Without its listing the submit's outcome stays unknown.
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'late-listing',
      ms: 3_000,
      fileId: request.fileId,
    });
    const handle = await stack.client.start(request);
    await eventually('a lost answer', async () =>
      (await stack.outcomes('ProcessMediaByMPS', request.fileId)).includes('dropped') ? true : undefined,
    );
    await handle.cancel('in doubt');
    expect(await cancelled(handle)).toMatchObject({ moneySpent: false, code: 'Aborted' });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toHaveLength(1);
  });

  it('while the task waits aborts it', async () => {
    const handle = await stack.client.start(await stack.request());
    await reached(handle, 'waiting');
    await handle.cancel('not needed', 'alice');
    expect(await cancelled(handle)).toMatchObject({ moneySpent: false, code: 'Aborted' });
    const kept: unknown[] = [];
    for await (const line of stack.ledger.audit.lines({})) if (line.subject === handle.workflowId) kept.push(line);
    expect(kept).toEqual([
      expect.objectContaining({ action: 'submit' }),
      expect.objectContaining({ action: 'cancelled', by: 'alice', reason: 'not needed' }),
    ]);
  });

  it('while the task runs says that it runs on and is billed', async () => {
    const [running] = (await stack.admin.tasks()).filter((t) => t.status === 'PROCESSING');
    const { executions } = await listRunning();
    const workflowId = executions.find((e) => e.includes(running?.fileId ?? '')) ?? '';
    const handle = stack.client.getHandle(workflowId);
    await handle.cancel('not needed');
    const error = await cancelled(handle);
    expect(error).toMatchObject({ moneySpent: true, code: 'RunsOn', taskId: running?.taskId });
    expect(error.message).toMatch(/runs on and is billed/);
  });

  it('while held spends nothing', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'UnauthorizedOperation',
      fileId: request.fileId,
      times: 10,
    });
    const handle = await stack.client.start(request);
    await reached(handle, 'held');
    await handle.cancel('never mind');
    expect(await cancelled(handle)).toMatchObject({ moneySpent: false, code: 'NothingSubmitted' });
  });

  it('of a run that joined another’s task leaves that task alone', async () => {
    const request = await stack.request();
    const payer = await stack.client.start(request);
    await reached(payer, 'waiting');
    const joiner = await stack.client.start({ ...request, key: `joins-${request.fileId}` });
    await reached(joiner, 'waiting');
    await joiner.cancel('only mine');
    expect(await cancelled(joiner)).toMatchObject({ moneySpent: false, code: 'AnotherRunsTask' });
    expect((await stack.admin.tasks()).find((t) => t.fileId === request.fileId)?.status).toBe('WAITING');
    expect((await payer.status()).phase).toBe('waiting');
  });
});

describe('a cancel of a run that took over', () => {
  it('from a terminated one aborts the task that the first one paid for', async () => {
    const request = await stack.request();
    const first = await stack.client.start(request);
    await reached(first, 'waiting');
    await stack.temporal.workflow.getHandle(first.workflowId).terminate('by mistake');
    const second = await stack.client.start(request);
    await reached(second, 'waiting');
    await second.cancel('not needed');
    expect(await cancelled(second)).toMatchObject({ moneySpent: false, code: 'Aborted' });
    expect((await stack.admin.tasks()).find((t) => t.fileId === request.fileId)?.status).toBe('ABORTED');
  });
});

async function listRunning(): Promise<{ executions: string[] }> {
  const executions: string[] = [];
  for await (const e of stack.temporal.workflow.list({ query: 'ExecutionStatus = "Running"' }))
    executions.push(e.workflowId);
  return { executions };
}

describe('a cancelled erase', () => {
  it('is taken up by a new start without paying while its task runs on', async () => {
    const request = await stack.request();
    const first = await stack.client.start(request);
    await reached(first, 'waiting');
    const { taskId } = await first.status();
    // The vendor refuses the abort: the task begins in between.
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'PROCESSING' },
      fileId: request.fileId,
      times: 50,
    });
    await first.cancel('oops');
    expect(await cancelled(first)).toMatchObject({ moneySpent: true, code: 'RunsOn' });
    const second = await stack.client.start(request);
    await reached(second, 'waiting');
    expect(await second.status()).toMatchObject({ taskId, reused: true });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['ok']);
  });
});

describe('a cancel is never stopped by its words', () => {
  const HARD: [string, string][] = [
    ['NUL', 'wrong\0folder'],
    ['half of a character', 'wrong\ud83dfolder'],
    ['1.2 MB', 'x'.repeat(1_200_000)],
    ['1.2 MB of characters of two halves', `x${'😀'.repeat(300_000)}`],
  ];

  /** A task that waits at the vendor. */
  async function waiting() {
    const request = await stack.request();
    const handle = await stack.client.start(request);
    await reached(handle, 'waiting');
    return { request, handle };
  }

  /** Cancelled, the vendor was asked, and who and why are in the audit. */
  async function wellCancelled({ request, handle }: Awaited<ReturnType<typeof waiting>>) {
    expect(await cancelled(handle)).toMatchObject({ code: 'Aborted', moneySpent: false });
    expect(await stack.outcomes('ManageTask', request.fileId)).toEqual(['ok']);
    const { rows } = await stack.query(
      `select by, reason from audit where action = 'cancelled' and subject = '${handle.workflowId}'`,
    );
    expect(rows).toHaveLength(1);
    const { by, reason } = rows[0] as { by: string; reason: string };
    expect(reason).toMatch(/^(wrong\uFFFDfolder|x+…|x(😀)+\uFFFD?…)$/u);
    expect([by.length <= 200, reason.length <= 500]).toEqual([true, true]);
    return { by, reason };
  }

  it.each(HARD)('%s, in the reason and in the name of who cancels', async (_name, text) => {
    const run = await waiting();
    expect(await run.handle.cancel(text, text)).toBe('requested');
    const { by, reason } = await wellCancelled(run);
    expect(reason.startsWith(by.slice(0, 50))).toBe(true);
  });

  it.each(HARD.filter(([name]) => name !== 'half of a character'))(
    '%s, sent by another client of Temporal',
    async (_name, text) => {
      const run = await waiting();
      // gRPC cannot carry an unpaired surrogate.
      await stack.temporal.workflowService.requestCancelWorkflowExecution({
        namespace: stack.temporal.options.namespace,
        workflowExecution: { workflowId: run.handle.workflowId },
        reason: text,
        identity: `ann\0${text.slice(0, 10_000)}`,
      });
      expect((await wellCancelled(run)).by).toMatch(/^ann\uFFFD/);
    },
  );
});
