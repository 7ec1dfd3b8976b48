import { describe, expect, it } from 'vitest';
import type { Ledger } from '../../src/ledger/index.js';
import { instrumentLedger } from '../../src/metrics/instrument-ledger.js';
import { countCalls, instrumentVod } from '../../src/metrics/instrument-vod.js';
import { WorkerMetrics } from '../../src/metrics/worker-metrics.js';
import { vodError } from '../../src/tencent-vod/classify.js';
import type { VodApi } from '../../src/tencent-vod/vod-api.js';
import { seriesOf } from '../support/worker-process.js';

const call = { subAppId: 1, fileId: 'f', params: { mpsProcessMediaParams: '{}', smartEraseTask: null } };

/** A vendor whose every method does the same. */
function vendor(act: () => Promise<unknown>): VodApi {
  return new Proxy({} as VodApi, { get: () => act });
}

async function counted(act: () => Promise<unknown>, use: (vod: VodApi) => Promise<unknown>) {
  const metrics = new WorkerMetrics({ submitsPerSecond: 20 });
  const vod = instrumentVod(vendor(act), countCalls(metrics));
  const outcome = await use(vod).catch((error: unknown) => error);
  const text = await metrics.registry.metrics();
  return { outcome, value: (series: string) => seriesOf(text, series), text };
}

describe('a watched vendor', () => {
  it('answers as before, and counts each call', async () => {
    const answer = { taskId: 't', requestId: 'r' };
    const { outcome, value } = await counted(
      async () => answer,
      (vod) => vod.submit(call),
    );
    expect(outcome).toBe(answer);
    expect(value('smart_erase_submits_total{outcome="accepted",class="none"}')).toBe(1);
    expect(value('smart_erase_vod_call_seconds_count{action="ProcessMediaByMPS"}')).toBe(1);
  });

  it.each([
    ['RequestLimitExceeded', 'refused', 'throttled'],
    ['UnauthorizedOperation', 'refused', 'account'],
    ['timeout', 'unclear', 'ambiguous'],
  ])('puts a submit that ended as %s under %s, %s', async (code, outcome, errorClass) => {
    const error = vodError({ action: 'ProcessMediaByMPS', code });
    const seen = await counted(
      () => Promise.reject(error),
      (vod) => vod.submit(call),
    );
    expect(seen.outcome).toBe(error);
    expect(seen.value(`smart_erase_submits_total{outcome="${outcome}",class="${errorClass}"}`)).toBe(1);
    expect(seen.value(`smart_erase_vod_errors_total{action="ProcessMediaByMPS",class="${errorClass}"}`)).toBe(1);
  });

  it('counts no submit for a read, and nothing for a call that we gave up', async () => {
    const given = new Error('given up');
    const { outcome, text, value } = await counted(
      () => Promise.reject(given),
      (vod) => vod.describeTask({ subAppId: 1, taskId: 't' }),
    );
    expect(outcome).toBe(given);
    expect(value('smart_erase_vod_call_seconds_count{action="DescribeTaskDetail"}')).toBeUndefined();
    expect(text).not.toMatch(/vod_errors_total\{action="DescribeTaskDetail",class="\w+"\} [1-9]/);
    expect(value('smart_erase_submits_total{outcome="accepted",class="none"}')).toBe(0);
  });

  it('has a label for no code, however strange', async () => {
    const { text } = await counted(
      () => Promise.reject(vodError({ action: 'DescribeTasks', code: 'Never.Seen.5285000000000000001' })),
      (vod) => vod.listTasks({ subAppId: 1 }),
    );
    expect(text).not.toContain('5285000000000000001');
    expect(text).toMatch(/vod_errors_total\{action="DescribeTasks",class="\w+"\} 1/);
  });
});

describe('a watched ledger', () => {
  it('tells how long after its end a task was booked, and never a negative time', async () => {
    const metrics = new WorkerMetrics({ submitsPerSecond: 20 });
    const booked: string[] = [];
    const recordOutcome = async (taskId: string) => void booked.push(taskId);
    const ledger = { submissions: { recordOutcome } } as unknown as Ledger;
    const watched = instrumentLedger(ledger, metrics);
    const outcome = { outcome: 'succeeded', code: null, message: null, resultFileId: 'f' } as const;
    for (const finishedAt of [new Date(Date.now() - 90_000), new Date(Date.now() + 60_000)]) {
      await watched.submissions.recordOutcome('t', {
        ...outcome,
        result: { files: [], finishedAt: finishedAt.toISOString(), requestId: null },
      });
    }
    await watched.submissions.recordOutcome('u', { ...outcome, result: null });
    expect(booked).toEqual(['t', 't', 'u']);
    const text = await metrics.registry.metrics();
    expect(seriesOf(text, 'smart_erase_completion_lag_seconds_count')).toBe(2);
    expect(seriesOf(text, 'smart_erase_completion_lag_seconds_bucket{le="1"}')).toBe(1);
    expect(seriesOf(text, 'smart_erase_completion_lag_seconds_bucket{le="60"}')).toBe(1);
    expect(seriesOf(text, 'smart_erase_completion_lag_seconds_bucket{le="3600"}')).toBe(2);
  });
});
