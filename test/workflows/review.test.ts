import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  EraseCancelledError,
  type EraseFailedError,
  type EraseHandle,
  EraseNotInReviewError,
  type EraseRequest,
  type EraseRunStatus,
  InvalidRequestError,
} from '../../src/client.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const ANN = { by: 'ann', reason: 'looked at it' };
const SECOND = 1 / 3_600;

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(() => stack.admin.clearFaults());

function reviewed(fields: Parameters<EraseStack['request']>[0] = {}): Promise<EraseRequest> {
  return stack.request({ review: { timeoutHours: 24 }, ...fields });
}

async function inReview(handle: EraseHandle): Promise<EraseRunStatus> {
  return await eventually(`a review of ${handle.workflowId}`, async () => {
    const status = await handle.status();
    return status.phase === 'review' && status.review !== null ? status : undefined;
  });
}

async function started(request: EraseRequest): Promise<EraseHandle> {
  const handle = await stack.client.start(request);
  await inReview(handle);
  return handle;
}

const failureOf = (handle: EraseHandle) =>
  handle.result().catch((error: unknown) => error) as Promise<EraseFailedError>;

async function auditOf(workflowId: string) {
  const { rows } = await stack.query(
    `select action, "by", reason, details from audit where subject = '${workflowId}' order by id`,
  );
  return rows as { action: string; by: string | null; reason: string; details: Record<string, unknown> }[];
}

const submits = (request: EraseRequest) => stack.outcomes('ProcessMediaByMPS', request.fileId);

describe('an erase with a review', () => {
  it('waits with both FileIds and both URLs, and is not published', async () => {
    const request = await reviewed({ publish: { name: 'clean' } });
    const handle = await started(request);
    const { review, resultFileId, waitingFor } = await inReview(handle);
    expect(review).toMatchObject({
      onTimeout: 'hold',
      overdue: false,
      recipe: { name: 'subtitles' },
      source: { fileId: request.fileId, url: expect.stringContaining(`/${request.fileId}/`) },
      result: { fileId: resultFileId, url: expect.stringContaining(`/${resultFileId}/`) },
      note: null,
    });
    expect(waitingFor).toContain('a reviewer to approve or reject');
    expect(await stack.outcomes('ModifyMediaInfo', resultFileId ?? '')).toEqual([]);
    const [row] = await listed(handle);
    expect(row?.review).toEqual(review);
    await handle.approve(ANN);
  });

  it('publishes when it is approved, and keeps who and why', async () => {
    const handle = await started(await reviewed({ publish: { name: 'clean' } }));
    expect(await handle.approve(ANN)).toEqual({ decision: 'approve', retryWorkflowId: null });
    const result = await handle.result();
    expect(result.published).toMatchObject({ changed: ['name'], warnings: [] });
    expect(await auditOf(handle.workflowId)).toEqual([
      {
        action: 'review-approved',
        by: 'ann',
        reason: 'looked at it',
        details: expect.objectContaining({ taskId: result.taskId, resultFileId: result.resultFileId }),
      },
    ]);
    expect((await handle.status()).review).toBeNull();
  });

  it('fails as rejected, with the FileId of what was paid for, and can be reviewed again for nothing', async () => {
    const request = await reviewed();
    const handle = await started(request);
    const { resultFileId } = await inReview(handle);
    await handle.reject({ by: 'ben', reason: 'text left at 0:07' });
    const error = await failureOf(handle);
    expect(error).toMatchObject({
      class: 'rejected',
      code: 'Rejected',
      moneySpent: true,
      resultFileId,
      retryWorkflowId: null,
      exitCode: 6,
      message: 'The result was rejected in review by ben: text left at 0:07',
    });
    expect(await auditOf(handle.workflowId)).toMatchObject([{ action: 'review-rejected', by: 'ben' }]);
    const again = await started(request);
    await again.approve(ANN);
    expect(await again.result()).toMatchObject({ reused: true, resultFileId });
    expect(await submits(request)).toEqual(['ok']);
  });

  it('that was paid for before is reviewed too', async () => {
    const request = await stack.request();
    const { resultFileId } = await stack.client.execute(request);
    const handle = await started({ ...request, key: `reviewed-${request.fileId}`, review: { timeoutHours: 1 } });
    expect((await inReview(handle)).review).toMatchObject({ result: { fileId: resultFileId } });
    await handle.reject(ANN);
    expect(await failureOf(handle)).toMatchObject({ class: 'rejected', moneySpent: true, resultFileId });
    expect(await submits(request)).toEqual(['ok']);
  });

  it('of a recipe that makes no video shows the file that it makes', async () => {
    const handle = await started(await reviewed({ recipe: { name: 'subtitles-extract' } }));
    const { review } = await inReview(handle);
    expect(review?.result).toEqual({ fileId: null, url: expect.stringMatching(/^http/) });
    await handle.approve(ANN);
    expect(await handle.result()).toMatchObject({ resultFileId: null });
  });

  it('goes on without URLs that cannot be read, and says so', async () => {
    const request = await reviewed();
    await stack.admin.addFault({
      action: 'DescribeMediaInfos',
      kind: 'error',
      code: 'InvalidParameterValue',
      times: 100,
    });
    const handle = await started(request);
    const { review } = await inReview(handle);
    expect(review).toMatchObject({ source: { fileId: request.fileId, url: null } });
    expect(review).toMatchObject({ note: expect.stringMatching(/URLs could not be read.*InvalidParameterValue/) });
    await handle.approve(ANN);
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });
});

