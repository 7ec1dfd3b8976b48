import { describe, expect, it } from 'vitest';
import { LatencySpread } from '../../src/activities/latency-spread.js';
import { ALLOWANCE_MS, paceIntervalMs } from '../../src/ledger/pace.js';

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

  it('is taken for wider than what was seen while that is little', () => {
    const calls = even(40).map((part) => 20 + 200 * part);
    const { seenMs } = spreadOf(calls);
    for (const count of [4, 8, 15, 39]) {
      const { assumedMs } = spreadOf(calls.slice(0, count));
      expect(assumedMs).toBeGreaterThan(seenMs ?? Number.POSITIVE_INFINITY);
    }
    // And a quiet line is known for one soon: each call until then costs the rate of all processes.
    expect(spreadOf(even(12).map((part) => 1 + 2 * part)).assumedMs).toBeLessThan(ALLOWANCE_MS);
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

  it('has a middle, which a few calls tell, the slow first ones of a process left aside', () => {
    const slowStart = [90, 60];
    expect(spreadOf([...slowStart, 30, 31]).middleMs).toBeNull();
    expect(spreadOf([...slowStart, 30, 31, 32]).middleMs).toBe(32);
    expect(spreadOf([...slowStart, ...even(198).map((part) => 30 + 4 * part)]).middleMs).toBeCloseTo(32, 0);
    expect(spreadOf(even(200).map((part) => 20 + 200 * part)).middleMs).toBeCloseTo(120, -1);
  });

  it('is forgotten after two minutes', () => {
    let now = 0;
    const spread = new LatencySpread(() => now);
    for (const part of even(100)) spread.note(300 * part);
    expect(spread.report().seenMs).toBeGreaterThan(250);
    now = 121_000;
    expect(spread.report()).toEqual({ seenMs: null, assumedMs: 200, middleMs: null });
  });
});

describe('a pace that begins on a line that nobody knows', () => {
  const STARTS = 300;
  const CALLS = 120;

  /** Places by what was answered until then. @returns starts of which a call came within a second of the one 20 before it */
  function startsRefused(delayMs: (random: number) => number, { assumed }: { assumed: boolean }): number {
    let seed = 1;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    let refused = 0;
    for (let start = 0; start < STARTS; start += 1) {
      const spread = new LatencySpread(() => 0);
      const arrivals: number[] = [];
      let onTheWay: { answeredMs: number; tookMs: number }[] = [];
      let placeMs = 0;
      for (let call = 0; call < CALLS; call += 1) {
        for (const { answeredMs, tookMs } of onTheWay) if (answeredMs <= placeMs) spread.note(tookMs);
        onTheWay = onTheWay.filter(({ answeredMs }) => answeredMs > placeMs);
        const tookMs = delayMs(random());
        arrivals.push(placeMs + tookMs);
        onTheWay.push({ answeredMs: placeMs + tookMs, tookMs });
        const { seenMs, assumedMs } = spread.report();
        placeMs += paceIntervalMs(20, Math.max(ALLOWANCE_MS, seenMs ?? (assumed ? assumedMs : 0)));
      }
      arrivals.sort((a, b) => a - b);
      if (arrivals.some((atMs, at) => atMs - (arrivals[at - 20] ?? Number.NEGATIVE_INFINITY) < 1_000)) refused += 1;
    }
    return refused;
  }

  it('is refused nothing where requests are delayed by 0 to 200 ms', () => {
    expect(startsRefused((random) => 200 * random, { assumed: true })).toBe(0);
    // The model tells the difference: this is what it would be without the assumption.
    expect(startsRefused((random) => 200 * random, { assumed: false })).toBeGreaterThan(STARTS / 10);
  });
});
