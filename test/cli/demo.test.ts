import { describe, expect, it } from 'vitest';
import { mostInOneSecond, rate, submitNumbers } from '../../src/cli/demo/submit-rate.js';
import { runCli } from '../support/cli.js';

describe('the numbers of the demo', () => {
  it('count calls in any sliding second, whose ends belong to different seconds', () => {
    expect(mostInOneSecond([])).toBe(0);
    expect(mostInOneSecond([0, 1_000])).toBe(1);
    expect(mostInOneSecond([0, 999])).toBe(2);
    expect(mostInOneSecond([2_400, 0, 900, 1_500, 1_800, 2_300])).toBe(4);
  });

  it('are a rate between the first and the last', () => {
    expect(rate([0, 500, 1_000])).toBe(2);
    expect(rate([5])).toBe(0);
  });

  it('leave refusals for the rate out, and other erases out of the rate', () => {
    const call = (at: number, fileId: string, outcome = 'ok') => ({
      at,
      fileId,
      outcome,
      taskId: null,
      action: 'ProcessMediaByMPS',
    });
    const calls = [
      call(0, 'a'),
      call(10, 'b'),
      call(510, 'c'),
      call(520, 'x', 'RequestLimitExceeded'),
      call(530, 'x', 'InternalError'),
    ];
    expect(submitNumbers(calls, new Set(['b', 'c']))).toEqual({
      submits: 3,
      submitsPerSecond: 2,
      maxInOneSecond: 4,
      refusals: 1,
    });
  });
});

describe('the demo', () => {
  it('runs 72 erases of which one is refused, keeps the rate, and stops everything', async () => {
    const { code, stdout, stderr } = await runCli(['demo', '-o', 'json'], {}, { timeoutMs: 170_000 });
    expect([code, stderr.includes('Stopping everything')]).toEqual([0, true]);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({ erases: 72, succeeded: 71, failed: 1, submits: 71, refusals: 0 });
    expect(summary.maxInOneSecond).toBeLessThanOrEqual(20);
    expect(summary.submitsPerSecond).toBeGreaterThan(0);
    await expect(fetch(summary.uiUrl)).rejects.toThrow();
  }, 180_000);
});
