import { expect, it } from 'vitest';
import { CalmStart } from '../../src/activities/calm-start.js';

/** A process whose pauses take longer by what `lateMs` says of the moment. */
function processOf(lateMs: (nowMs: number) => number) {
  let now = 0;
  const calm = new CalmStart({
    now: () => now,
    pause: async (ms) => {
      now += ms + lateMs(now);
    },
  });
  return {
    calm,
    nowMs: () => now,
    goOn: (ms: number) => {
      now += ms;
    },
    waitedMs: async () => {
      const fromMs = now;
      await calm.ready();
      return now - fromMs;
    },
  };
}

it('waits until the process keeps its times for 200 ms', async () => {
  const busyMs = 700;
  const { waitedMs } = processOf((now) => (now < busyMs ? 30 : 2));
  const waited = await waitedMs();
  expect(waited).toBeGreaterThanOrEqual(busyMs + 200);
  expect(waited).toBeLessThan(busyMs + 300);
});

it('takes 200 ms where nothing is in the way, and does not mind what a place would not', async () => {
  expect(await processOf(() => 0).waitedMs()).toBe(200);
  expect(await processOf(() => 20).waitedMs()).toBeLessThan(230);
});

it('goes on after 2 s where the machine is always full', async () => {
  const waited = await processOf(() => 60).waitedMs();
  expect(waited).toBeGreaterThanOrEqual(2_000);
  expect(waited).toBeLessThan(2_100);
});

it('waits for nothing for ten seconds after it was calm, nor while submits go on', async () => {
  const { calm, goOn, waitedMs } = processOf(() => 0);
  expect(await waitedMs()).toBe(200);
  goOn(9_000);
  expect(await waitedMs()).toBe(0);
  calm.submitted();
  goOn(9_000);
  expect(await waitedMs()).toBe(0);
  calm.submitted();
  goOn(9_000);
  expect(await waitedMs()).toBe(0);
  goOn(1_000);
  expect(await waitedMs()).toBe(200);
});

it('is waited for once, by all that are there', async () => {
  const { calm, nowMs } = processOf(() => 0);
  await Promise.all([calm.ready(), calm.ready(), calm.ready()]);
  expect(nowMs()).toBe(200);
});
