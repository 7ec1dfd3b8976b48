import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { moreToleranceMs } from '../../src/activities/send-at-place.js';
import {
  ALLOWANCE_MS,
  MOVABLE_WITHIN_MS,
  PLACE_LEAD_MS,
  PLACE_TOLERANCE_MS,
  paceIntervalMs,
  SPREAD_HELD_MS,
  toleranceMs,
} from '../../src/ledger/pace.js';
import { PlaceClock } from '../../src/ledger/place-clock.js';

/**
 * The pace as a model: a row that gives places out by one clock, and processes with clocks of their own that hear of their
 * places late, wake up late, move the places after theirs, are stopped anywhere, and whose calls take longer now and then.
 * What turns a place into a call is the real thing: the process’s idea of the database’s clock and the tolerance.
 */

const BUDGET = 20;
/** Whatever the slack leaves beside the tolerance may happen on the way. */
const ON_THE_WAY_MS = ALLOWANCE_MS - PLACE_TOLERANCE_MS - 1;
/** How far the two clocks drift apart, beyond what real ones do. */
const DRIFT = 20e-6;

interface Step {
  process: number;
  /** Until the next step of anybody. */
  thenMs: number;
  /** Until the question for a place is at the database, in milliseconds. */
  requestMs: number;
  /** Until the answer with the place is read; the other steps of a submit likewise, in milliseconds. */
  answerMs: number;
  wakesLateMs: number;
  credentialsMs: number;
  wayMs: number;
  /** How late the process wants to be allowed to leave. */
  wishMs: number;
  /** Until the answer to a move of the places; it is done half way. */
  moveMs: number;
  /** The process is stopped this long, at one of the four moments of the submit. */
  stoppedMs: number;
  stoppedAt: number;
}

/** Of all lengths alike: doubles would be drawn from those of the machine, of which nearly all are next to nothing. */
const ms = (max: number) => fc.integer({ min: 0, max: max * 1_000 }).map((us) => us / 1_000);
/** Mostly nothing, now and then much. */
const rarely = (max: number) => fc.oneof({ weight: 8, arbitrary: ms(3) }, { weight: 1, arbitrary: ms(max) });

const step: fc.Arbitrary<Step> = fc.record({
  process: fc.nat(7),
  thenMs: fc.oneof({ weight: 6, arbitrary: ms(60) }, { weight: 1, arbitrary: ms(3_000) }),
  requestMs: rarely(1_500),
  answerMs: rarely(900),
  wakesLateMs: rarely(110),
  credentialsMs: rarely(40),
  wayMs: ms(ON_THE_WAY_MS),
  wishMs: fc.constantFrom(PLACE_TOLERANCE_MS, PLACE_TOLERANCE_MS, 30, 50, 80),
  moveMs: rarely(900),
  stoppedMs: fc.oneof({ weight: 15, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: ms(30_000) }),
  stoppedAt: fc.nat(3),
});

/** A pace whose every place is taken, by processes that are a little late at most. */
const busyStep: fc.Arbitrary<Step> = step.map((each) => ({
  ...each,
  thenMs: 40 + (each.thenMs % 13),
  requestMs: each.requestMs > 1_000 ? each.requestMs : each.requestMs % 3,
  answerMs: each.answerMs % 5,
  wakesLateMs: each.wakesLateMs % 90,
  credentialsMs: 0,
  moveMs: each.moveMs % 7,
  stoppedMs: 0,
}));

/** How far each process's clock stands beside the database's. */
const skews = fc.array(fc.integer({ min: -1e7, max: 1e7 }), { minLength: 8, maxLength: 8 });

/**
 * When calls arrive at the vendor.
 * @param how without `strict`, a call goes out however late it is; `moved: false` has it leave late though no place was moved;
 *   `slack: false` takes wishes and grants them for nothing
 */
