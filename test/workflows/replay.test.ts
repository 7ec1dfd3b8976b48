import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EraseHandle, EraseNotFoundError, type EraseRequest } from '../../src/client.js';
import { batchWorkflowId } from '../../src/contract/batch.js';
import { startBatch, until } from '../support/batch.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { sharedTemporal } from '../support/temporal.js';
import { WEBHOOK_KEY, WebhookReceiver } from '../support/webhook-receiver.js';

/**
 * Histories of every shape that a run can have. A change of workflow code that cannot replay one of them would break runs
 * that are under way when it is deployed. `npm run histories` stores those of new shapes; a stored one is never changed.
 */
const STORE = fileURLToPath(new URL('../histories/erase', import.meta.url));
const RECORD = process.env.RECORD_HISTORIES === '1';

let stack: EraseStack;
let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await new WebhookReceiver().listen();
  stack = await EraseStack.start({
    simulator: { taskDurationMs: 300 },
    env: {
      SMART_ERASE_WEBHOOK_SECRETS: `shop=${WEBHOOK_KEY}`,
      SMART_ERASE_WEBHOOK_ALLOW_HTTP: 'true',
      SMART_ERASE_WEBHOOK_NETWORKS: '127.0.0.1/32',
    },
  });
  await stack.startWorker();
});
afterAll(async () => {
  await stack.stop();
  await receiver.close();
});

const SUBMIT = 'ProcessMediaByMPS';

async function phase(handle: EraseHandle, name: string): Promise<void> {
  await eventually(`phase ${name}`, async () => ((await handle.status()).phase === name ? true : undefined));
}

async function ended(handle: EraseHandle): Promise<EraseHandle> {
  await handle.result().catch(() => undefined);
  return handle;
}

async function heldBy(action: string, request: Awaited<ReturnType<EraseStack['request']>>): Promise<EraseHandle> {
  await stack.admin.addFault({ action, kind: 'error', code: 'UnauthorizedOperation', times: 1 });
  const handle = await stack.client.start(request);
  await phase(handle, 'held');
  return handle;
}

const decide = (handle: EraseHandle, update: string) =>
  stack.temporal.workflow
    .getHandle(handle.workflowId)
    .executeUpdate(update, { args: [{ by: 'operator', reason: 'recorded' }] });

/** The workflow that delivers the first webhook of an erase, when it has ended. */
async function notificationOf({ workflowId }: EraseHandle): Promise<{ workflowId: string }> {
  const query = `WorkflowType = 'eraseNotification' AND WorkflowId STARTS_WITH 'notify/${workflowId}/'`;
  return await eventually(`the notification of ${workflowId}`, async () => {
    for await (const run of stack.temporal.workflow.list({ query })) {
      await stack.temporal.workflow.getHandle(run.workflowId).result();
      return run;
    }
    return undefined;
  });
}

const withWebhook = () => stack.request({ webhook: { url: receiver.url, secret: 'shop' } });