describe('a rejection that asks for another recipe', () => {
  it('starts one new erase of the same file, linked to the first', async () => {
    const request = await reviewed({ key: 'order-1', requestedBy: 'shop', publish: { name: 'clean' } });
    const handle = await started(request);
    const answer = await handle.reject({ ...ANN, retryWith: { name: 'logo' } });
    const retryWorkflowId = answer.retryWorkflowId ?? '';
    expect(retryWorkflowId).toMatch(new RegExp(`^erase/1500000001/${request.fileId}/[0-9a-f]{32}$`));
    expect(await failureOf(handle)).toMatchObject({ class: 'rejected', retryWorkflowId });
    expect((await handle.status()).failure).toMatchObject({ retryWorkflowId });
    const next = stack.client.getHandle(retryWorkflowId);
    const status = await inReview(next);
    expect(status.request).toMatchObject({
      recipe: { name: 'logo' },
      rejectedFrom: 'erase/key/order-1',
      requestedBy: 'shop',
    });
    expect(status.request).not.toHaveProperty('key');
    await next.approve(ANN);
    expect(await next.result()).toMatchObject({
      reused: false,
      recipe: { name: 'logo' },
      sourceFileId: request.fileId,
    });
    expect(await submits(request)).toEqual(['ok', 'ok']);
    expect(await auditOf(handle.workflowId)).toMatchObject([
      { details: { retry: { workflowId: retryWorkflowId, recipe: { name: 'logo' }, existed: false } } },
    ]);
  });

  it('gives the erase by that recipe where there is one already', async () => {
    const request = await stack.request({ recipe: { name: 'logo' } });
    const first = await stack.client.start(request);
    await first.result();
    const handle = await started({ ...request, recipe: { name: 'subtitles' }, review: { timeoutHours: 1 } });
    const { retryWorkflowId } = await handle.reject({ ...ANN, retryWith: { name: 'logo' } });
    expect(retryWorkflowId).toBe(first.workflowId);
    expect(await failureOf(handle)).toMatchObject({ class: 'rejected', retryWorkflowId });
    expect(await auditOf(handle.workflowId)).toMatchObject([{ details: { retry: { existed: true } } }]);
    expect(await submits(request)).toEqual(['ok', 'ok']);
  });

  it('takes an erase whose workflow id has a tab and a line end', async () => {
    const request = await reviewed();
    const workflowId = `by\thand\n${request.fileId}`;
    await stack.temporal.workflow.start('erase', { taskQueue: 'smart-erase', workflowId, args: [request] });
    const handle = stack.client.getHandle(workflowId);
    await inReview(handle);
    const { retryWorkflowId } = await handle.reject({ ...ANN, retryWith: { name: 'logo' } });
    await failureOf(handle);
    const next = stack.client.getHandle(retryWorkflowId ?? '');
    expect((await inReview(next)).request).toMatchObject({ recipe: { name: 'logo' }, rejectedFrom: workflowId });
    await next.approve(ANN);
    await next.result();
  });

  it('is told what else is wrong with the new request', async () => {
    const request = await reviewed();
    const workflowId = `by hand \u0001 ${request.fileId}`;
    await stack.temporal.workflow.start('erase', { taskQueue: 'smart-erase', workflowId, args: [request] });
    const handle = stack.client.getHandle(workflowId);
    await inReview(handle);
    const refused = await handle.reject({ ...ANN, retryWith: { name: 'logo' } }).catch((error: unknown) => error);
    expect((refused as Error).message).toMatch(
      /^An erase by that recipe cannot be asked for: rejectedFrom may hold no/,
    );
    await handle.approve(ANN);
    await handle.result();
  });

  it.each([
    ['that does not exist', { name: 'logos' }, /retryWith is not a recipe: .*logo/],
    ['that is none', 'logo', /retryWith is not a recipe/],
    ['that was used', { name: 'subtitles' }, /the same file again/],
  ])('%s is refused, and the review goes on', async (_what, retryWith, message) => {
    const handle = await started(await reviewed());
    const refused = await handle.reject({ ...ANN, retryWith: retryWith as never }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InvalidRequestError);
    expect((refused as Error).message).toMatch(message);
    expect((await handle.status()).phase).toBe('review');
    await handle.approve(ANN);
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });
});

