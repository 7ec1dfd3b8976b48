import { describe, expect, it } from 'vitest';
import { planOf, type Situation } from '../../src/activities/batch/plan-tick.js';
import { FEEDER_TIMINGS, firstWindow, grownWindow, queuedRuns, roundMs } from '../../src/activities/batch/timings.js';
import { type BatchCounts, type BatchSettings, noCounts } from '../../src/contract/batch.js';
import { DEFAULT_DEADLINE_HOURS } from '../../src/contract/request-schema.js';
import type { BatchFacts } from '../../src/ledger/batches/batch-feed-store.js';
import type { BatchRecord } from '../../src/ledger/batches/batch-store.js';
import type { Breaker } from '../../src/ledger/holds/breaker.js';
import type { Cap } from '../../src/ledger/money/cap.js';

const NOW = new Date('2026-03-01T12:00:00.000Z');
const SUB_APP = 1500000001;
/** After its submit the vendor forgets a task. */
const FORGOTTEN_HOURS = 72;
const TIMINGS = { ...FEEDER_TIMINGS, submitsPerSecond: 20, oldestTaskMs: 6 * 3_600_000 };

interface Given {
  batch?: Partial<BatchRecord>;
  settings?: Partial<BatchSettings>;
  facts?: Partial<Omit<BatchFacts, 'batch'>>;
  counts?: Partial<BatchCounts>;
  breakers?: Partial<Breaker>[];
  caps?: Partial<Cap>[];
  committedUsd?: number | null;
  startedCount?: number | null;
  queued?: number;
  subAppIds?: number[];
}

/** A batch of 1,000 that runs and has hardly begun, but for what is given. */
function situation(given: Given = {}): Situation {
  const settings: BatchSettings = {
    concurrency: 10_000,
    tolerate: null,
    minSample: 10,
    maxCostUsd: null,
    sampleSize: null,
    deadlineAt: null,
    ...given.settings,
  };
  const batch = { id: 'b', state: 'running', window: 0, settings, samplePassedAt: null, ...given.batch } as BatchRecord;
  return {
    facts: {
      batch,
      now: NOW,
      hasPending: true,
      running: 0,
      held: 0,
      inReview: 0,
      unsubmitted: 0,
      unsubmittedUsd: 0,
      oldestTaskAgeMs: null,
      feeders: 1,
      nextUsd: 1,
      hasPendingFree: false,
      backingOff: 0,
      backingOffCode: null,
      sentAgain: 0,
      ...given.facts,
    },
    counts: { ...noCounts(), pending: 1_000, total: 1_000, ...given.counts },
    subAppIds: given.subAppIds ?? [SUB_APP],
    breakers: (given.breakers ?? []).map((b) => ({ scope: 'account', code: 'X', message: 'm', ...b }) as Breaker),
    caps: (given.caps ?? []).map(
      (c) => ({ scope: 'all', period: 'day', limitUsd: 10, spentUsd: 0, leftUsd: 10, ...c }) as Cap,
    ),
    queued: given.queued ?? Number.POSITIVE_INFINITY,
    committedUsd: given.committedUsd ?? null,
    startedCount: given.startedCount ?? null,
  };
}

const plan = (given: Given = {}) => planOf(situation(given), TIMINGS);
const NOTHING_LEFT = { hasPending: false };

