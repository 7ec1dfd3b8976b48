import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseFailedError, EraseHandle, EraseRequest } from '../../src/client.js';
import { countsOf, ended, normalized, startFed } from '../support/batch.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { resetRun } from '../support/reset.js';

const ANN = { by: 'ann', reason: 'a logo is left' };
const BEN = { by: 'ben', reason: 'looked again' };
const REVIEW = { timeoutHours: 24 };
const SECOND = 1 / 3_600;
/** Every task waits at the vendor until its clock is moved on. */
const WAITS_MS = 3_600_000;

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({ simulator: { taskDurationMs: 300, taskWaitMs: WAITS_MS } });
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(() => stack.admin.clearFaults());

const submits = ({ fileId }: EraseRequest) => stack.outcomes('ProcessMediaByMPS', fileId);
const failureOf = (handle: EraseHandle) =>
  handle.result().catch((error: unknown) => error) as Promise<EraseFailedError>;
const keyed = (request: EraseRequest, name: string, fields: Partial<EraseRequest> = {}) =>
  stack.client.start({ ...request, key: `${name}-${request.fileId}`, ...fields });

async function reached(handle: EraseHandle, phase: string): Promise<EraseHandle> {
  await eventually(`${handle.workflowId} to be ${phase}`, async () =>
    (await handle.status()).phase === phase ? true : undefined,
  );
  return handle;
}

/** The vendor works on what waits. */
const vendorWorks = () => stack.admin.age(WAITS_MS + 60_000);

/** A run whose result is in review, under the key `name`. */
async function inReview(request: EraseRequest, name: string, fields: Partial<EraseRequest> = {}): Promise<EraseHandle> {
  const handle = await keyed(request, name, { review: REVIEW, ...fields });
  await eventually('a task, or a review', async () => {
    const { phase } = await handle.status();
    return phase === 'waiting' || phase === 'review' || undefined;
  });
  await vendorWorks();
  return await reached(handle, 'review');
}

async function publishes(handle: EraseHandle): Promise<string[]> {
  const { resultFileId } = await handle.status();
  return await stack.outcomes('ModifyMediaInfo', resultFileId ?? '');
}

/** Until the publish of the run is put off for a review, and says whose. */
async function putOff(handle: EraseHandle): Promise<string> {
  return await eventually(`${handle.workflowId} to wait for a review`, async () => {
    const { raw } = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
    const messages = (raw.pendingActivities ?? []).map((activity) => activity.lastFailure?.message ?? '');
    return messages.find((message) => message.includes('is in review by'));
  });
}

