import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../faults/tcp-proxy.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { seriesOf, startWatchedWorker, type WatchedWorker } from '../support/worker-process.js';

let stack: EraseStack;
let ledger: TcpProxy;
let worker: WatchedWorker;

beforeAll(async () => {
  stack = await EraseStack.start();
  const url = new URL(stack.env.DATABASE_URL ?? '');
  ledger = await startTcpProxy(Number(url.port));
  url.port = String(ledger.port);
  worker = await startWatchedWorker(stack, { DATABASE_URL: url.href, SMART_ERASE_LOG_LEVEL: 'info' });
});
afterAll(async () => {
  worker?.process.kill('SIGKILL');
  await ledger?.close();
  await stack?.stop();
});

describe('the port of a worker', () => {
  it('says that it lives, that it takes work, and what it counts', { timeout: 90_000 }, async () => {
    expect(await worker.get('/healthz')).toMatchObject({ status: 200, body: { alive: true } });
    await eventually('ready', async () => ((await worker.get('/readyz')).status === 200 ? true : undefined));
    expect(await worker.get('/readyz')).toEqual({
      status: 200,
      body: { ready: true, checks: { temporal: 'ok', ledger: 'ok', workers: 'ok' } },
    });

    const good = await stack.client.start(await stack.request());
    await good.result();
    const refused = await stack.request();
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'UnauthorizedOperation',
      fileId: refused.fileId,
    });
    const held = await stack.client.start(refused);
    await eventually('a hold', async () => ((await held.status()).phase === 'held' ? true : undefined));

    const text = await eventually('the hold in the metrics', async () => {
      const text = await worker.metrics();
      return seriesOf(text, 'smart_erase_holds{class="account"}') === 1 ? text : undefined;
    });
    const value = (series: string) => seriesOf(text, series);
    expect(value('smart_erase_submits_total{outcome="accepted",class="none"}')).toBe(1);
    expect(value('smart_erase_submits_total{outcome="refused",class="account"}')).toBe(1);
    expect(value('smart_erase_breakers{scope="sub-app",state="open"}')).toBe(1);
    expect(value('smart_erase_breakers{scope="account",state="open"}')).toBe(0);
    expect(value('smart_erase_task_outcomes{outcome="succeeded"}')).toBe(1);
    expect(value('smart_erase_erases{phase="held"}')).toBe(1);
    for (const phase of ['review', 'publishing']) expect(value(`smart_erase_erases{phase="${phase}"}`)).toBe(0);
    expect(value('smart_erase_vod_errors_total{action="ProcessMediaByMPS",class="account"}')).toBe(1);
    expect(value('smart_erase_vod_call_seconds_count{action="ProcessMediaByMPS"}')).toBe(2);
    expect(value('smart_erase_completion_lag_seconds_count')).toBe(1);
    expect(value('smart_erase_spent_usd{period="total"}')).toBeGreaterThan(0);
    expect(value('smart_erase_ledger_up')).toBe(1);
    expect(value('smart_erase_worker_ready')).toBe(1);
    // The Temporal SDK's own, in the same answer.
    expect(text).toMatch(/^temporal_activity_execution_latency_seconds_count\{.*activity_type="submitErase"/m);
    expect(text).toMatch(/^temporal_worker_task_slots_available\{/m);
    // Labels are of fixed lists.
    for (const id of [refused.fileId, held.workflowId, '1500000001', stack.simulator.url])
      expect(text).not.toContain(id);
  });

  it('writes its log as lines of JSON, with the run, the task and the RequestId', async () => {
    const lines = worker
      .stderr()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const done = lines.find((line) => line.msg === 'submitErase done' && line.outcome === 'running');
    expect(done).toMatchObject({
      workflowId: expect.stringMatching(/^erase\//),
      level: 'info',
      taskId: expect.stringContaining('-'),
      requestId: expect.any(String),
      time: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('answers while the ledger hangs: alive, not ready, and with no old number', { timeout: 60_000 }, async () => {
    ledger.freeze();
    const text = await eventually('metrics without the ledger', async () => {
      const text = await worker.metrics();
      return seriesOf(text, 'smart_erase_ledger_up') === 0 ? text : undefined;
    });
    expect(text).not.toContain('smart_erase_breakers');
    expect(seriesOf(text, 'smart_erase_submits_total{outcome="accepted",class="none"}')).toBe(1);
    expect(await worker.get('/healthz')).toMatchObject({ status: 200 });
    expect(await worker.get('/readyz')).toEqual({
      status: 503,
      body: { ready: false, checks: { temporal: 'ok', ledger: 'failing', workers: 'ok' } },
    });
    ledger.thaw();
    await eventually('ready again', async () => ((await worker.get('/readyz')).status === 200 ? true : undefined));
    await eventually('the ledger in the metrics', async () => {
      const text = await worker.metrics();
      return seriesOf(text, 'smart_erase_breakers{scope="sub-app",state="open"}') === 1 ? true : undefined;
    });
  });
});
