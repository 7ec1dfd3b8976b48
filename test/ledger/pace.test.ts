import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Intent, Ledger } from '../../src/ledger/ledger.js';
import { migrateLedger } from '../../src/ledger/migrate.js';
import { PACE_MARGIN, paceIntervalMs } from '../../src/ledger/pace.js';
import { openLedger } from '../../src/ledger/postgres-ledger.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

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
  const fileId = String(files);
  return {
    identity: { subAppId: 1, fileId, recipeHash: 'h', payToken: '' },
    request: { fileId, subAppId: 1, recipe: { name: 'subtitles' }, deadlineHours: 24 },
    workflowId: fileId,
    runId: 'r',
    resubmitAfterTaskId: null,
    lookedFor: null,
    operatorRetryUpTo: null,
    leave: false,
    settleMs: 0,
  };
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

  it('never put more than the budget into a second, with the margin to spare', () => {
    expect(Math.floor(1_000 / INTERVAL_MS) + 1).toBeLessThanOrEqual(SUBMITS_PER_SECOND);
    expect(PACE_MARGIN).toBeGreaterThan(1);
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
