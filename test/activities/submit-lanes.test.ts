import { describe, expect, it } from 'vitest';
import { SubmitLanes } from '../../src/activities/submit-lanes.js';
import type { Lane } from '../../src/ledger/pace.js';
import { eventually } from '../support/processes.js';

const never = new AbortController().signal;
const PLACE_EVERY_MS = 50;
const SENT = { kind: 'send' } as const;

const ALWAYS_CALM = { ready: async () => {}, submitted: () => {} };

/** A pace that is shut until somebody opens it. */
function lanesOf(opensInMs: (lane: Lane) => number, calm = ALWAYS_CALM) {
  let asked = 0;
  const lanes = new SubmitLanes(
    {
      laneOpensInMs: async (lane) => {
        asked += 1;
        return opensInMs(lane);
      },
    },
    PLACE_EVERY_MS,
    calm,
  );
  return { lanes, asked: () => asked };
}

describe('a submit in its lane', () => {
  it('goes at once when a place is near', async () => {
    const { lanes } = lanesOf(() => 0);
    expect(await lanes.take('live', never, async () => SENT)).toBe(SENT);
  });

  it('asks for a place once the process is calm, and says when it has one', async () => {
    const seen: string[] = [];
    let goOn = () => {};
    const calm = {
      ready: () =>
        new Promise<void>((resolve) => {
          goOn = resolve;
        }),
      submitted: () => seen.push('submitted'),
    };
    const { lanes, asked } = lanesOf(() => 0, calm);
    const taken = lanes.take(
      'live',
      never,
      async () => SENT,
      async () => {
        seen.push('made ready');
      },
    );
    await eventually('to be made ready', () => seen.length > 0 || undefined);
    await new Promise(setImmediate);
    expect([seen, asked()]).toEqual([['made ready'], 0]);
    goOn();
    expect(await taken).toBe(SENT);
    expect(seen).toEqual(['made ready', 'submitted']);
  });

  it('makes those ready that wait behind it, and says to each what went wrong', async () => {
    const { lanes } = lanesOf(() => 0);
    const ready = new Set<number>();
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const all = Promise.allSettled(
      Array.from({ length: 60 }, (_, i) =>
        lanes.take(
          'batch',
          never,
          async () => {
            await held;
            return SENT;
          },
          async () => {
            ready.add(i);
            if (i === 20) throw new Error('nobody answers');
          },
        ),
      ),
    );
    // Eight ask and hold what they have; so many more are made ready, and the others wait.
    await eventually('those behind', () => (ready.size >= 32 ? true : undefined));
    expect(ready.size).toBe(32);
    goOn();
    const outcomes = await all;
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(59);
    expect(outcomes[20]).toMatchObject({ status: 'rejected', reason: { message: 'nobody answers' } });
    expect(ready.size).toBe(60);
  });

  it('asks again when others were faster', async () => {
    const { lanes } = lanesOf(() => 0);
    let tries = 0;
    const begun = await lanes.take('batch', never, async () => ({ kind: ++tries < 3 ? 'notYet' : 'send' }));
    expect([begun.kind, tries]).toEqual(['send', 3]);
  });

  it('of a backlog does not stand in the way of a live one', async () => {
    const { lanes } = lanesOf((lane) => (lane === 'batch' ? 20 : 0));
    const stop = new AbortController();
    const backlog = Promise.allSettled(
      Array.from({ length: 20 }, () => lanes.take('batch', stop.signal, async () => SENT)),
    );
    expect(await lanes.take('live', never, async () => SENT)).toBe(SENT);
    stop.abort();
    expect((await backlog).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('comes in the order of its asking, few at a time', async () => {
    let open = false;
    const { lanes } = lanesOf(() => (open ? 0 : 5));
    const order: number[] = [];
    let atOnce = 0;
    let most = 0;
    const all = Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        lanes.take('batch', never, async () => {
          most = Math.max(most, ++atOnce);
          await new Promise((resolve) => setTimeout(resolve, 5));
          atOnce -= 1;
          order.push(i);
          return SENT;
        }),
      ),
    );
    open = true;
    await all;
    expect(most).toBeLessThanOrEqual(8);
    // Those that ask at the same time may overtake each other, and nobody else.
    order.forEach((who, at) => {
      expect(Math.abs(who - at)).toBeLessThan(16);
    });
  });

  it('leaves the next place to the one before it in this process, and asks for the one after that', async () => {
    // A pace that has a place every 50 ms, and none in store: with the first one in 20 ms.
    const startMs = performance.now();
    let taken = 0;
    const { lanes, asked } = lanesOf(() => startMs + 20 + taken * PLACE_EVERY_MS - performance.now());
    let inVain = 0;
    const one = () =>
      lanes.take('live', never, async () => {
        if (performance.now() < startMs + 20 + taken * PLACE_EVERY_MS) {
          inVain += 1;
          return { kind: 'notYet' };
        }
        taken += 1;
        return SENT;
      });
    await Promise.all(Array.from({ length: 12 }, one));
    expect(inVain).toBe(0);
    // Once to hear when, once when it is there, and now and then too early by the part of a place that others had.
    expect(asked()).toBeLessThanOrEqual(12 * 3);
  });

  it('takes what is in store without waiting for others in this process', async () => {
    const { lanes, asked } = lanesOf(() => -10 * PLACE_EVERY_MS);
    await Promise.all(Array.from({ length: 3 }, () => lanes.take('live', never, async () => SENT)));
    expect(asked()).toBe(3);
  });

  it('ends when it is cancelled, in the line and at its head, and leaves its place to the next', async () => {
    let open = false;
    const { lanes, asked } = lanesOf(() => (open ? 0 : 60_000));
    const stop = new AbortController();
    const waiting = Array.from({ length: 12 }, () => lanes.take('batch', stop.signal, async () => SENT));
    const ends = Promise.allSettled(waiting);
    await eventually('the first to have asked', () => asked() > 0 || undefined);
    stop.abort();
    for (const end of await ends) expect(end).toMatchObject({ reason: { name: 'CancelledFailure' } });
    open = true;
    expect(await lanes.take('batch', never, async () => SENT)).toBe(SENT);
  });
});
