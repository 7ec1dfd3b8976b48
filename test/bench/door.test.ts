import { describe, expect, it } from 'vitest';
import { mostInASecond, mostWithin, secondsUntilRate } from '../../bench/measure/door.js';

describe('the most within a window', () => {
  it.each([
    ['of no calls', [], 100, 0],
    ['of one', [5], 100, 1],
    ['counts all that are closer than the window', [0, 40, 80, 99], 100, 4],
    ['does not count two that are the whole window apart', [0, 50, 100], 100, 2],
    ['is of any window, not only the first', [0, 500, 510, 520, 900], 100, 3],
    ['counts calls of one millisecond', [7, 7, 7], 100, 3],
  ] as const)('%s', (_, times, windowMs, most) => {
    expect(mostWithin(times, windowMs)).toBe(most);
  });

  it('is a second for the limit', () => {
    const twenty = Array.from({ length: 20 }, (_, at) => at * 50);
    expect([mostInASecond([...twenty, 999]), mostInASecond([...twenty, 1_000])]).toEqual([21, 20]);
  });
});

it('full speed is back where the first 5 s have the rate, and not before the event', () => {
  const times = (fromMs: number, count: number, everyMs: number) =>
    Array.from({ length: count }, (_, at) => fromMs + at * everyMs);
  const slow = times(0, 20, 100);
  expect(secondsUntilRate([...slow, ...times(4_000, 100, 50)], 1_000, 19.4)).toBe(3);
  expect(secondsUntilRate([...slow, ...times(4_000, 90, 50)], 1_000, 19.4)).toBeNull();
});
