import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { type Answer, RateLimiter, type Refusals } from '../../src/rate-limit/index.js';
import { type RefusalState, rateAfterRefusal, rateNow } from '../../src/rate-limit/refusals.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const BUDGET = 20;

interface World {
  /** Calls a second of the other client, evenly, none repeated. */
  foreign: number;
  leavesAtMs: number;
  endsAtMs: number;
  /** From a refusal at the door to the lower rate, in milliseconds. */
  hearsAfterMs: number;
}

/**
 * A limiter that accepts 20 calls in any second, and counts no refused one; our calls at our rate, and a foreign client. In
 * milliseconds.
 */
function simulate({ foreign, leavesAtMs, endsAtMs, hearsAfterMs }: World) {
  const door: number[] = [];
  const admit = (at: number) => {
    while ((door[0] ?? at) <= at - 1_000) door.shift();
    if (door.length >= BUDGET) return false;
    door.push(at);
    return true;
  };
  const calls: { at: number; accepted: boolean }[] = [];
  const refusals: number[] = [];
  let state: (Omit<RefusalState, 'secondsSinceRefusal'> & { atMs: number }) | null = null;
  const rateAt = (at: number) =>
    rateNow(state === null ? null : { rate: state.rate, secondsSinceRefusal: (at - state.atMs) / 1_000 }, BUDGET);
  let ours = 0;
  let theirs = 0;
  while (Math.min(ours, theirs) < endsAtMs) {
    const heard = (refusals[0] ?? Number.POSITIVE_INFINITY) + hearsAfterMs;
    const next = Math.min(ours, theirs, heard);
    if (next === heard) {
      refusals.shift();
      state = { rate: rateAfterRefusal(rateAt(heard), BUDGET), atMs: heard };
    } else if (next === theirs) {
      admit(theirs);
      theirs += 1_000 / foreign;
      if (theirs >= leavesAtMs) theirs = Number.POSITIVE_INFINITY;
    } else {
      const accepted = admit(ours);
      calls.push({ at: ours, accepted });
      if (!accepted) refusals.push(ours);
      ours += 1_000 / rateAt(ours);
    }
    if (ours >= endsAtMs) break;
  }
  return calls;
}

describe('beside another client, the rate', () => {
  it.each([30, 300, 1_000])('finds the room that is left, when a refusal is heard of after %i ms', (hearsAfterMs) => {
    const calls = simulate({ foreign: 8, leavesAtMs: 330_000, endsAtMs: 400_000, hearsAfterMs });
    const measured = calls.filter(({ at }) => at >= 30_000 && at < 330_000);
    const accepted = measured.filter((call) => call.accepted).length;
    expect(1 - accepted / measured.length).toBeLessThan(0.015);
    expect(accepted / 300).toBeGreaterThan(0.95 * 12);
  });

  it.each([2, 8, 12, 16])('is back soon after a client that made %i calls a second has left', (foreign) => {
    const calls = simulate({ foreign, leavesAtMs: 330_000, endsAtMs: 420_000, hearsAfterMs: 100 });
    const after = calls.filter(({ at }) => at >= 390_000);
    expect(after.every((call) => call.accepted)).toBe(true);
    expect(after.length / 30).toBeGreaterThan(0.97 * BUDGET);
  });
});

describe('the rate', () => {
  it('is the budget while nothing was refused, and never more', () => {
    expect(rateNow(null, BUDGET)).toBe(BUDGET);
    expect(rateNow({ rate: 19, secondsSinceRefusal: 1e6 }, BUDGET)).toBe(BUDGET);
  });

  it('is not held down by a refusal of which the clock says that it has not happened yet', () => {
    expect(rateNow({ rate: 1, secondsSinceRefusal: -60 }, BUDGET)).toBe(BUDGET);
  });

  it('stays above nothing, however much is refused, and comes back from there', () => {
    let rate = BUDGET;
    for (let i = 0; i < 1_000; i += 1) rate = rateAfterRefusal(rate, BUDGET);
    expect(rate).toBeGreaterThan(0.1);
    expect(rateNow({ rate, secondsSinceRefusal: 90 }, BUDGET)).toBe(BUDGET);
  });
});

describe('the rate in the database', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase('rate');
    await migrateLedger(database.url);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it.each([0, 5, 10, 25, 45, 300])('is the same, %i s after a refusal', async (seconds) => {
    await client.query(
      `update rate_limit set next_at = '-infinity', rate = 5, refused_at = clock_timestamp() - make_interval(secs => $1)`,
      [seconds],
    );
    const limiter = new RateLimiter(client, { name: 'submit', callsPerSecond: BUDGET });
    const slot = await limiter.acquire({ priority: 'live' });
    await slot.giveBack();
    const { rows } = await client.query(
      `select extract(epoch from next_at)::float8 * 1000 as next_ms, extract(epoch from refused_at)::float8 * 1000 as refused_ms from rate_limit`,
    );
    const { next_ms, refused_ms } = rows[0] as { next_ms: number; refused_ms: number };
    const dueMs = slot.dueAt.getTime();
    const rate = rateNow({ rate: 5, secondsSinceRefusal: (dueMs - refused_ms) / 1_000 }, BUDGET);
    // Evenly while refusals hold it down; closer at the full rate, where the slots keep it.
    const gapMs = rate < BUDGET ? 1_000 / rate : 30;
    expect(next_ms - dueMs).toBeGreaterThan(gapMs - 3);
    expect(next_ms - dueMs).toBeLessThan(gapMs + 3);
  });

  it('falls with each refusal, and nobody calls for a second after five in a row', async () => {
    await client.query(`update rate_limit set next_at = '-infinity', rate = null, refused_at = null`);
    const limiter = new RateLimiter(client, { name: 'submit', callsPerSecond: BUDGET });
    const refusals = [];
    for (let at = 0; at < 5; at += 1) refusals.push(await answered(limiter, 'refused'));
    expect(refusals.map(({ inRow }) => inRow)).toEqual([1, 2, 3, 4, 5]);
    const { rows } = await client.query(
      `select rate, extract(epoch from next_at - clock_timestamp())::float8 * 1000 as waits_ms from rate_limit`,
    );
    const { rate, waits_ms } = rows[0] as { rate: number; waits_ms: number };
    expect(rate).toBeGreaterThan(BUDGET * 0.97 ** 5 - 0.01);
    expect(rate).toBeLessThan(BUDGET * 0.97 ** 4);
    expect(waits_ms).toBeGreaterThan(800);
    expect(await answered(limiter, 'other')).toEqual({ inRow: 0, forMs: 0 });
    expect((await answered(limiter, 'refused')).inRow).toBe(6);
    await answered(limiter, 'accepted');
    expect((await answered(limiter, 'refused')).inRow).toBe(1);
  });
});

async function answered(limiter: RateLimiter, answer: Answer): Promise<Refusals> {
  const slot = await limiter.acquire({ priority: 'live' });
  await slot.untilDue();
  slot.leave();
  return await slot.release(answer);
}