const SHAPES: Record<string, () => Promise<{ workflowId: string }>> = {
  succeeded: async () => ended(await stack.client.start(await stack.request())),
  published: async () =>
    ended(await stack.client.start(await stack.request({ publish: { name: 'n', procedure: 'p', prefetch: true } }))),
  'batch-item': async () => ended(await stack.client.start(await stack.request({ batchId: 'b' }))),
  reused: async () => {
    const request = await stack.request();
    await stack.client.execute(request);
    return ended(await stack.client.start({ ...request, key: `again-${request.fileId}`, publish: { name: 'n' } }));
  },
  'batch-feeder': async () => {
    const id = await startBatch(stack, 3, { settings: { sampleSize: 1 } });
    const feeder = stack.temporal.workflow.getHandle(batchWorkflowId(id));
    await until(stack, id, 'its sample', ({ waitingFor, counts }) => waitingFor === 'sample' && counts.running === 0);
    await feeder.executeUpdate('go', { args: [{ by: 'operator', reason: 'recorded' }] });
    await feeder.result();
    return feeder;
  },
  'bad-input': async () => {
    const workflowId = 'recorded-bad-input';
    await stack.temporal.workflow.start('erase', { taskQueue: 'smart-erase', workflowId, args: [{ fileId: 7 }] });
    return ended(stack.client.getHandle(workflowId));
  },
  'task-failed': async () => {
    const request = await stack.request();
    await stack.admin.addFault({ action: SUBMIT, kind: 'task-failure', code: 'SourceFileError.NotExist' });
    return ended(await stack.client.start(request));
  },
  'joined-task-aborted': async () => {
    const { fileId, ...request } = await stack.request();
    const patch = { Status: 'ABORTED' };
    await stack.admin.addFault({ action: 'DescribeTaskDetail', kind: 'patch', patch, fileId, times: 1_000 });
    const start = (key: string) => stack.client.start({ ...request, fileId, key: `${key}-${fileId}` });
    const handles = await Promise.all(['a', 'b'].map(start));
    await Promise.all(handles.map(ended));
    // The one that joined was the last to submit.
    const { rows } = await stack.query(`select submission.workflow_id from submission join erase on erase.id = erase_id
      where file_id = '${fileId}' order by number desc limit 1`);
    return stack.client.getHandle(rows[0].workflow_id);
  },
  resubmitted: async () => {
    const request = await stack.request();
    await stack.admin.addFault({ action: SUBMIT, kind: 'task-failure', code: 'InternalError' });
    return ended(await stack.client.start(request));
  },
  'held-then-retried': async () => {
    const handle = await heldBy(SUBMIT, await stack.request());
    await decide(handle, 'retry');
    return ended(handle);
  },
  'held-then-skipped': async () => {
    const handle = await heldBy(SUBMIT, await stack.request());
    await decide(handle, 'skip');
    return ended(handle);
  },
  'held-in-publish-then-skipped': async () => {
    const handle = await heldBy('ModifyMediaInfo', await stack.request({ publish: { name: 'n' } }));
    await decide(handle, 'skip');
    return ended(handle);
  },
  'cancelled-while-held': async () => {
    const handle = await heldBy(SUBMIT, await stack.request());
    await handle.cancel('recorded');
    return ended(handle);
  },
  'cancelled-while-waiting': async () => {
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'PROCESSING' },
      fileId: request.fileId,
      times: 500,
    });
    const handle = await stack.client.start(request);
    await phase(handle, 'waiting');
    await handle.cancel('recorded');
    return ended(handle);
  },
  expired: async () => {
    const request = await stack.request({ deadlineHours: 1 / 3_600 });
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'PROCESSING' },
      fileId: request.fileId,
      times: 500,
    });
    return ended(await stack.client.start(request));
  },
  'approved-then-published': async () => {
    const handle = await inReview(await stack.client.start(await withReview({ publish: { name: 'n' } })));
    await decide(handle, 'approve');
    return ended(handle);
  },
  rejected: async () => {
    const handle = await inReview(await stack.client.start(await withReview()));
    await decide(handle, 'reject');
    return ended(handle);
  },
  'rejected-for-another-recipe': async () => {
    const handle = await inReview(await stack.client.start(await withReview()));
    const reject = { by: 'operator', reason: 'recorded' };
    await handle.reject({ ...reject, retryWith: { name: 'no-such-recipe' } }).catch(() => undefined);
    const { retryWorkflowId } = await handle.reject({ ...reject, retryWith: { name: 'logo' } });
    // The decision is answered before the new erase has begun.
    await eventually('the new erase', () =>
      stack.client
        .getHandle(retryWorkflowId ?? '')
        .cancel('recorded')
        .catch((error: unknown) => {
          if (!(error instanceof EraseNotFoundError)) throw error;
          return undefined;
        }),
    );
    return ended(handle);
  },
  'review-timed-out': async () =>
    ended(await stack.client.start(await withReview({ review: { timeoutHours: 1 / 3_600, onTimeout: 'approve' } }))),
  'overdue-in-review-then-approved': async () => {
    const handle = await stack.client.start(await withReview({ review: { timeoutHours: 1 / 3_600 } }));
    await eventually('an overdue review', async () => ((await handle.status()).review?.overdue ? true : undefined));
    await decide(handle, 'approve');
    return ended(handle);
  },
  'cancelled-in-review': async () => {
    const handle = await inReview(await stack.client.start(await withReview()));
    await handle.cancel('recorded');
    return ended(handle);
  },
  'with-webhook': async () => ended(await stack.client.start(await withWebhook())),
  'held-and-cancelled-with-webhook': async () => {
    const handle = await heldBy(SUBMIT, await withWebhook());
    await notificationOf(handle);
    await handle.cancel('recorded');
    return ended(handle);
  },
  // Without a watch on this worker it ends in its first round.
  'completion-watch': async () => {
    const workflowId = 'watch/1500000001';
    await stack.temporal.workflow.execute('completionWatch', {
      taskQueue: 'smart-erase',
      workflowId,
      args: [{ subAppId: 1500000001 }],
    });
    return { workflowId };
  },
  notification: async () => notificationOf(await ended(await stack.client.start(await withWebhook()))),
};

