import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Intent, Ledger } from '../../src/ledger/ledger.js';
import { migrateLedger } from '../../src/ledger/migrate.js';
import { ALLOWANCE_MS, PLACE_TOLERANCE_MS, paceIntervalMs } from '../../src/ledger/pace.js';
import { openLedger } from '../../src/ledger/postgres-ledger.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { eventually } from '../support/processes.js';

let database: TestDatabase;
/** Two pools, as two processes would have. */
let ledgers: [Ledger, Ledger];
let files = 0;

const SUBMITS_PER_SECOND = 20;
const INTERVAL_MS = paceIntervalMs(SUBMITS_PER_SECOND);

beforeAll(async () => {
  database = await createTestDatabase('pace');
  await migrateLedger(database.url);
  ledgers = [0, 1].map(() => openLedger(database.url, { submitsPerSecond: SUBMITS_PER_SECOND })) as [Ledger, Ledger];
});
afterAll(async () => {
  await Promise.all(ledgers.map((ledger) => ledger.close()));
  await database.drop();
});

function intent(): Intent {
  files += 1;
  return intentOf(String(files), { costUsd: 0.1 });
}

/** The database's own record of the places, which is what the promise is about. */
async function placeOf(ledger: Ledger): Promise<number> {
  const asked = intent();
  const begun = await ledger.begin(asked);
  expect(begun.kind).toBe('send');
  const record = await ledger.findLatest(asked.identity);
  return record?.placeAt.getTime() ?? Number.NaN;
}

describe('places in the pace', () => {
  it('lie an interval apart, whichever process takes them', async () => {
    const places = await Promise.all(Array.from({ length: 30 }, (_, i) => placeOf(ledgers[i % 2 === 0 ? 0 : 1])));
    places.sort((a, b) => a - b);
    const gaps = places.slice(1).map((at, i) => at - (places[i] ?? 0));
    // Dates are read in whole milliseconds.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(Math.floor(INTERVAL_MS));
    expect((places.at(-1) ?? 0) - (places[0] ?? 0)).toBeGreaterThanOrEqual(Math.floor(29 * INTERVAL_MS));
  });

  it('are missed when the answer that tells of them comes late', async () => {
    const blocker = new pg.Client({ connectionString: database.url });
    await blocker.connect();
    try {
      await blocker.query('delete from pace');
      await placeOf(ledgers[0]);
      await blocker.query('begin');
      await blocker.query('select * from pace for update');
      const begun = ledgers[0].begin(intent());
      await eventually('the intent to wait for the pace', async () => {
        const { rows } = await blocker.query(
          "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        );
        return rows.length > 0 ? true : undefined;
      });
      const committed = blocker.query('commit');
      await new Promise(setImmediate);
      // As a process that is stopped while the database answers.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000);
      await committed;
      const outcome = await begun;
      if (outcome.kind !== 'send') throw new Error(`expected a place, got ${outcome.kind}`);
      expect(performance.now() - outcome.place.dueAtMs).toBeGreaterThan(1_000);
    } finally {
      await blocker.end();
    }
  });

  it('are not kept from anybody by a clock that was set back', async () => {
    const blocker = new pg.Client({ connectionString: database.url });
    await blocker.connect();
    try {
      await placeOf(ledgers[0]);
      await blocker.query("update pace set next_at = clock_timestamp() + interval '1 hour'");
    } finally {
      await blocker.end();
    }
    expect((await placeOf(ledgers[0])) - Date.now()).toBeLessThan(60_000);
  });

  it('leave more room in a second than a call may be late', () => {
    expect(SUBMITS_PER_SECOND * INTERVAL_MS).toBeCloseTo(1_000 + ALLOWANCE_MS);
    expect(ALLOWANCE_MS).toBeGreaterThan(PLACE_TOLERANCE_MS);
  });

  it('are given up and taken anew', async () => {
    const [ledger] = ledgers;
    const begun = await ledger.begin(intent());
    if (begun.kind !== 'send') throw new Error(begun.kind);
    const again = await ledger.retakePlace(begun.submission);
    expect(again.dueAtMs).toBeGreaterThan(begun.place.dueAtMs);
  });

  it('are taken by nobody for a submission that somebody else resolved', async () => {
    const [ledger] = ledgers;
    const begun = await ledger.begin(intent());
    if (begun.kind !== 'send') throw new Error(begun.kind);
    await ledger.accepted(begun.submission, { taskId: 'somebody', requestId: null, adopted: true });
    await expect(ledger.retakePlace(begun.submission)).rejects.toThrow(/resolved by somebody else/);
  });

  it('are pushed back for every process when the vendor throttles', async () => {
    const [one, other] = ledgers;
    const { clock } = await one.check();
    await one.slowDown(60_000);
    expect((await placeOf(other)) - clock.getTime()).toBeGreaterThanOrEqual(60_000);
  });
});