describe('a batch that runs', () => {
  it('starts no more than this machine keeps up with', () => {
    expect(plan({ queued: 40 }).feed?.limit).toBe(40);
    expect(plan({ queued: 40, facts: { unsubmitted: 40 } }).feed).toBeNull();
  });

  it('starts as many as may wait for a submit: three seconds of the rate', () => {
    expect(plan().feed).toEqual({ limit: 60, roomUsd: null, blockedSubApps: [], onlyFree: false });
    expect(plan({ batch: { window: 500 } }).feed?.limit).toBe(60);
    expect(plan({ batch: { window: 500 }, facts: { unsubmitted: 45, running: 45 } }).feed?.limit).toBe(15);
  });

  it('shares what may wait with the other batches that feed', () => {
    expect(plan({ batch: { window: 500 }, facts: { feeders: 2 } }).feed?.limit).toBe(30);
    expect(plan({ batch: { window: 500 }, facts: { feeders: 500 } }).feed?.limit).toBe(1);
  });

  it('keeps to its window, and to its concurrency with those held', () => {
    expect(plan({ facts: { running: 98 } }).feed?.limit).toBe(2);
    expect(plan({ facts: { running: 100 } }).feed).toBeNull();
    expect(plan({ settings: { concurrency: 5 }, facts: { running: 1, held: 3 } }).feed?.limit).toBe(1);
    expect(plan({ facts: { running: 100, inReview: 40 } }).feed?.limit).toBe(40);
    expect(plan({ settings: { concurrency: 52 }, facts: { running: 50, inReview: 40 } }).feed?.limit).toBe(2);
  });

  it.each(['account', `sub-app/${SUB_APP}`] as const)('waits while the breaker %s is open', (scope) => {
    expect(plan({ breakers: [{ scope }] })).toMatchObject({
      waitingFor: 'breaker',
      waitingDetail: `The breaker ${scope} is open (X): m`,
      feed: null,
    });
  });

  it('goes past the breaker of another sub-application', () => {
    expect(plan({ breakers: [{ scope: 'sub-app/7' }] }).waitingFor).toBeNull();
    expect(plan({ breakers: [{ scope: 'sub-app/7' }], subAppIds: [SUB_APP, 7] }).feed?.blockedSubApps).toEqual([7]);
  });

  it('stops before its budget, and leaves room for no more', () => {
    expect(plan({ settings: { maxCostUsd: 10 }, committedUsd: 9.5 })).toMatchObject({
      waitingFor: 'budget',
      feed: null,
    });
    const { feed } = plan({ settings: { maxCostUsd: 10 }, committedUsd: 7.5 });
    expect(feed?.roomUsd).toBeCloseTo(2.5);
  });

  it('stops before a cap, counting what waits to be submitted', () => {
    expect(plan({ caps: [{ leftUsd: 0.5 }] })).toMatchObject({ waitingFor: 'cap', feed: null });
    expect(plan({ caps: [{ leftUsd: 5 }], facts: { unsubmittedUsd: 4.5 } }).waitingFor).toBe('cap');
    expect(plan({ caps: [{ leftUsd: 5, scope: 'sub-app/7' }], facts: { nextUsd: 6 } }).waitingFor).toBeNull();
    expect(plan({ caps: [{ leftUsd: 5 }] }).feed?.roomUsd).toBeCloseTo(5);
  });

  it('goes past the empty cap of a sub-application while another can pay', () => {
    const caps = [{ leftUsd: 0.5, scope: `sub-app/${SUB_APP}` as const }];
    const both = plan({ caps, subAppIds: [SUB_APP, 7] });
    expect(both.waitingFor).toBeNull();
    // What is left of the empty one is no limit for the other.
    expect(both.feed).toMatchObject({ blockedSubApps: [SUB_APP], roomUsd: null });
    expect(plan({ caps, breakers: [{ scope: 'sub-app/7' }], subAppIds: [SUB_APP, 7] }).waitingFor).toBe('cap');
    expect(plan({ caps: [...caps, { leftUsd: 0 }], subAppIds: [SUB_APP, 7] }).waitingFor).toBe('cap');
  });

  it.each([
    ['an empty cap', { caps: [{ leftUsd: -1 }] }, 'cap'],
    ['a spent budget', { settings: { maxCostUsd: 5 }, committedUsd: 5 }, 'budget'],
    ['an open breaker', { breakers: [{ scope: 'account' as const }] }, 'breaker'],
  ] as const)('reads what was paid for past %s, as the vendor forgets it', (_name, given, waitingFor) => {
    const feed = { limit: 60, roomUsd: null, blockedSubApps: [], onlyFree: true };
    expect(plan({ ...given, facts: { hasPendingFree: true } } as Given)).toMatchObject({ waitingFor, feed });
    expect(plan(given as Given)).toMatchObject({ waitingFor, feed: null });
    expect(plan({ ...given, facts: { hasPendingFree: true, running: 100 } } as Given).feed).toBeNull();
  });

  it('waits for a vendor that is slower than the submits', () => {
    expect(plan({ facts: { oldestTaskAgeMs: TIMINGS.oldestTaskMs + 1 } })).toMatchObject({
      waitingFor: 'vendor',
      feed: null,
    });
    expect(plan({ facts: { oldestTaskAgeMs: TIMINGS.oldestTaskMs } }).waitingFor).toBeNull();
  });

  it('starts its sample, and no more', () => {
    const settings = { sampleSize: 20 };
    expect(plan({ settings, startedCount: 15 }).feed?.limit).toBe(5);
    expect(plan({ settings, startedCount: 20 })).toMatchObject({ waitingFor: 'sample', feed: null });
    expect(plan({ settings, startedCount: null }).feed?.limit).toBe(60);
  });

  it.each([
    ['a number', { count: 5 }, { failed: 4, timedOut: 2, succeeded: 94 }, true],
    ['a number that is not passed', { count: 5 }, { failed: 5 }, false],
    ['a share', { percent: 5 }, { failed: 6, succeeded: 94 }, true],
    ['a share that is just kept', { percent: 5 }, { failed: 5, succeeded: 95 }, false],
    ['a share of too few', { percent: 5 }, { failed: 9 }, false],
    ['no failure at all', { count: 0 }, { failed: 1 }, true],
  ] as const)('stops when failures pass %s', (_name, tolerate, counts, stops) => {
    const { waitingFor, giveUp } = plan({ settings: { tolerate }, counts, facts: { running: 3 } });
    expect([waitingFor === 'tolerance', giveUp]).toEqual([stops, null]);
    expect(plan({ settings: { tolerate }, counts }).giveUp !== null).toBe(stops);
  });

  it('gives up what is left at its deadline', () => {
    const settings = { deadlineAt: NOW.toISOString() };
    expect(plan({ settings })).toMatchObject({ feed: null, giveUp: expect.stringContaining('deadline') });
    expect(plan({ settings, facts: NOTHING_LEFT, counts: { skipped: 3 } }).endAs).toBe('deadline');
    expect(plan({ settings, facts: NOTHING_LEFT, counts: { skipped: 0 } }).endAs).toBe('completed');
  });
});

