import { WorkflowUpdateFailedError } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type EraseHandle,
  EraseNotHeldError,
  EraseNotInReviewError,
  type EraseRunStatus,
  InvalidRequestError,
} from '../../src/client.js';
import { eraseStatusSchema } from '../../src/contract/answer-schema.js';
import { batchWorkflowId } from '../../src/contract/batch.js';
import { startBatch, until } from '../support/batch.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { resetRun } from '../support/reset.js';

const ANN = { by: 'ann', reason: 'looked at it' };
const BEN = { by: 'ben', reason: 'looked at it too' };

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

type Held = EraseRunStatus & { held: NonNullable<EraseRunStatus['held']> };

/** Where the latest run of the id is held; of another hold than `before`. */
async function heldAt(handle: EraseHandle, before?: string, timeoutMs?: number): Promise<Held> {
  const look = async () => {
    const status = await stack.client.getHandle(handle.workflowId).status();
    return status.held !== null && status.held.since !== before ? (status as Held) : undefined;
  };
  return await eventually(`a hold of ${handle.workflowId}`, look, timeoutMs);
}

/** Refused by the account as often as that, and held each time. */
async function held(times = 1): Promise<EraseHandle> {
  await stack.closeBreakers();
  const request = await stack.request();
  await stack.admin.addFault({
    action: 'ProcessMediaByMPS',
    kind: 'error',
    code: 'UnauthorizedOperation',
    fileId: request.fileId,
    times,
  });
  const handle = await stack.client.start(request);
  await heldAt(handle);
  return stack.client.getHandle(handle.workflowId);
}

async function inReview(): Promise<EraseHandle> {
  const { workflowId } = await stack.client.start(await stack.request({ review: { timeoutHours: 24 } }));
  const handle = stack.client.getHandle(workflowId);
  await reviewOf(handle);
  return handle;
}

const reviewOf = (handle: EraseHandle, exceptRun?: string) =>
  eventually(`a review of ${handle.workflowId}`, async () => {
    const { review, runId } = await stack.client.getHandle(handle.workflowId).status();
    return review !== null && runId !== exceptRun ? review : undefined;
  });

/** As sent by hand: any JSON. */
function raw(handle: { workflowId: string }, update: string, ...args: unknown[]): Promise<unknown> {
  return stack.temporal.workflow.getHandle(handle.workflowId).executeUpdate(update, { args: args as [unknown] });
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
  return (error as WorkflowUpdateFailedError).cause?.message ?? '';
}

const expectation = ({ held: { runId, class: errorClass, submission, since } }: Held) => ({
  runId,
  class: errorClass,
  submission,
  since,
});