describe('a result that was rejected in review', () => {
  it('is a failure for whoever asks next without one, that says who, when, why and what to do', async () => {
    const request = await stack.request();
    const reviewed = await inReview(request, 'reviewed');
    const { resultFileId } = await reviewed.status();
    await reviewed.reject(ANN);
    await failureOf(reviewed);
    const error = await failureOf(await keyed(request, 'next'));
    expect(error).toMatchObject({ class: 'rejected', code: 'RejectedBefore', moneySpent: true, resultFileId });
    expect(error.message).toMatch(/rejected in review by ann on \d{4}-\d\d-\d\dT.*: a logo is left/);
    expect(error.message).toMatch(/`review`.*another recipe.*`payAgain`/);
    expect(await failureOf(await keyed(request, 'never', { neverPay: true }))).toMatchObject({
      code: 'RejectedBefore',
    });
    expect(await submits(request)).toEqual(['ok']);
  });

  it('is a failure for an item of a batch, too', async () => {
    const request = await stack.request();
    const reviewed = await inReview(request, 'reviewed');
    await reviewed.reject(ANN);
    await failureOf(reviewed);
    const id = await startFed(stack, [normalized(request)]);
    expect(countsOf(await ended(stack, id))).toEqual({ failed: 1 });
    const [item] = await stack.ledger.batches.items(id, { limit: 1 });
    expect(item).toMatchObject({ errorClass: 'rejected', errorCode: 'RejectedBefore' });
  });

  it('goes into review again where one is asked for, and is good once that approves', async () => {
    const request = await stack.request();
    const reviewed = await inReview(request, 'reviewed');
    await reviewed.reject(ANN);
    await failureOf(reviewed);
    const again = await inReview(request, 'again', { publish: { name: 'clean' } });
    await again.approve(BEN);
    expect(await again.result()).toMatchObject({ reused: true, published: { changed: ['name'] } });
    expect(await (await keyed(request, 'next')).result()).toMatchObject({ reused: true });
    expect(await submits(request)).toEqual(['ok']);
  });

  it('does not count for what is paid for again', async () => {
    const request = await stack.request();
    const reviewed = await inReview(request, 'reviewed');
    await reviewed.reject(ANN);
    await failureOf(reviewed);
    const anew = await keyed(request, 'anew', { payAgain: { token: 'second', reason: 'the first is bad' } });
    await reached(anew, 'waiting');
    await vendorWorks();
    expect(await anew.result()).toMatchObject({ reused: false });
    expect(await submits(request)).toEqual(['ok', 'ok']);
  });

  it('is one also when nobody decided in time and the request says reject; not when it says approve', async () => {
    for (const [onTimeout, code] of [
      ['reject', 'RejectedBefore'],
      ['approve', undefined],
    ] as const) {
      const request = await stack.request();
      const reviewed = await keyed(request, 'reviewed', { review: { timeoutHours: SECOND, onTimeout } });
      await reached(reviewed, 'waiting');
      await vendorWorks();
      await failureOf(reviewed);
      const next = await failureOf(await keyed(request, 'next'));
      expect(next.code).toBe(code);
      if (code !== undefined) expect(next.message).toMatch(/rejected in review on .*Nobody decided within/);
    }
  });

  it('is one for a run that waited for the same task and was told of its end later', async () => {
    const request = await stack.request();
    const reviewed = await reached(await keyed(request, 'reviewed', { review: REVIEW }), 'waiting');
    const late = await reached(await keyed(request, 'late'), 'waiting');
    // Its own worker polls late: it is paused until the review has ended.
    const pause = {
      namespace: stack.env.TEMPORAL_NAMESPACE,
      execution: { workflowId: late.workflowId },
      id: 'await-task',
    };
    await stack.temporal.workflowService.pauseActivity({ ...pause, identity: 'test', reason: 'test' });
    await vendorWorks();
    await reached(reviewed, 'review');
    await reviewed.reject(ANN);
    await failureOf(reviewed);
    await stack.temporal.workflowService.unpauseActivity({ ...pause, identity: 'test' });
    expect(await failureOf(late)).toMatchObject({ class: 'rejected', code: 'RejectedBefore' });
  });
});