describe('files that the vendor calls busy', () => {
  const busy = (count: number, more: Given['facts'] = {}): Given['facts'] => ({
    running: count,
    unsubmitted: count,
    backingOff: count,
    backingOffCode: 'ResourceInUse',
    ...more,
  });
  const BUSY = 'busy at the vendor (ResourceInUse)';

  it('take no place in the queue, nor in the window', () => {
    expect(plan({ facts: busy(62) })).toMatchObject({ waitingFor: null, feed: { limit: 60 } });
    expect(plan({ facts: busy(62, { running: 162, unsubmitted: 65 }) }).feed).toBeNull();
    expect(plan({ facts: busy(62, { running: 65, unsubmitted: 65 }) }).feed?.limit).toBe(57);
    expect(plan({ batch: { window: 5_000 }, facts: busy(3_000, { unsubmitted: 3_045 }) }).feed?.limit).toBe(15);
    expect(plan({ queued: 40, facts: busy(200, { unsubmitted: 230, running: 230 }) }).feed?.limit).toBe(10);
  });

  it('count against the concurrency, and when they fill it the batch says so', () => {
    const settings = { concurrency: 70 };
    expect(plan({ settings, facts: busy(62) }).feed?.limit).toBe(8);
    const full = plan({ settings, facts: busy(70) });
    expect(full).toMatchObject({ waitingFor: 'busyFiles', feed: null });
    expect(full.waitingDetail).toContain(`70 files are ${BUSY}`);
    expect(plan({ settings, facts: busy(60, { held: 10 }) }).waitingFor).toBe('busyFiles');
    expect(plan({ settings, facts: busy(60, { running: 70, inReview: 10 }) }).waitingFor).toBe('busyFiles');
    // One of them is on its way again at this moment.
    expect(plan({ settings, facts: busy(70, { backingOff: 69, sentAgain: 1 }) }).waitingFor).toBe('busyFiles');
    // Tasks run: it waits for those, too.
    expect(plan({ settings, facts: busy(62, { running: 70 }) })).toMatchObject({ waitingFor: null, feed: null });
  });

  it('are what a batch waits for when nothing else is left', () => {
    const left = plan({ facts: busy(1, NOTHING_LEFT) });
    expect(left).toMatchObject({ waitingFor: 'busyFiles', endAs: null });
    expect(left.waitingDetail).toContain(`1 file is ${BUSY}`);
    expect(plan({ facts: busy(3, { ...NOTHING_LEFT, running: 9 }) }).waitingFor).toBe('busyFiles');
    expect(plan({ facts: busy(3, { ...NOTHING_LEFT, unsubmitted: 4, running: 4 }) }).waitingFor).toBeNull();
    expect(plan({ batch: { state: 'draining' }, facts: busy(3) }).waitingFor).toBe('busyFiles');
    expect(plan({ batch: { state: 'paused' }, facts: busy(3) }).waitingFor).toBeNull();
  });

  it.each([
    ['breaker', { breakers: [{ state: 'open' as const }] }],
    ['cap', { caps: [{ leftUsd: 0 }] }],
    ['budget', { settings: { maxCostUsd: 5 }, committedUsd: 5 }],
    ['vendor', {}],
  ] as const)('do not hide that it waits for its %s', (waitingFor, given) => {
    const facts = busy(62, waitingFor === 'vendor' ? { oldestTaskAgeMs: TIMINGS.oldestTaskMs + 1 } : {});
    expect(plan({ ...given, facts } as Given).waitingFor).toBe(waitingFor);
  });

  it('are told where they keep a sample from its end', () => {
    const { waitingFor, waitingDetail } = plan({ settings: { sampleSize: 20 }, startedCount: 20, facts: busy(2) });
    expect([waitingFor, waitingDetail]).toEqual(['sample', expect.stringContaining(`2 files are ${BUSY}`)]);
  });
});