describe('a decision on a hold that says what it was made for', () => {
  it('is taken when that is so, raw and by the client', async () => {
    const handles = [await held(), await held()] as const;
    const [first, second] = [await heldAt(handles[0]), await heldAt(handles[1])];
    expect(first.held).toMatchObject({ class: 'account', submission: null, runId: first.runId });
    expect(
      eraseStatusSchema.safeParse(await stack.temporal.workflow.getHandle(first.workflowId).query('status')),
    ).toMatchObject({ success: true });
    await raw(handles[0], 'retry', { ...ANN, expect: expectation(first) });
    await handles[1].retry({ ...ANN, expect: expectation(second) });
    for (const handle of handles) expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });

  it.each<[string, object]>([
    ['run', { runId: '01890000-0000-7000-8000-000000000000' }],
    ['class', { class: 'uncertain' }],
    ['submission', { submission: 1 }],
    ['hold', { since: '2026-01-01T00:00:00.000Z' }],
    ['task', { taskId: '1500000001-ProcessMediaByMPS-other' }],
  ])('is refused for another %s, and nothing happens', async (_what, other) => {
    const handle = await held();
    const status = await heldAt(handle);
    for (const update of ['retry', 'skip', 'abort']) {
      const message = await refusal(raw(handle, update, { ...ANN, expect: { ...expectation(status), ...other } }));
      expect(message).toContain('This decision was made for something else');
      expect(message).toContain(String(Object.values(other)[0]));
      expect(message).toContain(`now there is run ${status.runId}, a hold of class account`);
      expect(message).toContain('smart-erase status');
    }
    const error = await handle.abort({ ...ANN, expect: other }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EraseNotHeldError);
    expect((await heldAt(handle)).held).toEqual(status.held);
    await handle.abort(ANN);
    await expect(handle.result()).rejects.toMatchObject({ class: 'aborted' });
  });

  it('is refused in the run that came by a reset, raw and by a handle of the run before', async () => {
    // The breaker holds the new run, too.
    const handle = await held();
    const before = await heldAt(handle);
    const ofThatRun = stack.client.getHandle(handle.workflowId, before.runId);
    const runId = await resetRun(stack, handle.workflowId);
    const now = await heldAt(handle, before.held.since);
    expect(now.runId).toBe(runId);
    expect(await refusal(raw(handle, 'abort', { ...ANN, expect: { runId: before.runId } }))).toContain(
      `now there is run ${runId}`,
    );
    const error = (await ofThatRun.abort(ANN).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toBeInstanceOf(EraseNotHeldError);
    expect(error.message).toContain(`made for run ${before.runId}, which has ended`);
    expect(error.message).toContain(runId);
    await handle.retry({ ...ANN, expect: expectation(now) });
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });

  it('of the second of two operators never meets the hold that comes next', async () => {
    const handle = await held(2);
    const seen = await heldAt(handle);
    const expected = expectation(seen);
    const answers = await Promise.allSettled([
      raw(handle, 'retry', { ...ANN, expect: expected }),
      raw(handle, 'retry', { ...BEN, expect: expected }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    // Held again, in the same run and for the same reason: only the time distinguishes it from the first.
    const next = await heldAt(handle, seen.held.since);
    expect(next).toMatchObject({ runId: seen.runId, held: { class: 'account', submission: null } });
    expect(await refusal(raw(handle, 'abort', { ...BEN, expect: expected }))).toContain('made for something else');
    expect((await heldAt(handle)).held).toEqual(next.held);
    await handle.retry({ ...ANN, expect: expectation(next) });
    await handle.result();
  });

  it('knows the submission in doubt', async () => {
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
    const status = await heldAt(handle);
    expect(status.held).toMatchObject({ class: 'uncertain', submission: 1, runId: status.runId });
    const { memo } = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
    expect(memo?.eraseHold).toMatchObject({ class: 'uncertain', submission: 1, since: status.held.since });
    expect(await refusal(raw(handle, 'retry', { ...ANN, expect: { submission: null } }))).toContain('submission 1');
    expect(
      await refusal(raw(handle, 'retry', { ...ANN, expect: { ...expectation(status), class: 'account' } })),
    ).toContain('class uncertain');
    await stack.admin.clearFaults();
    await handle.retry({ ...ANN, expect: expectation(status) });
    await handle.result();
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['dropped']);
  });

  it('is for the reason that the last look found, in the run and in the ledger alike', {
    timeout: 150_000,
  }, async () => {
    const request = await stack.request();
    const { fileId } = request;
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'drop-before', fileId });
    const patch = { 'TaskSet.0.Status': 'SUSPENDED' };
    await stack.admin.addFault({ action: 'DescribeTasks', kind: 'patch', patch, fileId, times: 1_000 });
    const handle = await stack.client.start(request);
    const doubt = await heldAt(handle);
    expect(doubt.held).toMatchObject({ class: 'uncertain', submission: 1 });
    await stack.admin.clearFaults();
    // There is no task, as reconciling shows, and a breaker stops the next submit.
    const other = await held();
    const now = await heldAt(handle, doubt.held.since, 90_000);
    expect(now.held).toMatchObject({ class: 'account', submission: null });
    expect(now.waitingFor).not.toBe(doubt.waitingFor);
    const [row] = await stack.ledger.holds.list({ workflowId: handle.workflowId });
    expect(row).toMatchObject({ class: 'account', submission: null, since: new Date(now.held.since) });
    const { memo } = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
    expect(memo?.eraseHold).toMatchObject({ class: 'account', since: now.held.since });
    expect(await refusal(raw(handle, 'retry', { ...ANN, expect: expectation(doubt) }))).toContain('submission 1');
    await handle.retry({ ...ANN, expect: expectation(now) });
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
    expect(await stack.outcomes('ProcessMediaByMPS', fileId)).toEqual(['dropped', 'ok']);
    await other.abort(ANN);
  });

  it('stands in the details of the run, ready to be pasted', async () => {
    const handle = await held();
    const { expect: told } = (await pasted(handle)) as { expect: object };
    expect(told).toEqual(expectation(await heldAt(handle)));
    await raw(handle, 'retry', { ...ANN, expect: told });
    await handle.result();
  });
});

describe('a decision on a review that says what it was made for', () => {
  it('is taken when that is so, and refused for another run or task', async () => {
    const handle = await inReview();
    const { runId, taskId } = await reviewOf(handle);
    for (const update of ['approve', 'reject']) {
      for (const other of [
        { runId: 'another' },
        { runId, taskId: 'another' },
        { runId, class: 'account' },
        { submission: 1 },
      ]) {
        expect(await refusal(raw(handle, update, { ...ANN, expect: other }))).toContain('made for something else');
      }
    }
    const error = await handle.approve({ ...ANN, expect: { runId: 'another' } }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EraseNotInReviewError);
    expect(await pasted(handle)).toMatchObject({ expect: { runId, taskId } });
    expect(await handle.approve({ ...ANN, expect: { runId, taskId } })).toMatchObject({ decision: 'approve' });
    await handle.result();
  });

  it('is refused after a reset, for approve and for reject', async () => {
    const handle = await inReview();
    const before = await reviewOf(handle);
    const seen = { runId: before.runId, taskId: before.taskId };
    const ofThatRun = stack.client.getHandle(handle.workflowId, before.runId);
    await resetRun(stack, handle.workflowId);
    const now = await reviewOf(handle, before.runId);
    expect(now).toMatchObject({ taskId: before.taskId });
    for (const update of ['approve', 'reject']) {
      expect(await refusal(raw(handle, update, { ...ANN, expect: seen }))).toContain(`now there is run ${now.runId}`);
    }
    await expect(ofThatRun.approve(ANN)).rejects.toThrow(`made for run ${before.runId}, which has ended`);
    await expect(ofThatRun.reject(ANN)).rejects.toBeInstanceOf(EraseNotInReviewError);
    await handle.reject({ ...ANN, expect: { ...seen, runId: now.runId } });
    await expect(handle.result()).rejects.toMatchObject({ class: 'rejected' });
  });

  it('names the run that goes on after a reset within the review', async () => {
    const handle = await inReview();
    const runId = await resetRun(stack, handle.workflowId, 'last');
    expect((await stack.client.getHandle(handle.workflowId).status()).review?.runId).toBe(runId);
    const row = await eventually('the list', async () => {
      for await (const each of stack.client.list({ phase: 'review' })) if (each.runId === runId) return each;
      return undefined;
    });
    expect(row.review?.runId).toBe(runId);
    await handle.approve({ ...ANN, expect: { runId } });
    await handle.result();
  });
});

/** The JSON that the Temporal UI shows under the current details. */
async function pasted(handle: EraseHandle): Promise<unknown> {
  const metadata = await stack.temporal.workflow
    .getHandle(handle.workflowId)
    .query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return JSON.parse(/```json\n(.*)\n```/.exec(metadata.currentDetails ?? '')?.[1] ?? 'null');
}

/** Arguments that no update takes, with what is said of them. */
const BAD: [string, unknown[], RegExp][] = [
  ['nothing', [], /the argument is undefined/],
  ['null', [null], /the argument is null/],
  ['a number', [7], /the argument is a number/],
  ['a text', ['ann'], /the argument is a string/],
  ['a list', [[ANN]], /the argument is a list/],
  ['no name', [{ reason: 'x' }], /"by" is missing/],
  ['a name that is a number', [{ ...ANN, by: 7 }], /"by" is a number/],
  ['NUL in the name', [{ ...ANN, by: 'a\0' }], /"by" holds a NUL/],
  ['NUL in the reason', [{ ...ANN, reason: 'a\0' }], /"reason" holds a NUL/],
  ['half of a character', [{ ...ANN, reason: 'a\ud800' }], /"reason" holds half/],
  ['a long name', [{ ...ANN, by: 'b'.repeat(1_001) }], /"by" has 1001/],
  ['a reason of 1.2 MB', [{ ...ANN, reason: 'r'.repeat(1_200_000) }], /"reason" has 1200000/],
  ['another field', [{ ...ANN, expects: {} }], /does not know/],
  ['an expectation that is none', [{ ...ANN, expect: 7 }], /"expect"/],
];

async function refusesAll(handle: { workflowId: string }, updates: readonly string[]): Promise<void> {
  for (const update of updates) {
    for (const [what, args, sentence] of BAD) {
      expect(await refusal(raw(handle, update, ...args)), `${update} with ${what}`).toMatch(sentence);
    }
  }
  const { events } = await stack.temporal.workflow.getHandle(handle.workflowId).fetchHistory();
  expect(events?.filter((event) => event.workflowTaskFailedEventAttributes)).toEqual([]);
  expect(events?.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes)).toEqual([]);
}

