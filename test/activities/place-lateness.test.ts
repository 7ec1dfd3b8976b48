import { describe, expect, it } from 'vitest';
import { PlaceLateness } from '../../src/activities/place-lateness.js';
import { PLACE_TOLERANCE_MS } from '../../src/ledger/pace.js';

const PER_SECOND = 20;

/** @param everyMs from one place of this process to its next: 50 where it takes them all */
function wishAfter(places: number[], everyMs = 1_000 / PER_SECOND): number {
  let now = 0;
  const lateness = new PlaceLateness(PER_SECOND, () => now);
  for (const lateMs of places) {
    now += everyMs;
    lateness.note(lateMs);
  }
  return lateness.wishedToleranceMs();
}

/** `count` places of which one in `every` is late by `lateMs`, and the others by 3 ms. */
const oneIn = (every: number, lateMs: number, count = 100) =>
  Array.from({ length: count }, (_, i) => (i % every === 0 ? lateMs : 3));

describe('the tolerance that a process wishes for', () => {
  it.each([
    ['in time', oneIn(1, 3)],
    ['late once in a while', oneIn(50, 70)],
    ['slightly late once in a while', oneIn(25, 35)],
    ['late so seldom that it would gain less than a hundredth', oneIn(25, 25)],
    ['so late that no tolerance would do', oneIn(3, 500)],
    ['known by a few places only', oneIn(2, 55, 19)],
  ])('is the least for one that is %s', (_, places) => {
    expect(wishAfter(places)).toBe(PLACE_TOLERANCE_MS);
  });

  it.each([
    [25, 30],
    [45, 50],
    [75, 80],
  ])('has room for the half of its places that are %i ms late: %i ms', (lateMs, wishMs) => {
    expect(wishAfter(oneIn(2, lateMs))).toBe(wishMs);
  });

  it.each([
    [1, 80],
    [2, 80],
    [10, PLACE_TOLERANCE_MS],
  ])(
    'counts what it costs the others: one of %i processes, late at a third of its places, wishes for %i ms',
    (processes, wishMs) => {
      const places = oneIn(3, 75, 75);
      expect(wishAfter(places, processes * 50)).toBe(wishMs);
    },
  );

  it('is forgotten after a quarter of a minute', () => {
    let now = 0;
    const lateness = new PlaceLateness(PER_SECOND, () => now);
    for (const lateMs of oneIn(2, 45)) lateness.note(lateMs);
    now = 16_000;
    expect(lateness.wishedToleranceMs()).toBe(PLACE_TOLERANCE_MS);
  });
});