describe('a batch that an operator stopped', () => {
  it('starts nothing while paused', () => {
    expect(plan({ batch: { state: 'paused' } })).toMatchObject({ feed: null, giveUp: null, cancelRuns: false });
  });

  it('drained, gives up the rest only when nothing runs', () => {
    expect(plan({ batch: { state: 'draining' }, facts: { running: 1 } }).giveUp).toBeNull();
    expect(plan({ batch: { state: 'draining' } }).giveUp).not.toBeNull();
    expect(plan({ batch: { state: 'draining' }, facts: NOTHING_LEFT }).endAs).toBe('drained');
  });

  it('cancelled, gives up the rest at once and ends what runs', () => {
    const cancelling = plan({ batch: { state: 'cancelling' }, facts: { running: 1 } });
    expect(cancelling).toMatchObject({ cancelRuns: true, giveUp: expect.any(String), endAs: null });
    expect(plan({ batch: { state: 'cancelling' }, facts: NOTHING_LEFT }).endAs).toBe('cancelled');
  });
});

describe('the feeder', () => {
  it('scales with the rate', () => {
    expect([firstWindow(1), firstWindow(20), firstWindow(1_000)]).toEqual([50, 100, 5_000]);
    expect([queuedRuns(0.1), queuedRuns(20), queuedRuns(1_000)]).toEqual([2, 60, 3_000]);
  });

  it('widens its window by completions, where it was what limits, and while the vendor keeps up', () => {
    const given = { completed: 10, inFlight: 40, oldestTaskAgeMs: 1_000 };
    const { oldestTaskMs } = TIMINGS;
    expect(grownWindow(50, given, TIMINGS)).toBe(200);
    expect(grownWindow(50, { ...given, oldestTaskAgeMs: null }, TIMINGS)).toBe(200);
    expect(grownWindow(500, given, TIMINGS)).toBe(500);
    expect(grownWindow(50, { ...given, oldestTaskAgeMs: oldestTaskMs / 4 }, TIMINGS)).toBe(80);
    expect(grownWindow(50, { ...given, oldestTaskAgeMs: oldestTaskMs * 0.6 }, TIMINGS)).toBe(50);
  });

  it('narrows its window while the vendor is slower than the submits, and never below the first', () => {
    const late = { completed: 10, inFlight: 480, oldestTaskAgeMs: TIMINGS.oldestTaskMs * 1.1 };
    expect(grownWindow(500, late, TIMINGS)).toBe(480);
    expect(grownWindow(105, late, TIMINGS)).toBe(100);
  });

  it.each([2, 10, 100, 1_000, 10_000, 60_000])('lets no task get old at a vendor that ends %i an hour', (perHour) => {
    const { oldestHours } = fed({ hours: 200, perHour });
    expect(oldestHours).toBeLessThan(perHour < 10 ? FORGOTTEN_HOURS : DEFAULT_DEADLINE_HOURS);
  });

  it('starts a small batch before its first task has ended', () => {
    expect(fed({ hours: 1, taskMinutes: 10 }).beforeTheFirstEnd).toBe(100);
  });

  it('is at the full rate soon where tasks take ten minutes', () => {
    const { fullAfterMinutes } = fed({ hours: 3, taskMinutes: 10 });
    expect(fullAfterMinutes).toBeLessThanOrEqual(60);
  });

  it('takes longer rounds for an older batch: its history stays short', () => {
    expect([0, 600_000, 2_000_000, 1e9].map((age) => roundMs(age, TIMINGS))).toEqual([
      20_000, 30_000, 100_000, 300_000,
    ]);
  });
});

