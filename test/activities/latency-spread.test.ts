import { describe, expect, it } from 'vitest';
import { LatencySpread } from '../../src/activities/latency-spread.js';
import { ALLOWANCE_MS } from '../../src/ledger/pace.js';

/** 0 to 1, evenly, in an order that looks like chance and is always the same. */
const even = (count: number) => Array.from({ length: count }, (_, i) => (i * 0.618_033_988_75) % 1);

function spreadOf(calls: number[]) {
  const spread = new LatencySpread(() => 0);
  for (const tookMs of calls) spread.note(tookMs);
  return spread.report();
}

describe('the spread of latencies', () => {
  it('is assumed to be large on a line that nobody knows, and less with every call', () => {
    const assumed = [0, 10, 20, 39].map((count) => spreadOf(new Array(count).fill(30)));
    expect(assumed.map(({ seenMs }) => seenMs)).toEqual([null, null, null, null]);
    const values = assumed.map(({ assumedMs }) => assumedMs);
    expect(values[0]).toBe(200);
    expect([...values].sort((a, b) => b - a)).toEqual(values);
    expect(values.at(-1)).toBeLessThan(ALLOWANCE_MS);
  });

  it('covers requests that are delayed by up to 200 ms at random', () => {
    const { seenMs } = spreadOf(even(200).map((part) => 20 + 200 * part));
    expect(seenMs).toBeGreaterThan(200);
    // Above this, 0.8 of the rate is out of reach.
    expect(seenMs).toBeLessThan(245);
  });

  it('is below what the pace allows for anyway on a quiet line', () => {
    expect(spreadOf(even(200).map((part) => 8 + 12 * part)).seenMs).toBeLessThan(ALLOWANCE_MS);
  });

  it('is not widened by a busy machine, where one answer in ten is heard late', () => {
    const calls = even(200).map((part, at) => (at % 12 === 0 ? 20 + 40 * part : 2 + 5 * part));
    expect(spreadOf(calls).seenMs).toBeLessThan(ALLOWANCE_MS);
  });

  it('is not widened by the calls that were on their way while the process was stopped', () => {
    const calm = even(190).map((part) => 8 + 8 * part);
    expect(spreadOf([...calm, 10_000, 10_050, 1_900, 1_500]).seenMs).toBeLessThan(ALLOWANCE_MS);
  });

  it('is forgotten after two minutes', () => {
    let now = 0;
    const spread = new LatencySpread(() => now);
    for (const part of even(100)) spread.note(300 * part);
    expect(spread.report().seenMs).toBeGreaterThan(250);
    now = 121_000;
    expect(spread.report()).toEqual({ seenMs: null, assumedMs: 200 });
  });
});
