import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import type { EraseRequest, WebhookRequest } from '../../src/contract/request.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { WEBHOOK_KEY, WebhookReceiver } from '../support/webhook-receiver.js';

const SUBMIT = 'ProcessMediaByMPS';
const ENV = {
  SMART_ERASE_WEBHOOK_SECRETS: `shop=${WEBHOOK_KEY}`,
  SMART_ERASE_WEBHOOK_ALLOW_HTTP: 'true',
  SMART_ERASE_WEBHOOK_NETWORKS: '127.0.0.1/32',
};

let stack: EraseStack;
let receiver: WebhookReceiver;

beforeAll(async () => {
  stack = await EraseStack.start({ env: ENV });
  receiver = await new WebhookReceiver().listen();
  await stack.startWorker();
});
beforeEach(() => stack.clear());
afterAll(async () => {
  await stack.stop();
  await receiver.close();
});

const withWebhook = (fields: Partial<EraseRequest> = {}, to = receiver) =>
  stack.request({ webhook: { url: to.url, secret: 'shop' }, ...fields });

async function phase(handle: EraseHandle, name: string): Promise<void> {
  await eventually(`phase ${name}`, async () => ((await handle.status()).phase === name ? true : undefined));
}

const decide = (handle: EraseHandle, update: string) =>
  stack.temporal.workflow
    .getHandle(handle.workflowId)
    .executeUpdate(update, { args: [{ by: 'operator', reason: 'test' }] });

/** Ids of the notifications of an erase, oldest first, when visibility knows that many. */
async function notificationsOf(workflowId: string, count: number): Promise<string[]> {
  return await eventually(`${count} notifications of ${workflowId}`, async () => {
    const ids: string[] = [];
    const query = `WorkflowType = 'eraseNotification' AND WorkflowId STARTS_WITH 'notify/${workflowId}/'`;
    for await (const { workflowId: id } of stack.temporal.workflow.list({ query })) ids.unshift(id);
    return ids.length >= count ? ids : undefined;
  });
}

const historyOf = async (workflowId: string) =>
  (await stack.temporal.workflow.getHandle(workflowId).fetchHistory()).events ?? [];

