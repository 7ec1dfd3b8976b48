import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultSpec } from '../../src/simulator/index.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { WEBHOOK_KEY, WebhookReceiver } from '../support/webhook-receiver.js';
import { startWatchedWorker, type WatchedWorker } from '../support/worker-process.js';

const SECRET_KEY = 'vErYsEcReTkEy0123456789abcdef';
const TOKEN = 'tEmPoRaRyToKeN9876543210';

let stack: EraseStack;
let worker: WatchedWorker;
let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await new WebhookReceiver().listen();
  // A refused delivery is reported in logs and in the notification's history.
  receiver.answers = [(response) => response.writeHead(500).end(WEBHOOK_KEY)];
  stack = await EraseStack.start({
    simulator: { credentials: [{ secretId: 'AKIDsecretstest', secretKey: SECRET_KEY, token: TOKEN }] },
    env: {
      TENCENTCLOUD_SECRET_ID: 'AKIDsecretstest',
      TENCENTCLOUD_SECRET_KEY: SECRET_KEY,
      TENCENTCLOUD_TOKEN: TOKEN,
      SMART_ERASE_WEBHOOK_SECRETS: `shop=${WEBHOOK_KEY}`,
      SMART_ERASE_WEBHOOK_ALLOW_HTTP: 'true',
      SMART_ERASE_WEBHOOK_NETWORKS: '127.0.0.1/32',
      SMART_ERASE_LOG_LEVEL: 'trace',
    },
  });
  worker = await startWatchedWorker(stack);
});
afterAll(async () => {
  worker?.process.kill('SIGKILL');
  await stack.stop();
  await receiver.close();
});

/** One of every kind of trouble that puts a text of the vendor's, the SDK's or the network's somewhere. */
const FAULTS: Omit<FaultSpec, 'fileId'>[] = [
  { action: 'ProcessMediaByMPS', kind: 'drop-after-accept' },
  { action: 'ProcessMediaByMPS', kind: 'bad-json' },
  { action: 'ProcessMediaByMPS', kind: 'http-status', status: 502, execute: true },
  { action: 'ProcessMediaByMPS', kind: 'error', code: 'InvalidParameter', message: `bad signature of ${SECRET_KEY}` },
  { action: 'ProcessMediaByMPS', kind: 'error', code: 'RequestLimitExceeded', message: `token ${TOKEN} is too fast` },
  { action: 'DescribeTaskDetail', kind: 'error', code: 'InternalError', message: `key ${SECRET_KEY}` },
  { action: 'DescribeTaskDetail', kind: 'patch', patch: { Status: 'NEVER-SEEN' } },
];

/** Payloads are base64 in a history's JSON; what they say is what counts. */
function readable(history: string): string {
  return history.replace(/"data": ?"([^"]*)"/g, (_, data: string) => Buffer.from(data, 'base64').toString('utf8'));
}

describe('a secret', () => {
  it('stands in no history, log, error, ledger row or output, whatever goes wrong', { timeout: 120_000 }, async () => {
    const handles = [];
    for (const fault of FAULTS) {
      const request = await stack.request({ webhook: { url: receiver.url, secret: 'shop' } });
      await stack.admin.addFault({ ...fault, fileId: request.fileId });
      handles.push(await stack.client.start(request));
    }
    const errors = await Promise.all(handles.map((handle) => handle.result().catch((error: unknown) => error)));
    const request = await stack.request({ webhook: { url: receiver.url, secret: 'shop' } });
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'AuthFailure.SignatureFailure',
      message: `expected ${SECRET_KEY} ${TOKEN}`,
      fileId: request.fileId,
    });
    const held = await stack.client.start(request);
    await eventually('a hold', async () => ((await held.status()).phase === 'held' ? true : undefined));

    const places: Record<string, string> = {};
    for (const handle of [...handles, held]) {
      const history = await stack.temporal.workflow.getHandle(handle.workflowId).fetchHistory();
      places[`history of ${handle.workflowId}`] = readable(historyToJSON(history));
    }
    const query = "WorkflowType = 'eraseNotification'";
    const notifications = await eventually('all notifications', async () => {
      const found = [];
      for await (const run of stack.temporal.workflow.list({ query })) found.push(run);
      return found.length > handles.length ? found : undefined;
    });
    for (const { workflowId } of notifications) {
      const notification = stack.temporal.workflow.getHandle(workflowId);
      places[`history of ${workflowId}`] = readable(historyToJSON(await notification.fetchHistory()));
      places[`description of ${workflowId}`] = JSON.stringify(await notification.describe());
    }
    places.errors = errors
      .map((error) => (error instanceof Error ? `${error.stack} ${JSON.stringify(error)}` : ''))
      .join('\n');
    places['status of a held one'] = JSON.stringify(await held.status());
    for (const table of ['erase', 'submission', 'hold', 'breaker', 'audit', 'rate_limit', 'rate_limit_slot']) {
      places[`table ${table}`] = JSON.stringify((await stack.query(`select * from ${table}`)).rows);
    }
    for (const args of [['doctor'], ['list'], ['status', held.workflowId], ['result', handles[3]?.workflowId ?? '']]) {
      const { stdout, stderr } = await runCli([...args, '-o', 'json'], stack.env);
      places[`smart-erase ${args[0]}`] = stdout + stderr;
    }
    places['the worker’s metrics'] = await worker.metrics();
    places['the worker’s readiness'] = JSON.stringify(await worker.get('/readyz'));
    places['the worker’s log'] = worker.stdout() + worker.stderr();

    expect(places[`history of ${held.workflowId}`]).toContain('"recipe":{"name":"subtitles"}');
    // Each place has something in it, so that "not found" means something.
    expect(Object.entries(places).filter(([, text]) => text.length < 2)).toEqual([]);
    const databasePassword = new URL(stack.env.DATABASE_URL ?? '').password;
    for (const secret of [SECRET_KEY, TOKEN, databasePassword, WEBHOOK_KEY.slice('whsec_'.length)]) {
      expect(secret.length).toBeGreaterThan(5);
      expect(Object.keys(places).filter((place) => places[place]?.includes(secret))).toEqual([]);
    }
  });
});