interface StoredHistory {
  events: { workflowExecutionStartedEventAttributes?: { workflowId?: string } }[];
}

const inReview = async (handle: EraseHandle) => phase(handle, 'review').then(() => handle);
const withReview = (fields: Partial<EraseRequest> = {}) => stack.request({ review: { timeoutHours: 24 }, ...fields });

function replay(workflowId: string, history: unknown): Promise<void> {
  const { workflowBundle } = sharedTemporal();
  return Worker.runReplayHistory({ workflowBundle: { codePath: workflowBundle } }, history, workflowId);
}

describe('a run that is', () => {
  it.each(Object.entries(SHAPES))('%s replays', async (name, make) => {
    const handle = await make();
    await stack.admin.clearFaults();
    await stack.closeBreakers();
    const history = await stack.temporal.workflow.getHandle(handle.workflowId).fetchHistory();
    await replay(handle.workflowId, history);
    const file = join(STORE, `${name}.json`);
    if (RECORD && !existsSync(file)) {
      mkdirSync(STORE, { recursive: true });
      // Removes who recorded it, and where.
      const text = historyToJSON(history)
        .replace(/"identity": "[^"]*"/g, '"identity": "recorded"')
        .replace(/"stackTrace": "(?:[^"\\]|\\.)*"/g, '"stackTrace": ""');
      writeFileSync(file, `${text.replaceAll(hostname(), 'host')}\n`);
    }
  });
});

describe('a stored history of', () => {
  const stored = existsSync(STORE) ? readdirSync(STORE).map((file) => file.replace(/\.json$/, '')) : [];

  it('every shape exists', () => {
    expect(stored.toSorted()).toEqual(Object.keys(SHAPES).toSorted());
  });

  it.each(stored)('%s replays', async (name) => {
    const history = JSON.parse(readFileSync(join(STORE, `${name}.json`), 'utf8')) as StoredHistory;
    // By its own id: the ids of child workflows are made of it.
    const started = history.events[0]?.workflowExecutionStartedEventAttributes;
    await replay(started?.workflowId ?? `stored-${name}`, history);
  });

  it('another workflow does not replay: the check can fail', async () => {
    const text = readFileSync(join(STORE, 'succeeded.json'), 'utf8');
    const broken = JSON.parse(text.replaceAll('"fetchResult"', '"somethingElse"')) as unknown;
    await expect(replay('broken', broken)).rejects.toThrow(/[Nn]ondeterminism|determinis/);
  });
});