/** A batch without end at a vendor that does one task after the other, or all at once: by the hour, in steps of ten seconds. */
function fed({ hours, perHour, taskMinutes }: { hours: number; perHour?: number; taskMinutes?: number }) {
  const stepMs = 10_000;
  const submittedAtMs: number[] = [];
  let ended = 0;
  let [window, work, oldestMs, fullAtMs, beforeTheFirstEnd] = [firstWindow(20), 0, 0, Number.POSITIVE_INFINITY, 0];
  for (let nowMs = 0; nowMs < hours * 3_600_000; nowMs += stepMs) {
    const before = ended;
    work = Math.min(work + ((perHour ?? 0) * stepMs) / 3_600_000, submittedAtMs.length - ended);
    const isOver = () =>
      perHour === undefined
        ? nowMs - (submittedAtMs[ended] ?? nowMs) >= (taskMinutes ?? 0) * 60_000
        : work >= 1 && ended < submittedAtMs.length;
    for (; isOver(); ended += 1) {
      oldestMs = Math.max(oldestMs, nowMs - (submittedAtMs[ended] as number));
      work -= 1;
    }
    const inFlight = submittedAtMs.length - ended;
    const oldestTaskAgeMs = inFlight === 0 ? null : nowMs - (submittedAtMs[ended] as number);
    window = grownWindow(window, { completed: ended - before, inFlight, oldestTaskAgeMs }, TIMINGS);
    const mayFeed = oldestTaskAgeMs === null || oldestTaskAgeMs <= TIMINGS.oldestTaskMs;
    const fits = mayFeed ? Math.max(0, Math.min(window - inFlight, (20 * stepMs) / 1_000)) : 0;
    for (let submit = 0; submit < fits; submit += 1) submittedAtMs.push(nowMs);
    if (ended === 0) beforeTheFirstEnd = submittedAtMs.length;
    if (fits < (20 * stepMs) / 1_000) fullAtMs = Number.POSITIVE_INFINITY;
    else fullAtMs = Math.min(fullAtMs, nowMs);
  }
  return { oldestHours: oldestMs / 3_600_000, fullAfterMinutes: fullAtMs / 60_000, beforeTheFirstEnd };
}