describe('a webhook', () => {
  it('tells of an erase that succeeded, with its result', async () => {
    const request = await withWebhook();
    const handle = await stack.client.start(request);
    const result = await handle.result();
    const [event] = await receiver.eventsOf(handle.workflowId, 1);
    const { runId } = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
    expect(event).toEqual({
      type: 'erase.succeeded',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        workflowId: handle.workflowId,
        runId,
        sourceFileId: request.fileId,
        taskId: result.taskId,
        resultFileId: result.resultFileId,
        result,
      },
    });
    // Five events more than without: the notification is started, and one more workflow task hears of it.
    expect((await historyOf(handle.workflowId)).length).toBeLessThanOrEqual(31);
  });

  it('tells of an erase that failed, with what its failure says', async () => {
    const request = await withWebhook();
    await stack.admin.addFault({ action: SUBMIT, kind: 'task-failure', code: 'SourceFileError.NotExist' });
    const handle = await stack.client.start(request);
    await expect(handle.result()).rejects.toMatchObject({ class: 'taskFailed' });
    const [event] = await receiver.eventsOf(handle.workflowId, 1);
    expect(event).toMatchObject({
      type: 'erase.failed',
      data: {
        sourceFileId: request.fileId,
        failure: { class: 'taskFailed', code: 'SourceFileError.NotExist', moneySpent: true },
      },
    });
    expect(event?.data.result).toBeUndefined();
  });

  it('tells of an erase that was refused as bad input', async () => {
    const request = await withWebhook();
    const workflowId = `bad-${request.fileId}`;
    const args = [{ ...request, recipe: { name: 'no-such-recipe' } }];
    await stack.temporal.workflow.start('erase', { taskQueue: 'smart-erase', workflowId, args });
    const [event] = await receiver.eventsOf(workflowId, 1);
    expect(event).toMatchObject({ type: 'erase.failed', data: { failure: { class: 'input', moneySpent: false } } });
  });

  it('tells of every hold, and then of the end', async () => {
    const request = await withWebhook();
    for (const code of ['UnauthorizedOperation', 'UnauthorizedOperation.CamNoAuth']) {
      await stack.admin.addFault({ action: SUBMIT, kind: 'error', code, times: 1 });
    }
    const handle = await stack.client.start(request);
    await receiver.eventsOf(handle.workflowId, 1);
    await phase(handle, 'held');
    await decide(handle, 'retry');
    await receiver.eventsOf(handle.workflowId, 2);
    await phase(handle, 'held');
    await decide(handle, 'skip');
    const events = await receiver.eventsOf(handle.workflowId, 3);
    expect(events.map(({ type }) => type)).toEqual(['erase.held', 'erase.held', 'erase.failed']);
    expect(events[0]?.data.held).toMatchObject({ class: 'account', since: expect.any(String) });
    expect(events[2]?.data.failure).toMatchObject({ class: 'skipped', moneySpent: false });
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('tells anew of a run that was reset, with the ids of the new run', async () => {
    const request = await withWebhook();
    await stack.admin.addFault({ action: SUBMIT, kind: 'error', code: 'UnauthorizedOperation', times: 1 });
    const handle = await stack.client.start(request);
    await phase(handle, 'held');
    await decide(handle, 'retry');
    await handle.result();
    await receiver.eventsOf(handle.workflowId, 2);
    const tasks = (await historyOf(handle.workflowId)).filter((event) => event.workflowTaskCompletedEventAttributes);
    const { runId } = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
    // Before the task that notifies of the end; the notification of the hold is replayed, and must have the same id.
    await stack.temporal.workflowService.resetWorkflowExecution({
      namespace: stack.env.TEMPORAL_NAMESPACE,
      workflowExecution: { workflowId: handle.workflowId, runId },
      reason: 'test',
      requestId: 'reset-once',
      workflowTaskFinishEventId: tasks.at(-2)?.eventId,
    });
    const events = await receiver.eventsOf(handle.workflowId, 3);
    expect(events.map(({ type }) => type)).toEqual(['erase.held', 'erase.succeeded', 'erase.succeeded']);
    expect(events[2]?.data.runId).not.toBe(runId);
    expect(events[2]?.data.result?.taskId).toBe(events[1]?.data.result?.taskId);
  });

  it('tells of an erase that was cancelled, and is not cancelled with it', async () => {
    const request = await withWebhook();
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'PROCESSING' },
      fileId: request.fileId,
      times: 500,
    });
    const handle = await stack.client.start(request);
    await phase(handle, 'waiting');
    await handle.cancel('test');
    await expect(handle.result()).rejects.toThrow();
    const [event] = await receiver.eventsOf(handle.workflowId, 1);
    expect(event).toMatchObject({
      type: 'erase.cancelled',
      data: { failure: { class: 'cancelled', moneySpent: true } },
    });
  });

  it('is delivered when its receiver is up again, with the same id and a new time; nobody waits for it', async () => {
    const down = await new WebhookReceiver().listen();
    await down.close();
    const handle = await stack.client.start(await withWebhook({}, down));
    await handle.result();
    const [id = ''] = await notificationsOf(handle.workflowId, 1);
    const notification = stack.temporal.workflow.getHandle(id);
    await eventually('an attempt that failed', async () => {
      const { raw } = await notification.describe();
      const message = raw.pendingActivities?.[0]?.lastFailure?.message ?? '';
      return message.includes('ECONNREFUSED') || undefined;
    });
    // It takes the message, and its answer is lost: at least once means that it comes again.
    down.answers = [(response) => response.socket?.destroy(), (response) => response.writeHead(200).end()];
    await down.listen();
    expect(await notification.result()).toMatchObject({ status: 200 });
    const [first, second] = down.received;
    expect(down.events().map(({ data }) => data.workflowId)).toEqual([handle.workflowId, handle.workflowId]);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(second?.body).toBe(first?.body);
    expect(Number(second?.headers['webhook-timestamp'])).toBeGreaterThan(Number(first?.headers['webhook-timestamp']));
    await down.close();
  }, 60_000);

  it('is tried no more once its receiver says 410', async () => {
    const gone = await new WebhookReceiver().listen();
    gone.answers = [(response) => response.writeHead(410).end()];
    const handle = await stack.client.start(await withWebhook({}, gone));
    await handle.result();
    const [id = ''] = await notificationsOf(handle.workflowId, 1);
    await expect(stack.temporal.workflow.getHandle(id).result()).rejects.toMatchObject({
      cause: { type: 'webhookUndelivered', message: expect.stringContaining('410') },
    });
    expect(gone.received).toHaveLength(1);
    await gone.close();
  });

  it('that is answered by a redirect to this machine does not follow it', async () => {
    const target = await new WebhookReceiver().listen();
    const redirecting = await new WebhookReceiver().listen();
    redirecting.answers = [(response) => response.writeHead(307, { location: target.url }).end()];
    const handle = await stack.client.start(await withWebhook({}, redirecting));
    await handle.result();
    const [id = ''] = await notificationsOf(handle.workflowId, 1);
    const notification = stack.temporal.workflow.getHandle(id);
    await eventually('the sentence about redirects', async () => {
      const { raw } = await notification.describe();
      const message = raw.pendingActivities?.[0]?.lastFailure?.message ?? '';
      return /HTTP 307; redirects are not followed/.test(message) || undefined;
    });
    await notification.terminate();
    expect(target.received).toEqual([]);
    await Promise.all([target.close(), redirecting.close()]);
  });
});

