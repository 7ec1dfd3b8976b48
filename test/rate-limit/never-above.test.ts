import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Line, type Plan, VirtualWorld } from './virtual-world.js';

/**
 * The promise: never more than the budget in any sliding second where calls are counted. The real limiter and its SQL run on a real
 * PostgreSQL, in virtual time. Counter-checks break the rule, to show that it would be seen.
 */

const RUNS = Number(process.env.RATE_LIMIT_RUNS ?? 8);
const BUDGET = 20;
const SECOND_MS = 1_000;
const NEAR: Line = { there: [0.5, 1], work: [1, 2], back: [0.5, 1] };
const FAR: Line = { there: [50, 51], work: [1, 2], back: [50, 51] };
const FAR_THERE_ONLY: Line = { there: [100, 101], work: [1, 2], back: [0.5, 1] };
const UNEVEN: Line = { there: [0, 200], work: [1, 2], back: [0.5, 1] };
const SLOW_API: Line = { there: [5, 15], work: [60, 250], back: [5, 15] };
/** Up to the five seconds in which a call arrives, or never does. */
const AWFUL: Line = { there: [0, 4_900], work: [0, 500], back: [0, 3_000] };

/** Only the way there is uneven: nothing but the credit's care for unevenness keeps two calls of a slot apart. */
const AWFUL_THERE: Line = { there: [0, 4_900], work: [0, 5], back: [0, 1] };
const UNEVEN_THERE: Line = { there: [0, 500], work: [0, 1], back: [0, 1] };

const LATE_ANSWERS: Line = { there: [0, 4_900], work: [0, 500], back: [6_000, 9_000] };

const QUIET: Plan = {
  seed: 1,
  callsPerSecond: BUDGET,
  lines: [NEAR],
  forMs: 20_000,
  databaseWay: [0.3, 1],
  wakesLate: [0.2, 2],
  callers: 16,
};

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase('rate_limit');
});
afterAll(() => database.drop());

const run = (plan: Partial<Plan>) => VirtualWorld.run(database.url, { ...QUIET, ...plan });

