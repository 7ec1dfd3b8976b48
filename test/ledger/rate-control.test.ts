import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateLedger } from '../../src/ledger/migrate.js';
import { paceIntervalMs } from '../../src/ledger/pace.js';
import { openLedger } from '../../src/ledger/postgres-ledger.js';
import { type RateState, rateAfterRefusal, rateNow } from '../../src/ledger/rate-control.js';
import { intentOf } from '../support/intent.js';
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

/** A door that lets 20 calls into any second, and counts no refused one; us at our rate, and somebody else. In milliseconds. */
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
  let state: (Omit<RateState, 'secondsSinceRefusal'> & { atMs: number }) | null = null;
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
      ours += paceIntervalMs(rateAt(ours));
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

describe('the rate in the ledger', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase('rate');
    await migrateLedger(database.url);
  });
  afterAll(() => database.drop());

  it.each([0, 5, 10, 25, 45, 300])('is the same, %i s after a refusal', async (seconds) => {
    const client = new pg.Client({ connectionString: database.url });
    const ledger = openLedger(database.url, { submitsPerSecond: BUDGET });
    await client.connect();
    try {
      await client.query(
        `insert into pace (scope, next_at, rate, refused_at) values ('submit', now() - interval '1 hour', 5, clock_timestamp() - make_interval(secs => $1))
         on conflict (scope) do update set next_at = excluded.next_at, rate = 5, refused_at = excluded.refused_at`,
        [seconds],
      );
      const fileId = `file-${seconds}`;
      const begun = await ledger.begin(intentOf(fileId));
      expect(begun.kind).toBe('send');
      const { rows } = await client.query(
        `select extract(epoch from next_at - last_at)::float8 * 1000 as gap_ms,
                extract(epoch from last_at - refused_at)::float8 as seconds from pace`,
      );
      const { gap_ms, seconds: since } = rows[0] as { gap_ms: number; seconds: number };
      // The place lies the lead after the moment for which the rate was worked out.
      expect(gap_ms).toBeCloseTo(paceIntervalMs(rateNow({ rate: 5, secondsSinceRefusal: since - 0.005 }, BUDGET)), 1);
    } finally {
      await client.end();
      await ledger.close();
    }
  });
});
