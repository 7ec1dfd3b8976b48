import { describe, expect, it } from 'vitest';
import { LastLook } from '../../src/activities/last-look.js';
import { moreToleranceMs, roomForMoveMs } from '../../src/activities/send-at-place.js';

describe('by how much places are moved for a call that is late', () => {
  it.each([
    ['in time', 20, 20, 8, 0],
    ['just too late', 20.5, 20, 8, 8.5],
    ['as late as a move may mend', 52, 20, 8, 40],
    ['later than that', 52.5, 20, 8, 0],
    ['of a process that may leave later', 112, 80, 8, 40],
    ['late where a statement takes long', 25, 20, 30, 35],
    ['late where a statement takes nearly as long as a place', 25, 20, 40, 0],
  ])('%s: %d ms late of %d, with room for %d ms: %d ms', (_, lateMs, toleranceMs, roomMs, moreMs) => {
    expect(moreToleranceMs(lateMs, toleranceMs, roomMs)).toBe(moreMs);
  });

  it('has room for half as long again as a statement takes, 8 ms at least', () => {
    expect([0, 5, 10, 20].map(roomForMoveMs)).toEqual([8, 8, 15, 30]);
  });

  it('knows what a statement takes by the looks before, whatever one of them took', () => {
    const looks = new LastLook(() => 0);
    expect(looks.usualMs()).toBe(0);
    for (const tookMs of [3, 130, 2, 4, 3]) looks.note(tookMs);
    expect(looks.usualMs()).toBe(3);
  });
});
