import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CREATE_TABLES, type Database, RateLimiter, type Slot } from '../../src/rate-limit/index.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

/** Several processes' worth of limiters on a real PostgreSQL, in real time; what cannot be seen in virtual time. */
const BUDGET = { name: 'calls', callsPerSecond: 20 };

let database: TestDatabase;
let pools: pg.Pool[];

beforeAll(async () => {
  database = await createTestDatabase('rate_limiter');
  pools = Array.from({ length: 4 }, () => new pg.Pool({ connectionString: database.url, max: 2 }));
  for (const statement of CREATE_TABLES) await pool().query(statement);
});
beforeEach(async () => {
  await pool().query('truncate rate_limit, rate_limit_slot');
  await pool().query(`insert into rate_limit (name) values ('calls')`);
  await pool().query(`insert into rate_limit_slot (name, id) select 'calls', generate_series(1, 20)`);
});
afterAll(async () => {
  await Promise.all(pools.map((each) => each.end()));
  await database.drop();
});

const pool = () => pools[0] as pg.Pool;
const idOf = (slot: Slot) => (slot as unknown as { use: { id: number } }).use.id;

describe('several processes that ask at once', () => {
  it('never get one slot twice, and wait when all are taken', async () => {
    const limiters = pools.map((each) => new RateLimiter(each, BUDGET));
    const late = AbortSignal.timeout(3_000);
    const asked = limiters.flatMap((limiter) =>
      Array.from({ length: 9 }, () => limiter.acquire({ priority: 'live', signal: late })),
    );
    const outcomes = await Promise.allSettled(asked);
    const slots = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    // None is released: there are twenty, and each comes back after eight seconds.
    expect(slots.map(idOf).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    const dueMs = slots.map(({ dueAt }) => dueAt.getTime()).sort((a, b) => a - b);
    const apartMs = dueMs.slice(1).map((at, before) => at - (dueMs[before] ?? 0));
    expect(Math.min(...apartMs)).toBeGreaterThanOrEqual(29);
  });
});

describe('whoever waits', () => {
  it('and is told to stop gets no slot, and keeps none from the next', async () => {
    const limiter = new RateLimiter(pool(), { ...BUDGET, callsPerSecond: 1 });
    const first = await limiter.acquire({ priority: 'live' });
    const stop = new AbortController();
    const second = limiter.acquire({ priority: 'live', signal: stop.signal });
    const third = limiter.acquire({ priority: 'live' });
    stop.abort(new Error('not any more'));
    await expect(second).rejects.toThrow('not any more');
    await first.giveBack();
    expect((await third).dueAt.getTime()).toBeGreaterThanOrEqual(first.dueAt.getTime());
  });

  it('is told that its turn is near, once', async () => {
    const limiter = new RateLimiter(pool(), { ...BUDGET, callsPerSecond: 2 });
    const told: number[] = [];
    const waiting = Array.from({ length: 5 }, (_, at) =>
      limiter.acquire({ priority: 'batch', onNear: () => told.push(at) }).then((slot) => slot.giveBack()),
    );
    expect(told).toEqual([0, 1]);
    await Promise.all(waiting);
    expect(told).toEqual([0, 1, 2, 3, 4]);
  });

  it('goes on waiting when the database is away, but for one that is told', async () => {
    let isAway = true;
    const away: Database = {
      query: async (text, values) => {
        if (isAway) throw new Error('the database is away');
        return await pool().query(text, [...values]);
      },
    };
    const limiter = new RateLimiter(away, BUDGET);
    const [told, waits] = [limiter.acquire({ priority: 'live' }), limiter.acquire({ priority: 'live' })];
    await expect(told).rejects.toThrow('the database is away');
    isAway = false;
    await (await waits).giveBack();
  });

  it('makes the rows that are missing, and calls when no call of before can arrive any more', async () => {
    await pool().query('truncate rate_limit, rate_limit_slot');
    const fromMs = Date.now();
    const slot = await new RateLimiter(pool(), BUDGET).acquire({ priority: 'live' });
    expect(slot.dueAt.getTime() - fromMs).toBeGreaterThanOrEqual(7_000);
    expect(slot.dueAt.getTime() - fromMs).toBeLessThan(9_000);
    await slot.giveBack();
  });
});

describe('a slot', () => {
  it('is used when it is due, once, and released only then', async () => {
    const slot = await new RateLimiter(pool(), BUDGET).acquire({ priority: 'live' });
    await expect(slot.release('accepted')).rejects.toThrow(/no call left/);
    await slot.untilDue();
    slot.leave();
    expect(() => slot.leave()).toThrow(/was used/);
    await slot.release('accepted');
  });
});
