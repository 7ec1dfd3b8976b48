import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Intent, Ledger, Place } from '../../src/ledger/ledger.js';
import { migrateLedger } from '../../src/ledger/migrate.js';
import {
  ALLOWANCE_MS,
  type Lane,
  MAX_SLACK_MS,
  NO_SPREAD,
  PLACE_TOLERANCE_MS,
  paceIntervalMs,
  SPREAD_HELD_MS,
  type SpreadReport,
} from '../../src/ledger/pace.js';
import { openLedger } from '../../src/ledger/postgres-ledger.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const BUDGET = 20;
let database: TestDatabase;
let admin: pg.Client;
let ledger: Ledger;
let spread: SpreadReport;
let files = 0;

beforeAll(async () => {
  database = await createTestDatabase('lanes');
  await migrateLedger(database.url);
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  ledger = openLedger(database.url, { submitsPerSecond: BUDGET, spread: () => spread });
});
afterAll(async () => {
  await Promise.all([ledger.close(), admin.end()]);
  await database.drop();
});
beforeEach(async () => {
  spread = NO_SPREAD;
  await admin.query('delete from pace');
});

function intent(lane?: Lane): Intent {
  files += 1;
  return intentOf(String(files), { costUsd: 0.1, lane });
}

/** Far enough for a slow machine: nothing in here lasts a minute. */
async function nextPlaceIn(seconds: number): Promise<void> {
  await admin.query(
    `insert into pace (scope, next_at, batch_at)
     select 'submit', next_at, next_at - interval '50 ms' from (select clock_timestamp() + make_interval(secs => $1) as next_at) n
     on conflict (scope) do update set next_at = excluded.next_at, batch_at = excluded.batch_at`,
    [seconds],
  );
}

async function place(): Promise<Place> {
  const begun = await ledger.begin(intent());
  if (begun.kind !== 'send') throw new Error(`expected a place, got ${begun.kind}`);
  return begun.place;
}

/** Milliseconds from the last place to the next. */
async function gap(): Promise<number> {
  const { rows } = await admin.query('select extract(epoch from next_at - last_at)::float8 * 1000 as ms from pace');
  return rows[0].ms;
}

describe('a lane', () => {
  it('takes the first place of all', async () => {
    expect(await ledger.laneOpensInMs('batch')).toBeLessThanOrEqual(0);
    expect((await ledger.begin(intent('batch'))).kind).toBe('send');
  });

  it.each(['live', 'batch'] as const)('%s waits while the next place is far, and writes nothing', async (lane) => {
    await nextPlaceIn(60);
    const asked = intent(lane);
    expect(await ledger.laneOpensInMs(lane)).toBeGreaterThan(50);
    expect(await ledger.begin(asked)).toEqual({ kind: 'notYet' });
    expect(await ledger.findLatest(asked.identity)).toBeNull();
    const { rows } = await admin.query(`select coalesce(sum(spent_usd), 0)::float8 as spent from cap`);
    const spentBefore = rows[0].spent;
    await ledger.begin(intent(lane));
    expect((await admin.query(`select coalesce(sum(spent_usd), 0)::float8 as spent from cap`)).rows[0].spent).toBe(
      spentBefore,
    );
  });

  it('of no name takes the next place, however far', async () => {
    await nextPlaceIn(60);
    expect((await ledger.begin(intent())).kind).toBe('send');
  });

  it('tells a live submit how long it waits, and a backlog to ask again soon', async () => {
    await nextPlaceIn(60);
    const [live, batch] = [await ledger.laneOpensInMs('live'), await ledger.laneOpensInMs('batch')];
    expect(live).toBeGreaterThan(1_000);
    // It asks again soon, since its turn may come.
    expect(batch).toBeLessThanOrEqual(100);
  });

  it('lets a backlog have a turn when many places in a row were live', async () => {
    await nextPlaceIn(0.4);
    await admin.query(
      "update pace set batch_at = clock_timestamp() - interval '1 hour', next_at = clock_timestamp() + interval '400 ms'",
    );
    expect(await ledger.laneOpensInMs('batch')).toBeLessThanOrEqual(0);
    expect((await ledger.begin(intent('batch'))).kind).toBe('send');
    const { rows } = await admin.query('select batch_at = last_at as taken from pace');
    expect(rows[0].taken).toBe(true);
  });
});