describe('when nobody decides in time', () => {
  it('approve publishes', async () => {
    const review = { timeoutHours: SECOND, onTimeout: 'approve' as const };
    const handle = await stack.client.start(await reviewed({ review, publish: { name: 'clean' } }));
    expect((await handle.result()).published).toMatchObject({ changed: ['name'] });
    expect(await auditOf(handle.workflowId)).toMatchObject([
      { action: 'review-approved', by: null, reason: expect.stringContaining('Nobody decided') },
    ]);
  });

  it('reject fails the erase', async () => {
    const review = { timeoutHours: SECOND, onTimeout: 'reject' as const };
    const handle = await stack.client.start(await reviewed({ review }));
    expect(await failureOf(handle)).toMatchObject({
      class: 'rejected',
      code: 'ReviewTimeout',
      moneySpent: true,
      resultFileId: expect.stringMatching(/^\d+$/),
    });
    expect(await auditOf(handle.workflowId)).toMatchObject([{ action: 'review-rejected', by: null }]);
  });

  it('hold stays in review, overdue, until somebody does', async () => {
    const handle = await stack.client.start(await reviewed({ review: { timeoutHours: SECOND, onTimeout: 'hold' } }));
    await eventually('an overdue review', async () => ((await handle.status()).review?.overdue ? true : undefined));
    expect(await handle.status()).toMatchObject({ phase: 'review', execution: 'running' });
    await handle.approve(ANN);
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });
});

describe('a cancel in review', () => {
  it('says that the task had finished and is billed, and what its result is', async () => {
    const request = await reviewed({ publish: { name: 'clean' } });
    const handle = await started(request);
    const { resultFileId } = await inReview(handle);
    // A review may take longer than the vendor remembers the task.
    await stack.admin.age(80 * 3_600_000);
    await handle.cancel('not needed');
    const error = await failureOf(handle);
    expect(error).toBeInstanceOf(EraseCancelledError);
    expect(error).toMatchObject({ code: 'Finished', moneySpent: true, resultFileId });
    expect(error.message).toMatch(/finished and is billed/);
    expect(await stack.outcomes('ModifyMediaInfo', resultFileId ?? '')).toEqual([]);
    const { memo } = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
    expect(memo?.eraseReview).toBeUndefined();
  });

  it('of a result that was paid for before spends nothing and names it', async () => {
    const request = await stack.request();
    const { resultFileId } = await stack.client.execute(request);
    const handle = await started({ ...request, key: `cancelled-${request.fileId}`, review: { timeoutHours: 1 } });
    await handle.cancel('not needed');
    expect(await failureOf(handle)).toMatchObject({ code: 'AnotherRunsTask', moneySpent: false, resultFileId });
  });
});

describe('approve and reject', () => {
  it('are refused outside of a review, before and after, and change nothing', async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'PROCESSING' },
      fileId: request.fileId,
      times: 1_000,
    });
    const handle = await stack.client.start(request);
    await eventually('the wait', async () => ((await handle.status()).phase === 'waiting' ? true : undefined));
    for (const decide of [() => handle.approve(ANN), () => handle.reject(ANN)]) {
      const error = await decide().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(EraseNotInReviewError);
      expect((error as Error).message).toContain('not in review (it is waiting)');
    }
    await stack.admin.clearFaults();
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
    await expect(handle.approve(ANN)).rejects.toThrow('This erase has ended.');
  });

  it('need a name and a reason; retry, skip and abort are not for reviews', async () => {
    const handle = await started(await reviewed());
    await expect(handle.approve({ by: '', reason: 'x' })).rejects.toThrow(/"by" is missing/);
    await expect(handle.reject({ by: 'ann', reason: ' ' })).rejects.toThrow(/"reason" is missing/);
    await expect(handle.skip(ANN)).rejects.toThrow(/not held \(it is review\)/);
    await handle.approve(ANN);
    await handle.result();
  });

  it('are kept once, however often the activity that keeps them is repeated', async () => {
    const entry = { action: 'review-approved', subject: 'repeated', by: 'ann', reason: 'x', details: { runId: 'r' } };
    await stack.ledger.audit.write({ ...entry, once: true });
    await stack.ledger.audit.write({ ...entry, once: true });
    await stack.ledger.audit.write({ ...entry, details: { runId: 'another' }, once: true });
    expect(await auditOf('repeated')).toHaveLength(2);
  });

  it('count once: of many at the same time one decides', async () => {
    const handle = await started(await reviewed());
    const answers = await Promise.allSettled([
      handle.approve(ANN),
      handle.reject({ by: 'ben', reason: 'no' }),
      handle.reject({ by: 'cyd', reason: 'no', retryWith: { name: 'logo' } }),
    ]);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await failureOf(handle);
    expect(await auditOf(handle.workflowId)).toHaveLength(1);
  });
});

async function listed(handle: EraseHandle) {
  return await eventually('the list', async () => {
    const rows = [];
    for await (const row of stack.client.list({ phase: 'review' })) {
      if (row.workflowId === handle.workflowId && row.review !== null) rows.push(row);
    }
    return rows.length > 0 ? rows : undefined;
  });
}