function arrivals(
  steps: readonly Step[],
  clockSkews: readonly number[],
  { strict = true, moved = true, slack = true }: { strict?: boolean; moved?: boolean; slack?: boolean } = {},
): number[] {
  const trueNow = { ms: 0 };
  const processes = clockSkews.map((skewMs, index) => {
    const here = (trueMs: number) => trueMs * (1 + DRIFT * (index % 3)) + skewMs;
    const trueOf = (hereMs: number) => (hereMs - skewMs) / (1 + DRIFT * (index % 3));
    const clock = new PlaceClock();
    const look = (databaseNowMs: number, askedMs: number, readMs: number) =>
      clock.look({ databaseNowMs, askedMs: here(askedMs), nowMs: here(readMs) });
    return { here, trueOf, clock, look };
  });
  let next = 0;
  /** The largest slack that was asked for lately, and when; as `takePlace` keeps it. */
  let held = { slackMs: 0, atMs: Number.NEGATIVE_INFINITY };
  const takePlace = (nowMs: number, wishMs: number) => {
    const place = Math.max(next, nowMs + PLACE_LEAD_MS);
    const askedMs = wishMs + ALLOWANCE_MS - PLACE_TOLERANCE_MS;
    if (held.atMs <= nowMs - SPREAD_HELD_MS || askedMs >= held.slackMs) held = { slackMs: askedMs, atMs: nowMs };
    next = place + paceIntervalMs(BUDGET, Math.max(ALLOWANCE_MS, slack ? held.slackMs : 0));
    const staysMs = held.atMs + SPREAD_HELD_MS > place + 2_000 ? held.slackMs : 0;
    return { place, tolerated: toleranceMs({ seenMs: 0, assumedMs: 0, toleranceMs: wishMs }, staysMs) };
  };
  const arrived: number[] = [];
  const leaves: { at: number; wayMs: number }[] = [];
  let moves: { at: number; move: () => void }[] = [];
  const moveUntil = (untilMs: number) => {
    for (const { move } of moves.filter(({ at }) => at <= untilMs).sort((a, b) => a.at - b.at)) move();
    moves = moves.filter(({ at }) => at > untilMs);
  };
  const asked = steps.map((each) => {
    trueNow.ms += each.thenMs;
    return { each, askedAt: trueNow.ms, givenAt: trueNow.ms + each.requestMs };
  });
  // In the order in which they are at the database.
  for (const { each, askedAt, givenAt } of asked.sort((a, b) => a.givenAt - b.givenAt)) {
    const { here, trueOf, clock, look } = processes[each.process] as (typeof processes)[number];
    const stop = (moment: number) => (each.stoppedAt === moment ? each.stoppedMs : 0);
    // The lane's question comes before every place: it was answered quickly.
    look(askedAt, askedAt, askedAt + 1);
    moveUntil(givenAt);
    const { place, tolerated } = takePlace(givenAt, each.wishMs);
    const readAt = givenAt + each.answerMs + stop(0);
    look(givenAt, askedAt, readAt);
    const dueAt = clock.toHere(place);
    const wakesAt = Math.max(readAt, trueOf(dueAt)) + each.wakesLateMs + stop(1);
    const leave = (fromMs: number, withinMs: number) => {
      if (strict && here(fromMs) - dueAt > withinMs) return;
      const leavesAt = fromMs + each.credentialsMs + stop(2);
      if (strict && here(leavesAt) - dueAt > withinMs) return;
      leaves.push({ at: leavesAt, wayMs: each.wayMs });
    };
    const moreMs = moreToleranceMs(here(wakesAt) - dueAt, tolerated);
    if (moreMs === 0) {
      leave(wakesAt, tolerated);
      continue;
    }
    const at = wakesAt + each.moveMs / 2;
    const move = () => {
      const isMoved = next < at + MOVABLE_WITHIN_MS;
      if (isMoved && moved) next = Math.max(next, at) + moreMs;
      leave(wakesAt + each.moveMs + stop(3), tolerated + (isMoved ? moreMs : 0));
    };
    moves.push({ at, move });
  }
  moveUntil(Number.POSITIVE_INFINITY);
  for (const { at, wayMs } of leaves) arrived.push(at + wayMs);
  return arrived.sort((a, b) => a - b);
}

function mostInASecond(times: readonly number[]): number {
  let most = 0;
  for (let from = 0, to = 0; to < times.length; to += 1) {
    while ((times[from] ?? 0) <= (times[to] ?? 0) - 1_000) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

const plansOf = (each: fc.Arbitrary<Step>) =>
  fc.tuple(fc.array(each, { minLength: 60, maxLength: 250, size: 'max' }), skews);
const plans = plansOf(step);
const busyPlans = plansOf(busyStep);
/** Of processes that wish for nothing. */
const modestPlans = plansOf(busyStep.map((each) => ({ ...each, wishMs: PLACE_TOLERANCE_MS })));

describe('the pace of many processes', () => {
  it('never puts more than the budget into any second, whatever is slow, stopped or has another time', () => {
    fc.assert(
      fc.property(fc.oneof(plans, busyPlans), ([steps, clockSkews]) => {
        expect(mostInASecond(arrivals(steps, clockSkews))).toBeLessThanOrEqual(BUDGET);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['a place that was missed were used', plans, { strict: false }],
    ['a call left late without the others being moved', modestPlans, { moved: false }],
    ['a process were allowed to leave later, and the places lay no further apart', busyPlans, { slack: false }],
  ])('would, if %s', (_, somePlans, how) => {
    const found = fc.check(
      fc.property(somePlans, ([steps, clockSkews]) => mostInASecond(arrivals(steps, clockSkews, how)) <= BUDGET),
      { numRuns: 300, endOnFailure: true },
    );
    // Found by counting, and not because something broke.
    expect(found).toMatchObject({ failed: true, errorInstance: { message: 'Property failed by returning false' } });
  });
});
