import { describe, expect, it } from 'vitest';
import { HoldUps } from '../../src/activities/hold-ups.js';

describe('a process that is held up', () => {
  let nowMs = 0;
  const ticking = () => {
    nowMs = 1_000;
    const holdUps = new HoldUps(() => nowMs);
    nowMs += 2;
    holdUps.tick();
    return holdUps;
  };

  it('knows it while its ticks are overdue', () => {
    const holdUps = ticking();
    nowMs += 20;
    expect(holdUps.heldMs()).toBe(18);
  });

  it('knows it just after its tick, which may come before what is read', () => {
    const holdUps = ticking();
    nowMs += 20;
    holdUps.tick();
    expect(holdUps.heldMs()).toBe(18);
    nowMs += 1;
    expect(holdUps.heldMs()).toBe(19);
  });

  it('is not, once it ticks again', () => {
    const holdUps = ticking();
    nowMs += 20;
    holdUps.tick();
    nowMs += 3;
    holdUps.tick();
    expect(holdUps.heldMs()).toBe(0);
  });

  it('is not while it ticks nearly in time', () => {
    const holdUps = ticking();
    for (let at = 0; at < 50; at += 1) {
      expect(holdUps.heldMs()).toBe(0);
      nowMs += 3.9;
      expect(holdUps.heldMs()).toBe(0);
      holdUps.tick();
    }
  });

  it('sees a loop that keeps it busy', () => {
    const holdUps = new HoldUps();
    const stop = holdUps.start();
    const untilMs = performance.now() + 30;
    while (performance.now() < untilMs);
    expect(holdUps.heldMs()).toBeGreaterThan(27);
    stop();
  });
});