describe('places', () => {
  it('are as far apart as the budget asks, and the allowance', async () => {
    await ledger.begin(intent());
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(paceIntervalMs(BUDGET, ALLOWANCE_MS), 1);
  });

  it('lie further apart with the spread that any process sees, for a while', async () => {
    spread = { ...NO_SPREAD, seenMs: 200, assumedMs: 200 };
    await ledger.begin(intent());
    spread = { ...NO_SPREAD, seenMs: 30, assumedMs: 30 };
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(60, 1);
    await admin.query("update pace set spread_at = clock_timestamp() - interval '31 seconds'");
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(51.5, 1);
  });

  it('may be used later by a process that is late again and again, and then lie as much further apart', async () => {
    spread = { ...NO_SPREAD, seenMs: 10, assumedMs: 10, toleranceMs: 60 };
    const late = await place();
    expect(late.toleranceMs).toBe(60);
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(53.25, 1);
    // Another that sees less keeps what was promised, and is allowed no more than it asked for.
    spread = { ...NO_SPREAD, seenMs: 10, assumedMs: 10 };
    expect((await place()).toleranceMs).toBe(PLACE_TOLERANCE_MS);
    expect(await gap()).toBeCloseTo(53.25, 1);
    // What stands for less than the second after a place promises nothing.
    const agoMs = SPREAD_HELD_MS - 1_500;
    await admin.query(`update pace set spread_at = clock_timestamp() - interval '${agoMs} ms', spread_ms = 65`);
    spread = { ...NO_SPREAD, seenMs: 10, assumedMs: 10, toleranceMs: 50 };
    expect((await place()).toleranceMs).toBe(PLACE_TOLERANCE_MS);
    // And nothing is asked by a process that knows nothing yet.
    await admin.query('update pace set spread_at = null, spread_ms = null');
    spread = { ...NO_SPREAD, seenMs: null, assumedMs: 30, toleranceMs: 60 };
    expect((await place()).toleranceMs).toBe(PLACE_TOLERANCE_MS);
    expect(await gap()).toBeCloseTo(51.5, 1);
  });

  it('are not widened by the ignorance of a process that is new, once another knows', async () => {
    spread = { ...NO_SPREAD, seenMs: 30, assumedMs: 30 };
    await ledger.begin(intent());
    spread = { ...NO_SPREAD, seenMs: null, assumedMs: 200 };
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(51.5, 1);
    await admin.query('update pace set spread_at = null');
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(60, 1);
  });

  it('lie further apart by as much as one process is farther from the vendor than another, for a while', async () => {
    const away = (middleMs: number): SpreadReport => ({ ...NO_SPREAD, seenMs: 10, assumedMs: 10, middleMs });
    // Nearly the same: there is room for it anyway.
    for (const middleMs of [10, 14.9]) {
      spread = away(middleMs);
      await ledger.begin(intent());
    }
    expect(await gap()).toBeCloseTo(paceIntervalMs(BUDGET), 1);
    spread = away(110);
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(paceIntervalMs(BUDGET, ALLOWANCE_MS + 100), 1);
    // Whoever takes the places in between, and whatever it knows.
    for (const other of [away(60), NO_SPREAD, away(10)]) {
      spread = other;
      await ledger.begin(intent());
      expect(await gap()).toBeCloseTo(paceIntervalMs(BUDGET, ALLOWANCE_MS + 100), 1);
    }
    // The spread of a line counts beside it; what is a tenth of it and less may be chance.
    spread = { ...away(60), seenMs: 75, assumedMs: 75 };
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(paceIntervalMs(BUDGET, 75 + 100), 1);
    spread = { ...away(60), seenMs: 1_001, assumedMs: 1_001 };
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(paceIntervalMs(BUDGET, MAX_SLACK_MS), 1);
    // The farthest one asks for nothing any more.
    await admin.query(
      `update pace set spread_at = null, farthest_at = clock_timestamp() - interval '${SPREAD_HELD_MS + 1} ms'`,
    );
    spread = away(14);
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(paceIntervalMs(BUDGET), 1);
    // One that knows as little of its line as five calls tell is heard, too.
    spread = { ...NO_SPREAD, middleMs: 210 };
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(paceIntervalMs(BUDGET, ALLOWANCE_MS + 200), 1);
  });

  it('come later for a process that is nearer than all of late: it must not overtake what they sent', async () => {
    const away = (middleMs: number): SpreadReport => ({ ...NO_SPREAD, seenMs: 10, assumedMs: 10, middleMs });
    const distances = async () =>
      (await admin.query('select nearest_ms, farthest_ms from pace')).rows[0] as Record<string, number>;
    /** How much later than the next free place it was given, in milliseconds. */
    const later = async (of: SpreadReport) => {
      spread = of;
      const next = await admin.query('select next_at::text from pace');
      await ledger.begin(intent());
      const { rows } = await admin.query('select last_at - $1::timestamptz as later from pace', [next.rows[0].next_at]);
      return rows[0].later.milliseconds ?? 0;
    };
    spread = away(110);
    await ledger.begin(intent());
    await admin.query("update pace set next_at = clock_timestamp() + interval '1 second'");
    expect(await later(away(110))).toBeCloseTo(0, 0);
    expect(await later(away(10))).toBeCloseTo(100, 0);
    expect(await later(away(10))).toBeCloseTo(0, 0);
    expect(await later(away(210))).toBeCloseTo(0, 0);
    // Nearly as near: the nearest stands on, and is known for as long again.
    await admin.query(
      `update pace set nearest_at = clock_timestamp() - interval '${SPREAD_HELD_MS - 500} ms',
         farthest_at = clock_timestamp() - interval '${SPREAD_HELD_MS + 1} ms'`,
    );
    expect(await later(away(10.9))).toBeCloseTo(0, 0);
    expect(await distances()).toEqual({ nearest_ms: 10, farthest_ms: 10.9 });
    await admin.query("update pace set nearest_at = nearest_at - interval '9 seconds'");
    expect(await later(away(110))).toBeCloseTo(0, 0);
    expect(await distances()).toEqual({ nearest_ms: 10, farthest_ms: 110 });
    // It is gone; who comes back as near keeps behind.
    await admin.query(`update pace set nearest_at = clock_timestamp() - interval '${SPREAD_HELD_MS + 1} ms'`);
    expect(await later(away(110))).toBeCloseTo(0, 0);
    expect(await later(away(60))).toBeCloseTo(50, 0);
  });

  it('are not stopped by one process on a bad line', async () => {
    spread = { ...NO_SPREAD, seenMs: 60_000, assumedMs: 60_000 };
    await ledger.begin(intent());
    await ledger.begin(intent());
    expect(await gap()).toBeCloseTo(paceIntervalMs(BUDGET, MAX_SLACK_MS), 1);
  });

  it('lie further apart for everybody after a refusal for the rate, and the next accepted one ends the count', async () => {
    const other = openLedger(database.url, { submitsPerSecond: BUDGET });
    try {
      const throttled = { class: 'throttled', code: 'RequestLimitExceeded', message: 'too many', requestId: null };
      for (const inRow of [1, 2]) {
        const begun = await ledger.begin(intent());
        if (begun.kind !== 'send') throw new Error(begun.kind);
        expect(await ledger.refused(begun.submission, throttled)).toMatchObject({ throttledInRow: inRow });
        // Said again, it counts once.
        expect(await ledger.refused(begun.submission, throttled)).toMatchObject({ throttledInRow: 0 });
      }
      const begun = await other.begin(intent());
      if (begun.kind !== 'send') throw new Error(begun.kind);
      expect(await gap()).toBeGreaterThan(paceIntervalMs(BUDGET) * 1.01);
      await other.accepted(begun.submission, { taskId: 'task', requestId: null, adopted: false });
      const { rows } = await admin.query('select refused_in_row, throttled_since from pace');
      expect(rows).toEqual([{ refused_in_row: 0, throttled_since: null }]);
    } finally {
      await other.close();
    }
  });
});