describe('a result that another run has in review', () => {
  it('is published after that review approved, never before', async () => {
    const request = await stack.request();
    const reviewed = await inReview(request, 'reviewed', { publish: { name: 'reviewed' } });
    const other = await keyed(request, 'other', { publish: { name: 'other' } });
    expect(await putOff(other)).toContain(reviewed.workflowId);
    expect(await other.status()).toMatchObject({ phase: 'publishing' });
    expect(await publishes(reviewed)).toEqual([]);
    await reviewed.approve(ANN);
    await reviewed.result();
    expect(await other.result()).toMatchObject({ reused: true, published: { changed: ['name'] } });
    expect(await publishes(reviewed)).toEqual(['ok', 'ok']);
  });

  it('is not published at all when that review rejects it', async () => {
    const request = await stack.request();
    const reviewed = await inReview(request, 'reviewed', { publish: { name: 'reviewed' } });
    const other = await keyed(request, 'other', { publish: { name: 'other' } });
    await putOff(other);
    await reviewed.reject(ANN);
    expect(await failureOf(other)).toMatchObject({
      class: 'rejected',
      code: 'RejectedBefore',
      message: expect.stringContaining('by ann'),
    });
    expect(await publishes(reviewed)).toEqual([]);
  });

  it.each(['the one with a review', 'the other'])(
    'waits when both wait for one task that %s paid for',
    async (payer) => {
      const request = await stack.request();
      const fields = {
        reviewed: { review: REVIEW, publish: { name: 'reviewed' } },
        other: { publish: { name: 'other' } },
      };
      const order = payer === 'the other' ? (['other', 'reviewed'] as const) : (['reviewed', 'other'] as const);
      const handles: Partial<Record<'reviewed' | 'other', EraseHandle>> = {};
      for (const name of order) handles[name] = await reached(await keyed(request, name, fields[name]), 'waiting');
      const { reviewed, other } = handles as Record<'reviewed' | 'other', EraseHandle>;
      // The one with a review is notified last: its plan is known all the same.
      const pause = {
        namespace: stack.env.TEMPORAL_NAMESPACE,
        execution: { workflowId: reviewed.workflowId },
        id: 'await-task',
      };
      await stack.temporal.workflowService.pauseActivity({ ...pause, identity: 'test', reason: 'test' });
      await vendorWorks();
      expect(await putOff(other)).toContain(reviewed.workflowId);
      await stack.temporal.workflowService.unpauseActivity({ ...pause, identity: 'test' });
      await reached(reviewed, 'review');
      expect(await publishes(reviewed)).toEqual([]);
      await reviewed.approve(ANN);
      expect(await other.result()).toMatchObject({ published: { changed: ['name'] } });
      await reviewed.result();
      expect(await submits(request)).toEqual(['ok']);
    },
  );

  it('stays so when the run in review is reset', async () => {
    const request = await stack.request();
    const reviewed = await inReview(request, 'reviewed');
    const other = await keyed(request, 'other', { publish: { name: 'other' } });
    await putOff(other);
    await resetRun(stack, reviewed.workflowId);
    const again = await reached(stack.client.getHandle(reviewed.workflowId), 'review');
    expect(await putOff(other)).toContain(reviewed.workflowId);
    expect(await publishes(again)).toEqual([]);
    await again.reject(ANN);
    expect(await failureOf(other)).toMatchObject({ code: 'RejectedBefore' });
    expect(await publishes(again)).toEqual([]);
  });

  it.each([
    ['terminated', (handle: EraseHandle) => stack.temporal.workflow.getHandle(handle.workflowId).terminate('a test')],
    ['cancelled', (handle: EraseHandle) => handle.cancel('a test')],
  ] as const)('is free when the run in review is %s', async (_how, end) => {
    const request = await stack.request();
    const reviewed = await inReview(request, 'reviewed');
    const other = await keyed(request, 'other', { publish: { name: 'other' } });
    await putOff(other);
    await end(reviewed);
    expect(await other.result()).toMatchObject({ reused: true, published: { changed: ['name'] } });
  });

  it('waits for both of two reviews, and the last word counts', async () => {
    const request = await stack.request();
    const [one, two] = [await inReview(request, 'one'), await inReview(request, 'two')];
    const other = await keyed(request, 'other', { publish: { name: 'other' } });
    await putOff(other);
    await one.reject(ANN);
    await failureOf(one);
    await eventually(
      'the other review to be waited for',
      async () => (await putOff(other)).includes(two.workflowId) || undefined,
    );
    await two.approve(BEN);
    expect(await other.result()).toMatchObject({ published: { changed: ['name'] } });
  });

  it('keeps no run waiting whose own review has approved it', async () => {
    const request = await stack.request();
    const one = await inReview(request, 'one', { publish: { name: 'one' } });
    const two = await inReview(request, 'two', { publish: { name: 'two' } });
    await one.approve(ANN);
    expect(await one.result()).toMatchObject({ published: { changed: ['name'] } });
    await two.reject(BEN);
    await failureOf(two);
  });

  it('is given to a run that publishes nothing, and a publish that waits can be cancelled', async () => {
    const request = await stack.request();
    const reviewed = await inReview(request, 'reviewed');
    expect(await (await keyed(request, 'plain')).result()).toMatchObject({ reused: true });
    const other = await keyed(request, 'other', { publish: { name: 'other' } });
    await putOff(other);
    await other.cancel('a test');
    expect(await failureOf(other)).toMatchObject({ class: 'cancelled', moneySpent: false });
    expect(await publishes(reviewed)).toEqual([]);
  });
});
