import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QUEUE } from '../../src/contract/names.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { findPrometheus, NO_PROMETHEUS, type PrometheusProcess, startPrometheus } from '../support/prometheus.js';
import { startWatchedWorker, type WatchedWorker } from '../support/worker-process.js';

interface Panel {
  title: string;
  type: string;
  targets?: { expr: string }[];
}

const dashboard = JSON.parse(
  readFileSync(new URL('../../deploy/grafana/dashboards/smart-erase.json', import.meta.url), 'utf8'),
) as { panels: Panel[] };
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr] as const),
);

/**
 * Without what a panel shows where there is nothing: `or vector(0)`, and the `> 0` before it, would answer of any series, even of
 * one that is not there.
 */
function withoutFallback(expr: string): string {
  return expr.replace(/(\s*>\s*0)?\s+or\s+vector\(0\)/g, '');
}

/** Every series that an expression reads: what stands before a window, a comparison or an operator. */
function selectorsOf(expr: string): string[] {
  const found = expr.match(/\b(smart_erase[\w:]*|temporal_\w+|nodejs_\w+|process_\w+|up)\b(\{[^}]*\})?/g) ?? [];
  return [...new Set(found)];
}

const path = findPrometheus('prometheus');
if (path === undefined) console.error(NO_PROMETHEUS);

describe.skipIf(path === undefined)('a Prometheus that scrapes a worker under load', () => {
  let stack: EraseStack;
  let worker: WatchedWorker;
  let prometheus: PrometheusProcess;

  beforeAll(async () => {
    stack = await EraseStack.start();
    worker = await startWatchedWorker(stack, {}, { timeoutMs: 170_000 });
    prometheus = await startPrometheus(path ?? '', [new URL(worker.url).host]);
    await stack.ledger.caps.change({ scope: 'all', period: 'day', limitUsd: 1_000, by: 'test', reason: 'to be seen' });
    await load();
  }, 120_000);
  afterAll(async () => {
    worker?.process.kill('SIGKILL');
    await prometheus?.stop();
    await stack?.stop();
  });

  /** Something of everything: results, a strange answer, a broken workflow, a failure, a cancel, and at last a refusal that opens a breaker. */
  async function load(): Promise<void> {
    // A rate is of what comes after the first look.
    await eventually('two looks', async () =>
      (await prometheus.query('count_over_time(smart_erase_submits_total[1m]) > 1')).length > 0 ? true : undefined,
    );
    const strange = await stack.request();
    await stack.admin.addFault({
      action: 'DescribeTaskDetail',
      kind: 'patch',
      patch: { Status: 'NEVER-SEEN' },
      fileId: strange.fileId,
    });
    const requests = [strange, ...(await Promise.all([1, 2, 3, 4].map(() => stack.request())))];
    const handles = await Promise.all(requests.map((request) => stack.client.start(request)));
    await Promise.all(handles.map((handle) => handle.result()));
    // The library has no such file.
    const failed = await stack.client.start({ ...strange, fileId: '5285999999999999999' });
    await expect(failed.result()).rejects.toMatchObject({ class: 'input' });
    const slow = await stack.client.start(await stack.request({ review: { timeoutHours: 1 } }));
    await eventually('a review', async () => ((await slow.status()).phase === 'review' ? true : undefined));
    await slow.cancel('a test');
    await expect(slow.result()).rejects.toMatchObject({ class: 'cancelled' });
    await stack.temporal.workflow.start('notThere', { taskQueue: QUEUE.main, workflowId: 'not-there' });
    const refused = await stack.request();
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'UnauthorizedOperation',
      fileId: refused.fileId,
    });
    const held = await stack.client.start(refused);
    await eventually('a hold', async () => ((await held.status()).phase === 'held' ? true : undefined));
    // Some looks after the last event: rates need two.
    await eventually('what Prometheus has seen', async () => {
      const [failed] = await prometheus.query('count_over_time(temporal_workflow_task_execution_failed_total[1m]) > 2');
      const [hold] = await prometheus.query('smart_erase_holds{class="account"} == 1');
      return failed !== undefined && hold !== undefined ? true : undefined;
    });
  }

  it('has an answer to each query of the dashboard', { timeout: 60_000 }, async () => {
    expect(queries.length).toBeGreaterThan(20);
    const silent: string[] = [];
    for (const [title, query] of queries) {
      const expr = withoutFallback(query);
      expect(expr, title).not.toMatch(/\bvector\b|\babsent\b/);
      const samples = await prometheus.query(expr);
      if (samples.length === 0 || samples.every(({ value }) => value[1] === 'NaN')) silent.push(`${title}: ${expr}`);
    }
    expect(silent).toEqual([]);
  });

  it('has every series that an alert looks at, and can judge each alert', { timeout: 60_000 }, async () => {
    const rules = await prometheus.rules();
    expect(rules.filter(({ type }) => type === 'alerting').length).toBeGreaterThan(15);
    expect(rules.filter(({ health, lastError }) => health !== 'ok' || lastError).map(({ name }) => name)).toEqual([]);
    const missing: string[] = [];
    for (const { name, query } of rules) {
      const selectors = selectorsOf(query);
      expect(selectors, name).not.toEqual([]);
      for (const selector of selectors) {
        if ((await prometheus.query(selector)).length === 0) missing.push(`${name}: ${selector}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('sees what is wrong with it, and nothing else that would wake somebody up', async () => {
    const paged = [
      'SmartEraseBreakerOpen',
      'SmartEraseCapReached',
      'SmartEraseTaskNearlyForgotten',
      'SmartEraseNoWorker',
    ];
    const judged = await eventually('the breaker', async () => {
      const rules = await prometheus.rules();
      return rules.some(({ name, state }) => name === 'SmartEraseBreakerOpen' && state !== 'inactive')
        ? rules
        : undefined;
    });
    const active = judged.filter(({ name, state }) => paged.includes(name) && state !== 'inactive');
    expect(active.map(({ name }) => name)).toEqual(['SmartEraseBreakerOpen']);
  });

  it('finds no id and no address in any label', async () => {
    const values = new Set(
      (await prometheus.query('{__name__=~"smart_erase.+"}')).flatMap(({ metric }) => Object.values(metric)),
    );
    expect(values.size).toBeGreaterThan(20);
    const longDigits = [...values].filter((value) => /\d{6}/.test(value) || value.includes('://'));
    expect(longDigits).toEqual([]);
  });
});