/** As bad as it gets, and worse: several times a minute each. */
const troubled = fc.record({
  seed: fc.nat(),
  lines: fc.array(
    fc.constantFrom(NEAR, NEAR, FAR, FAR_THERE_ONLY, UNEVEN, SLOW_API, AWFUL, AWFUL_THERE, UNEVEN_THERE),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
  databaseWay: fc.constantFrom<Plan['databaseWay'][]>([0.3, 1], [0, 40], [30, 60]),
  wakesLate: fc.constantFrom<Plan['wakesLate'][]>([0.2, 2], [0, 60]),
  longestMs: fc.integer({ min: 500, max: 20_000 }),
  perMinute: fc.record({
    pause: fc.integer({ min: 0, max: 6 }),
    kill: fc.integer({ min: 0, max: 4 }),
    stall: fc.integer({ min: 0, max: 3 }),
    step: fc.integer({ min: 0, max: 6 }),
    crash: fc.integer({ min: 0, max: 1 }),
    suspend: fc.integer({ min: 0, max: 3 }),
  }),
  chance: fc.record({
    lostAnswer: fc.constantFrom(0, 0.01, 0.05),
    lostStatement: fc.constantFrom(0, 0.01, 0.03),
    notMade: fc.constantFrom(0, 0.02, 0.2),
  }),
});

describe('never more than the budget in any second', () => {
  it('with delays, pauses, kills, clock steps, lost answers, and a database that stalls or crashes', {
    timeout: 60_000 + RUNS * 3_000,
  }, async () => {
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(troubled, async (plan) => {
        const { mostInASecond, closestOfASlotMs, countedMs } = await run({ ...plan, forMs: 30_000 });
        calls += countedMs.length;
        expect(mostInASecond).toBeLessThanOrEqual(BUDGET);
        expect(closestOfASlotMs).toBeGreaterThanOrEqual(SECOND_MS);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    // Calls were made: more than one in two seconds, despite the faults.
    expect(calls).toBeGreaterThan(RUNS * 15);
  });

  it.each([0.5, 1, 2.5, 7, 33])('of %d calls a second', async (callsPerSecond) => {
    const { mostInASecond, closestOfASlotMs, perSecond } = await run({ callsPerSecond, lines: [NEAR, FAR] });
    const slots = Math.ceil(callsPerSecond);
    expect(mostInASecond).toBeLessThanOrEqual(slots);
    expect(closestOfASlotMs).toBeGreaterThanOrEqual((SECOND_MS * slots) / callsPerSecond);
    expect(perSecond).toBeGreaterThan(0.9 * callsPerSecond);
  });

  // With half of the quickest round trip, whatever the others took, the third of these had two calls of a slot within 982 ms.
  it.each([1, 2, 3, 4])('when only the way there is uneven, by seed %d', async (seed) => {
    const plan: Partial<Plan> = { seed, forMs: 120_000, wakesLate: [0, 300], callers: 60 };
    for (const line of [AWFUL_THERE, UNEVEN_THERE]) {
      const { mostInASecond, closestOfASlotMs } = await run({ ...plan, lines: [line] });
      expect(mostInASecond).toBeLessThanOrEqual(BUDGET);
      expect(closestOfASlotMs).toBeGreaterThanOrEqual(SECOND_MS);
    }
  });

  // A machine that slept before it read an answer of the database took its slots for new ones, though their lease was over.
  it.each([1, 2, 3])('when machines are suspended while the database is silent, by seed %d', async (seed) => {
    const { mostInASecond, closestOfASlotMs } = await run({
      seed,
      lines: [UNEVEN, UNEVEN_THERE],
      forMs: 120_000,
      databaseWay: [0, 40],
      longestMs: 12_000,
      perMinute: { pause: 5, stall: 3, suspend: 4 },
    });
    expect(mostInASecond).toBeLessThanOrEqual(BUDGET);
    expect(closestOfASlotMs).toBeGreaterThanOrEqual(SECOND_MS);
  });

  it('when a line becomes shorter, both ways', async () => {
    const { mostInASecond, closestOfASlotMs } = await run({ lines: [FAR, FAR], laterLine: NEAR, forMs: 30_000 });
    expect(mostInASecond).toBeLessThanOrEqual(BUDGET);
    expect(closestOfASlotMs).toBeGreaterThanOrEqual(SECOND_MS);
  });
});

describe('how much of the budget is used', () => {
  it.each<[string, Partial<Plan>, number]>([
    ['one process', {}, 19.8],
    ['four processes', { lines: [NEAR, NEAR, NEAR, NEAR] }, 19.7],
    ['timers up to 60 ms late', { wakesLate: [0, 60] }, 18.9],
    ['calls 0 to 200 ms late', { lines: [UNEVEN] }, 17.7],
    ['a constant 100 ms', { lines: [{ there: [40, 42], work: [18, 20], back: [40, 42] }] }, 18.8],
    ['two processes, one 100 ms farther', { lines: [NEAR, FAR], forMs: 60_000 }, 19.1],
    ['an API that works 60 to 250 ms', { lines: [SLOW_API] }, 17],
  ])('%s', async (_, plan, atLeast) => {
    const { perSecond, mostInASecond } = await run({ forMs: 30_000, callers: 24, ...plan });
    expect(perSecond).toBeGreaterThan(atLeast);
    expect(mostInASecond).toBeLessThanOrEqual(BUDGET);
  });

  it('spreads the calls, from the first on', async () => {
    const { mostInATenth } = await run({ lines: [NEAR, NEAR] });
    expect(mostInATenth).toBeLessThanOrEqual(5);
  });
});

describe('the check sees a rule that is broken:', () => {
  const broken: [string, Partial<Plan>][] = [
    [
      'a slot is held too short',
      { rewrite: (text) => text.replace("interval '1 s' * (1.001", "interval '1 s' * (0.95") },
    ],
    [
      'a credit of nine tenths, when a line becomes shorter',
      { lines: [FAR], laterLine: NEAR, rewrite: (text) => text.replace('credit = (', 'credit = 1.8 * (') },
    ],
    [
      'a credit of the owner that another process uses',
      {
        lines: [NEAR, FAR_THERE_ONLY],
        forMs: 40_000,
        rewrite: (text) => text.replaceAll("case when slot.owner = $2 then slot.credit else '0' end", 'slot.credit'),
      },
    ],
    [
      'a late release that frees a later use',
      {
        lines: [LATE_ANSWERS, LATE_ANSWERS],
        forMs: 90_000,
        callers: 300,
        rewrite: (text) => text.replace('and taken = $3::bigint', 'and $3::bigint > 0'),
      },
    ],
    [
      'a lease that is over before a late call arrives',
      {
        lines: [LATE_ANSWERS],
        forMs: 60_000,
        callers: 300,
        rewrite: (text) => text.replaceAll("(7000) * interval '1 ms'", "(500) * interval '1 ms'"),
      },
    ],
    [
      'rows that are lost, and free before a late call of before arrives',
      {
        lines: [AWFUL],
        wakesLate: [0, 300],
        forMs: 120_000,
        callers: 60,
        perMinute: { crash: 5 },
        rewrite: (text) => text.replaceAll("(7750) * interval '1 ms'", "(1000) * interval '1 ms'"),
      },
    ],
    [
      'uses that are numbered from one again after a loss',
      {
        lines: [LATE_ANSWERS, LATE_ANSWERS],
        forMs: 400_000,
        callers: 60,
        perMinute: { crash: 5 },
        rewrite: (text) =>
          text.replace('(extract(epoch from clock_timestamp())::double precision * 1000)::bigint', '0'),
      },
    ],
    ['a call that is sent late', { lines: [NEAR, NEAR], forMs: 60_000, chance: { sentLate: 0.2 } }],
  ];

  it.each(broken)('%s', async (_, plan) => {
    expect((await run(plan)).closestOfASlotMs).toBeLessThan(SECOND_MS);
  });

  it('and each of those worlds is sound with the rule as it is', async () => {
    for (const [, { rewrite: _, chance: __, ...plan }] of broken) {
      expect((await run(plan)).closestOfASlotMs).toBeGreaterThanOrEqual(SECOND_MS);
    }
  });
});
