import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OpenAhead } from '../../src/activities/open-ahead.js';
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
    opening: new OpenAhead(pace.connect),
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

it('moves the places again where the first move took too long to leave by it, and then leaves', async () => {
  const lateMs = 24;
  const moveTakesMs = 15;
  const pace = createSubmitPace(ledger, SUBMITS_PER_SECOND);
  let tries = 0;
  // A busy machine may make it so late that the place is dropped.
  const { moves, dueAtMs, leftAtMs } = await eventually('a call that left after two moves', async () => {
    tries += 1;
    const { submission, place } = await armed(`slow move ${tries}`);
    const moves: number[] = [];
    const movePlaces = async (ms: number) => {
      moves.push(ms);
      await sleep(moveTakesMs);
      return true;
    };
    const retaken: number[] = [];
    const watched: Ledger = new Proxy(ledger, {
      get: (target, name) => {
        if (name === 'movePlaces') return movePlaces;
        if (name === 'retakePlace') retaken.push(moves.length);
        return Reflect.get(target, name).bind(target);
      },
    });
    let leftAtMs = 0;
    await sendAtPlace({ ledger: watched, pace }, submission, place, {
      cancel: new AbortController().signal,
      opening: new OpenAhead(pace.connect),
      lastLook: async () => {
        const spin = () => {
          while (performance.now() < place.dueAtMs + lateMs);
        };
        setTimeout(spin, place.dueAtMs - performance.now() - 5);
        return null;
      },
      call: async ({ leaving }) => {
        leaving();
        leftAtMs = performance.now();
      },
    });
    return retaken.length === 0 && moves.length === 2 ? { moves, dueAtMs: place.dueAtMs, leftAtMs } : undefined;
  });
  const movedMs = moves.reduce((sum, each) => sum + each, 0);
  expect(leftAtMs - dueAtMs).toBeGreaterThan(lateMs + moveTakesMs);
  // As far as it left later than it might, so far all places after it were moved.
  expect(movedMs).toBeGreaterThanOrEqual(leftAtMs - dueAtMs - PLACE_TOLERANCE_MS);
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
      opening: new OpenAhead(pace.connect),
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

it('calls on an open connection only, however long one takes to open or how soon it is closed again', async () => {
  const handshakeMs = 400;
  const opened: FakeConnection[] = [];
  const connect = async () => {
    await sleep(handshakeMs);
    const connection = new FakeConnection();
    opened.push(connection);
    return connection;
  };
  const pace = createSubmitPace(ledger, SUBMITS_PER_SECOND, { connect });
  const cancel = new AbortController().signal;
  const used = await Promise.all(
    Array.from({ length: 30 }, async (_, i) => {
      const opening = new OpenAhead(pace.connect);
      const begin = () => ledger.begin(intentOf(`far away ${i}`, { costUsd: 0.1, lane: 'batch' }));
      const begun = await pace.lanes.take('batch', cancel, begin, () => opening.ready());
      if (begun.kind !== 'send') throw new Error(`expected a place, got ${begun.kind}`);
      // A third of them is closed by the other side while the place is waited for.
      if (i % 3 === 0) opening.connection?.close();
      const sent = await sendAtPlace({ ledger, pace }, begun.submission, begun.place, {
        cancel,
        opening,
        lastLook: async () => null,
        call: async ({ connection, leaving, written }) => {
          leaving();
          written();
          return connection?.isOpen() ?? false;
        },
      });
      opening.close();
      return sent;
    }),
  );
  expect(used).toEqual(Array.from({ length: 30 }, () => ({ kind: 'answered', answer: true })));
  expect(opened.length).toBeGreaterThanOrEqual(40);
  expect(opened.every((each) => !each.isOpen())).toBe(true);
});

it('moves the places after a call that the vendor may have read late, unless it more likely took its time', async () => {
  const pace = createSubmitPace(ledger, SUBMITS_PER_SECOND);
  for (let calls = 0; calls < 50; calls += 1) pace.spread.note(2);
  const movesAfter = async (fileId: string, answerMs: number) => {
    const moves: number[] = [];
    const watched: Ledger = new Proxy(ledger, {
      get: (target, name) =>
        name === 'movePlaces' ? async (ms: number) => moves.push(ms) : Reflect.get(target, name).bind(target),
    });
    const { submission, place } = await armed(fileId);
    let latest = 0;
    await sendAtPlace({ ledger: watched, pace }, submission, place, {
      cancel: new AbortController().signal,
      opening: new OpenAhead(pace.connect),
      lastLook: async () => null,
      call: async ({ leaving, written }) => {
        leaving();
        written();
        const leftAtMs = performance.now();
        await sleep(answerMs);
        latest = performance.now() - leftAtMs;
      },
    });
    return { moves, latest };
  };
  let tries = 0;
  const again = (answerMs: number, wanted: (moves: number[], tookMs: number) => boolean) =>
    eventually(`an answer after ${answerMs} ms`, async () => {
      tries += 1;
      const { moves, latest } = await movesAfter(`read late ${tries}`, answerMs);
      return wanted(moves, latest) ? moves : undefined;
    });
  // A busy machine makes one or the other later than it is told to be.
  const [moved] = await again(45, (moves, tookMs) => moves.length === 1 && tookMs < 55);
  expect(moved).toBeGreaterThanOrEqual(45 - 2 - 25 - 8);
  expect(moved).toBeLessThanOrEqual(40);
  expect(await again(10, (moves) => moves.length === 0)).toEqual([]);
  expect(await again(150, (moves) => moves.length === 0)).toEqual([]);
});

class FakeConnection {
  #open = true;
  isOpen = () => this.#open;
  close = () => {
    this.#open = false;
  };
}

it('sends nothing when nobody answers to a connection, and lets the call tell when there is none', async () => {
  const silent = createSubmitPace(ledger, SUBMITS_PER_SECOND, {
    connect: async () => {
      await sleep(300);
      throw new Error('nobody answers');
    },
  });
  const none = createSubmitPace(ledger, SUBMITS_PER_SECOND, { connect: async () => null });
  let called = 0;
  const send = async (pace: typeof none, fileId: string) => {
    const begun = await armed(fileId);
    const opening = new OpenAhead(pace.connect);
    return await sendAtPlace({ ledger, pace }, begun.submission, begun.place, {
      cancel: new AbortController().signal,
      opening,
      lastLook: async () => null,
      call: async ({ connection, leaving }) => {
        leaving();
        called += 1;
        return connection ?? 'its own';
      },
    });
  };
  await expect(send(silent, 'silent')).rejects.toThrow('nobody answers');
  expect(called).toBe(0);
  expect(await send(none, 'none')).toEqual({ kind: 'answered', answer: 'its own' });
});