describe('an argument that is no decision is refused, and the run goes on:', () => {
  it('retry, skip and abort', { timeout: 90_000 }, async () => {
    const handle = await held();
    await refusesAll(handle, ['retry', 'skip', 'abort']);
    for (const taskId of [7, null, '', 'a\0']) {
      expect(await refusal(raw(handle, 'retry', { ...ANN, taskId }))).toContain('"taskId"');
    }
    await raw(handle, 'retry', { by: 'b'.repeat(1_000), reason: 'r'.repeat(4_000) });
    await handle.result();
  });

  it('approve and reject', { timeout: 90_000 }, async () => {
    const handle = await inReview();
    await refusesAll(handle, ['approve', 'reject']);
    for (const retryWith of [{ name: 'raw\0' }, { name: 'x'.repeat(70_000) }, 'a\ud800']) {
      expect(await refusal(raw(handle, 'reject', { ...ANN, retryWith }))).toMatch(/"retryWith" holds|bytes of JSON/);
    }
    await raw(handle, 'approve', { by: 'b'.repeat(1_000), reason: 'r'.repeat(4_000) });
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });

  it('pause, resume, drain, cancel and go of a batch', { timeout: 120_000 }, async () => {
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'UnauthorizedOperation', times: 1 });
    const id = await startBatch(stack, 1);
    await until(stack, id, 'its hold', ({ holds }) => Object.keys(holds).length > 0);
    const handle = { workflowId: batchWorkflowId(id) };
    await refusesAll(handle, ['pause', 'resume', 'drain', 'cancel', 'go']);
    // A batch has neither a hold nor a run that a decision could be bound to.
    expect(await refusal(raw(handle, 'pause', { ...ANN, expect: { runId: 'x' } }))).toContain('does not know');
    expect(await raw(handle, 'cancel', { by: 'b'.repeat(1_000), reason: 'r'.repeat(4_000) })).toBe('cancel accepted');
    await until(stack, id, 'its end', ({ state }) => state === 'ended');
  });

  it('by the client, before it is sent', async () => {
    const handle = stack.client.getHandle('erase/none');
    const reason = 'r'.repeat(5_000_000);
    for (const decide of [
      () => handle.retry({ ...ANN, reason }),
      () => handle.skip({ ...ANN, reason }),
      () => handle.abort({ ...ANN, by: 'a\0' }),
      () => handle.approve({ ...ANN, expect: { run: 'x' } as never }),
      () => handle.reject({ ...ANN, retryWith: { name: reason } }),
    ]) {
      const error = await decide().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InvalidRequestError);
    }
  });
});
