import { afterAll, beforeAll, expect, it } from 'vitest';
import { sendAtPlace } from '../../src/activities/send-at-place.js';
import { createSubmitPace } from '../../src/activities/submit-pace.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { migrateLedger } from '../../src/ledger/migrate.js';
import { PLACE_TOLERANCE_MS, paceIntervalMs } from '../../src/ledger/pace.js';
import { openLedger } from '../../src/ledger/postgres-ledger.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { eventually } from '../support/processes.js';

let database: TestDatabase;
let ledger: Ledger;

const SUBMITS_PER_SECOND = 20;

beforeAll(async () => {
  database = await createTestDatabase('send_at_place');
  await migrateLedger(database.url);
  ledger = openLedger(database.url, { submitsPerSecond: SUBMITS_PER_SECOND });
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

async function armed(fileId: string) {
  const begun = await ledger.begin(intentOf(fileId, { costUsd: 0.1 }));
  if (begun.kind !== 'send') throw new Error(`expected a place, got ${begun.kind}`);
  return begun;
}

it('moves the places after a call that left late, since the process was held up as it wrote', async () => {
  const heldUpMs = 400;
  const moves: number[] = [];
  const pace = createSubmitPace(ledger, SUBMITS_PER_SECOND);
  const movePlaces = async (ms: number) => {
    await ledger.movePlaces(ms);
    moves.push(ms);
  };
  const watched: Ledger = new Proxy(ledger, {
    get: (target, name) => (name === 'movePlaces' ? movePlaces : Reflect.get(target, name).bind(target)),
  });
  const first = await armed('late');
  const sent = await sendAtPlace({ ledger: watched, pace }, first.submission, first.place, {
    cancel: new AbortController().signal,
    lastLook: async () => null,
    call: async ({ leaving, written }) => {
      leaving();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, heldUpMs);
      written();
      return 'accepted';
    },
  });
  expect(sent).toEqual({ kind: 'answered', answer: 'accepted' });
  const [moved] = await eventually('the places to be moved', () => (moves.length > 0 ? moves : undefined));
  expect(moved).toBeGreaterThanOrEqual(heldUpMs - PLACE_TOLERANCE_MS);

  const next = await armed('after it');
  const apartMs = next.place.dueAtMs - first.place.dueAtMs;
  // A call of an idle pace would have left one interval after the first, or at once.
  expect(apartMs).toBeGreaterThanOrEqual(heldUpMs + (moved as number));
  expect(apartMs).toBeGreaterThan(paceIntervalMs(SUBMITS_PER_SECOND));
  // The process's own window counts it from when it really left.
  for (let taken = 1; taken < SUBMITS_PER_SECOND; taken += 1) expect(pace.window.tryTake()).toBe(true);
  await pace.window.take();
  expect(performance.now() - first.place.dueAtMs).toBeGreaterThan(heldUpMs + 1_000);
});

it('leaves the places where they are after a call in time', async () => {
  const pace = createSubmitPace(ledger, SUBMITS_PER_SECOND);
  let calls = 0;
  const callOnce = async () => {
    let moved = false;
    const move = async () => {
      moved = true;
    };
    const watched: Ledger = new Proxy(ledger, {
      get: (target, name) => (name === 'movePlaces' ? move : Reflect.get(target, name).bind(target)),
    });
    calls += 1;
    const begun = await armed(`in time ${calls}`);
    await sendAtPlace({ ledger: watched, pace }, begun.submission, begun.place, {
      cancel: new AbortController().signal,
      lastLook: async () => null,
      call: async ({ leaving, written }) => {
        leaving();
        written();
        return 'accepted';
      },
    });
    return moved;
  };
  // A busy machine may hold up one or the other.
  await eventually('a call that moves nothing', async () => ((await callOnce()) ? undefined : true));
});
