import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Clock, SlidingWindow } from '../../src/tencent-vod/sliding-window.js';

/**
 * Time that only a test moves. `offsetMs` is how far the limiter's clock stands beside the true time: it can be set back.
 * Timers fire when the true time has come, and as late as the test likes.
 */
class ManualTime implements Clock {
  trueMs = 0;
  offsetMs = 0;
  #timers: { at: number; then: () => void }[] = [];

  now(): number {
    return this.trueMs + this.offsetMs;
  }

  after(ms: number, then: () => void): () => void {
    const timer = { at: this.trueMs + ms, then };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Moves on in one step; what is due then is late by up to the whole step. */
  async pass(ms: number): Promise<void> {
    this.trueMs += ms;
    const due = this.#timers.filter(({ at }) => at <= this.trueMs);
    this.#timers = this.#timers.filter(({ at }) => at > this.trueMs);
    for (const timer of due) {
      timer.then();
    }
    await settle();
  }
}

/** Lets every promise that can go on go on. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Most passes in any window that is closed at both ends. */
function mostInAWindow(passes: readonly number[], windowMs: number): number {
  return Math.max(
    0,
    ...passes.map((start, index) => passes.slice(index).filter((time) => time - start <= windowMs).length),
  );
}

type Step =
  | { kind: 'take' }
  | { kind: 'tryTake' }
  | { kind: 'abort'; which: number }
  | { kind: 'pass'; ms: number }
  | { kind: 'setBack'; ms: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('take' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('tryTake' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(50) }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.oneof(fc.nat(30), fc.nat(1_500)) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('setBack' as const), ms: fc.integer({ min: 1, max: 5_000 }) }),
    },
  ),
  { maxLength: 80 },
);

describe('the sliding window', () => {
  test('never lets more than its limit pass in any second, in order, whatever timers and clocks do', async () => {
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(0, 0, 70),
        async (script, limit, spacingMs) => {
          const time = new ManualTime();
          const window = new SlidingWindow({ limit, spacingMs, clock: time });
          const passes: number[] = [];
          const order: number[] = [];
          const callers: { abort: AbortController; outcome: 'waits' | 'passed' | 'left' }[] = [];

          const take = (): void => {
            const index = callers.length;
            const caller: (typeof callers)[number] = { abort: new AbortController(), outcome: 'waits' };
            callers.push(caller);
            window.take(caller.abort.signal).then(
              () => {
                caller.outcome = 'passed';
                passes.push(time.trueMs);
                order.push(index);
              },
              () => {
                caller.outcome = 'left';
              },
            );
          };

          for (const step of script) {
            if (step.kind === 'take') {
              take();
            } else if (step.kind === 'tryTake') {
              const othersWait = window.waiting > 0;
              const passed = window.tryTake();
              expect(passed && othersWait).toBe(false);
              if (passed) {
                passes.push(time.trueMs);
              }
            } else if (step.kind === 'abort') {
              callers[step.which % Math.max(1, callers.length)]?.abort.abort(new Error('left'));
            } else if (step.kind === 'pass') {
              await time.pass(step.ms);
            } else {
              time.offsetMs -= step.ms;
            }
            await settle();
          }
          // Everybody who did not leave gets through in the end, and no timer is left behind.
          for (let round = 0; round < 400 && window.waiting > 0; round++) {
            await time.pass(500);
          }
          expect(callers.filter(({ outcome }) => outcome === 'waits')).toEqual([]);
          expect(time.pending).toBe(0);

          expect(mostInAWindow(passes, 1_000)).toBeLessThanOrEqual(limit);
          expect(order).toEqual([...order].sort((a, b) => a - b));
          const gaps = passes.slice(1).map((at, index) => at - (passes[index] ?? 0));
          expect(gaps.every((gap) => gap >= spacingMs)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('gives all of its room to a burst, and the rest a full window later', async () => {
    const time = new ManualTime();
    const window = new SlidingWindow({ limit: 3, clock: time });
    const passed: number[] = [];
    for (let index = 0; index < 5; index++) {
      void window.take().then(() => passed.push(time.trueMs));
    }
    await settle();
    expect(passed).toEqual([0, 0, 0]);
    await time.pass(1_000);
    expect(passed).toHaveLength(3);
    await time.pass(1);
    expect(passed).toEqual([0, 0, 0, 1_001, 1_001]);
  });

  test('saves no room up while nobody calls', async () => {
    const time = new ManualTime();
    const window = new SlidingWindow({ limit: 2, clock: time });
    await time.pass(60_000);
    expect([window.tryTake(), window.tryTake(), window.tryTake()]).toEqual([true, true, false]);
  });

  test('throws the reason of a signal that has fired before', async () => {
    const reason = new Error('too late');
    await expect(new SlidingWindow({ limit: 1 }).take(AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('holds its promise on the real clock', async () => {
    const window = new SlidingWindow({ limit: 5, windowMs: 100 });
    const passes: number[] = [];
    await Promise.all(
      Array.from({ length: 18 }, async () => {
        await window.take();
        passes.push(performance.now());
      }),
    );
    // A pass is stamped after it was given, so stamps may bunch up by a little less than a window, never by one.
    expect((passes.at(-1) ?? 0) - (passes[0] ?? 0)).toBeGreaterThan(250);
  });

  test.each([0, -1, 1.5, Number.NaN])('cannot have the limit %d', (limit) => {
    expect(() => new SlidingWindow({ limit })).toThrow(RangeError);
  });
});