describe('an erase whose webhook this worker cannot use', () => {
  it.each([
    [
      'a secret of an unknown name',
      { secret: 'nobody' } as Partial<WebhookRequest>,
      'webhook.secret "nobody" is not known',
    ],
    ['an address that is not public', { url: 'http://169.254.169.254/latest' }, '169.254.169.254 is not a public'],
    ['a URL with a password', { url: 'https://user:pass@shop.example/' }, 'has a user or a password'],
    ['the secret itself', { secret: WEBHOOK_KEY }, 'must be the name of a secret'],
  ])('is refused before anything is paid: %s', async (_what, part, words) => {
    const request = await withWebhook();
    const args = [{ ...request, webhook: { ...request.webhook, ...part } }];
    const workflowId = `unusable-${request.fileId}`;
    await stack.temporal.workflow.start('erase', { taskQueue: 'smart-erase', workflowId, args });
    const handle = stack.client.getHandle(workflowId);
    await expect(handle.result()).rejects.toMatchObject({
      class: 'input',
      moneySpent: false,
      message: expect.stringContaining(words),
    });
    expect(await stack.outcomes(SUBMIT, request.fileId)).toEqual([]);
    if (part.secret === 'nobody') {
      const events = await historyOf(workflowId);
      expect(events.some((event) => event.startChildWorkflowExecutionInitiatedEventAttributes)).toBe(false);
    }
  });
});

describe('the secret of a webhook', () => {
  it('stands in no history, no list and no row', async () => {
    const bare = WEBHOOK_KEY.slice('whsec_'.length);
    const texts: string[] = [];
    let histories = 0;
    const query = "WorkflowType = 'erase' OR WorkflowType = 'eraseNotification'";
    for await (const { workflowId, memo } of stack.temporal.workflow.list({ query })) {
      // The one that was sent the secret itself, to see it refused.
      const events = await historyOf(workflowId);
      const text = Buffer.from(JSON.stringify(events)).toString('utf8');
      const payloads = [...text.matchAll(/"data":"([^"]+)"/g)].map(([, data]) =>
        Buffer.from(data ?? '', 'base64').toString('utf8'),
      );
      const all = `${text}${payloads.join()}${JSON.stringify(memo)}`;
      if (all.includes('must be the name of a secret')) continue;
      histories += 1;
      texts.push(all);
    }
    const client = new pg.Client({ connectionString: stack.env.DATABASE_URL });
    await client.connect();
    const { rows: tables } = await client.query(
      "select table_name from information_schema.tables where table_schema = 'public'",
    );
    for (const { table_name: table } of tables) {
      const { rows } = await client.query(`select to_jsonb(t)::text as row from "${table}" t`);
      texts.push(...rows.map(({ row }) => String(row)));
    }
    await client.end();
    expect(histories).toBeGreaterThan(8);
    expect(texts.some((text) => text.includes('shop'))).toBe(true);
    expect(texts.filter((text) => text.includes(bare))).toEqual([]);
  });
});
