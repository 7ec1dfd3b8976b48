import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/common';
import type { ArmedSubmission, Ledger, Place } from '../ledger/ledger.js';
import { LedgerError } from '../ledger/ledger-error.js';
import { PLACE_LEAD_MS, tooCloseMs } from '../ledger/pace.js';
import type { SubmitConnection } from '../vod/vod-api.js';
import { VodError } from '../vod/vod-error.js';
import type { ActivityDependencies } from './dependencies.js';
import { HoldUps } from './hold-ups.js';
import type { OpenAhead } from './open-ahead.js';

/** A process this late again and again has no time to keep a pace: it gives the activity back, and another may take it. */
const MAX_MISSED_PLACES = 40;
/** Longest lead that a process asks for when it keeps missing its places, in milliseconds. */
const MAX_LEAD_MS = 500;

/** How long to wait for room in this process's last second, within the tolerance of the place, in milliseconds. */
const WINDOW_FULL_WAIT_MS = 2;

/** The vendor counts by the second: what left longer ago than that, in milliseconds, is in nobody's way. */
const MOST_MOVED_MS = 1_000;

export interface Sending<T, S> {
  /** Ends the wait, never the call: what comes of a call that went out has to be known. */
  cancel: AbortSignal;
  /** Was opened before the place was asked for. */
  opening: OpenAhead;
  /** Something that forbids the call by now; null lets it go. */
  lastLook: () => Promise<S | null>;
  call: (options: { connection: SubmitConnection | undefined; leaving: () => void; written: () => void }) => Promise<T>;
}

/**
 * Waits for the submission's place and makes the call at that very moment. Slightly late, it moves all later places first;
 * later than that it does not make the call: the place is dropped and a new one taken, since calls made late bunch up and
 * break the rate. So is a place at which the connection is not open: a call that opens its own leaves late.
 *
 * @throws CancelledFailure when nothing was sent; VodError when nobody answers to a connection, or of the call
 */
export async function sendAtPlace<T, S>(
  { ledger, pace }: Pick<ActivityDependencies, 'ledger' | 'pace'>,
  submission: ArmedSubmission,
  firstPlace: Place,
  { cancel, opening, lastLook, call }: Sending<T, S>,
): Promise<{ kind: 'answered'; answer: T } | { kind: 'stopped'; by: S }> {
  let place = firstPlace;
  let leadMs = PLACE_LEAD_MS;
  for (let missed = 0; missed <= MAX_MISSED_PLACES; missed += 1) {
    const { dueAtMs } = place;
    const clocksApartMs = Date.now() - performance.now();
    // One that the other side has closed meanwhile; what is thrown is thrown below.
    opening.ready().catch(() => undefined);
    try {
      await waitUntil(dueAtMs - pace.lastLook.aheadMs(), cancel);
      const lookedAtMs = performance.now();
      const by = await lastLook();
      pace.lastLook.note(performance.now() - lookedAtMs);
      if (by !== null) return { kind: 'stopped', by };
      await waitUntil(dueAtMs, cancel);
      if (opening.isOpening) {
        await opening.ready();
        throw new PlaceMissed();
      }
      pace.lateness.note(performance.now() - dueAtMs);
      const toleranceMs = await toleranceFor(ledger, place, () => pace.lastLook.usualMs());
      throwIfCancelled(cancel);
      while (performance.now() - dueAtMs <= toleranceMs) {
        // No await between these checks and the call: a process that is stopped in here sends nothing late.
        const pass = pace.window.tryPass();
        if (pass !== null) {
          let leftAtMs = performance.now();
          const leaving = () => {
            leftAtMs = performance.now();
            if (leftAtMs - dueAtMs > toleranceMs || wasSuspended(clocksApartMs)) throw new PlaceMissed();
            pass.now();
          };
          // If this process was held up since, by a collection of garbage or by a machine that is full, the call leaves only
          // now. The call a budget later has no place yet: it is moved away from this one. Best effort, as the pace is.
          const written = () => {
            leftAtMs = performance.now();
            pass.now();
            const lateMs = leftAtMs - dueAtMs - toleranceMs;
            if (lateMs > 0)
              void ledger.movePlaces(Math.min(lateMs, MOST_MOVED_MS), { anyway: true }).catch(() => undefined);
          };
          // What the vendor read late, it counts later: the call a budget later is moved away from it, too. Beyond a place's worth the
          // vendor more likely took its time to answer, which is no reason to go slower.
          const answered = (tookMs: number) => {
            pace.spread.note(tookMs);
            const onTheWayMs = pace.spread.beyondQuickestMs(tookMs);
            const way = { leftLateMs: leftAtMs - dueAtMs, onTheWayMs };
            const closeMs = tooCloseMs(way, place.toleranceMs, pace.spread.report().seenMs);
            if (closeMs > 0 && closeMs <= MOST_MORE_MS)
              void ledger.movePlaces(closeMs, { anyway: true }).catch(() => undefined);
          };
          const tookMs = () => performance.now() - leftAtMs;
          const answer = await timed(tookMs, answered, () =>
            call({ connection: opening.connection, leaving, written }),
          );
          return { kind: 'answered', answer };
        }
        await waitUntil(performance.now() + WINDOW_FULL_WAIT_MS, cancel);
      }
    } catch (error) {
      if (!(error instanceof PlaceMissed)) throw error;
    }
    leadMs = Math.min(Math.max(leadMs * 2, pace.lastLook.leadMs()), MAX_LEAD_MS);
    place = await ledger.retakePlace(submission, { leadMs });
  }
  throw new LedgerError(
    'unavailable',
    `This worker missed ${MAX_MISSED_PLACES} places in the pace: it, or the ledger, is too slow to keep it.`,
  );
}

/** To move all places by more than this at once, in milliseconds, costs nearly what a place is worth: it is dropped. */
const MOST_MORE_MS = 40;
/**
 * A move that took longer than it had room for is followed by one more: were the place dropped then, it would be lost, and all others
 * late for nothing. Not by many: a call is 80 ms later than it may be, at most, and with any tolerance the one a budget later
 * is more than 900 ms ahead by then.
 */
export const MOST_MOVES = 2;
/** Room for the move itself, in milliseconds, at least: one statement. */
const MOVE_TAKES_MS = 8;
/** How much longer a move may take than such a statement usually does, and the second one than the first. */
const MOVE_TAKES_MORE = 1.5;

/** Room for a move, in milliseconds, where one like it took `tookMs`. */
export function roomForMoveMs(tookMs: number): number {
  return Math.max(MOVE_TAKES_MS, MOVE_TAKES_MORE * tookMs);
}

/**
 * By how much all places after a call that is `lateMs` late have to be moved, so that it may leave that much later than it may now: on
 * a full machine that costs the pace some milliseconds, where a dropped place costs it the whole place. 0: it is in time, or its
 * place is dropped.
 *
 * @param toleranceMs how late it may leave by now
 * @param roomMs for the move itself
 */
export function moreToleranceMs(lateMs: number, toleranceMs: number, roomMs: number): number {
  const moreMs = lateMs + roomMs - toleranceMs;
  return lateMs <= toleranceMs || moreMs > MOST_MORE_MS ? 0 : moreMs;
}

/** How late the call may leave, in milliseconds, once the places after it were moved as far as that takes. */
async function toleranceFor(
  ledger: Pick<Ledger, 'movePlaces'>,
  { dueAtMs, toleranceMs: grantedMs }: Place,
  usualMs: () => number,
): Promise<number> {
  let toleranceMs = grantedMs;
  let lastTookMs = 0;
  for (let moves = 0; moves < MOST_MOVES; moves += 1) {
    const askedMs = performance.now();
    if (askedMs - dueAtMs <= toleranceMs) break;
    const moreMs = moreToleranceMs(askedMs - dueAtMs, toleranceMs, roomForMoveMs(Math.max(usualMs(), lastTookMs)));
    if (moreMs === 0 || !(await ledger.movePlaces(moreMs))) break;
    toleranceMs += moreMs;
    lastTookMs = performance.now() - askedMs;
  }
  return toleranceMs;
}

/**
 * The clock that waits for a place stands still while the machine is suspended, and the clock of the day does not. One that
 * was set looks the same, and costs a place.
 */
function wasSuspended(clocksApartMs: number): boolean {
  return Math.abs(Date.now() - performance.now() - clocksApartMs) > MOST_APART_MS;
}

/** Clocks that are set slowly, as they should be, drift apart by less than this while a place is waited for, in milliseconds. */
const MOST_APART_MS = 1_000;

/** Credentials were waited for meanwhile; nothing was sent. */
class PlaceMissed extends Error {}

/** Says how long after it left a call was answered, if it was: without the time for which the answer lay here unread. */
async function timed<T>(tookMs: () => number, answered: (tookMs: number) => void, call: () => Promise<T>): Promise<T> {
  const holdUps = new HoldUps();
  const stop = holdUps.start();
  const note = () => answered(Math.max(0, tookMs() - holdUps.heldMs()));
  try {
    const answer = await call();
    note();
    return answer;
  } catch (error) {
    if (error instanceof VodError && error.requestId !== null) note();
    throw error;
  } finally {
    stop();
  }
}

function throwIfCancelled(cancel: AbortSignal): void {
  if (cancel.aborted) throw new CancelledFailure('Cancelled before the submit was sent.');
}

async function waitUntil(dueAtMs: number, cancel: AbortSignal): Promise<void> {
  for (;;) {
    throwIfCancelled(cancel);
    const waitMs = dueAtMs - performance.now();
    if (waitMs <= 0) return;
    try {
      await sleep(waitMs, undefined, { signal: cancel });
    } catch {
      // Only the signal ends the sleep early; the loop says so.
    }
  }
}

/** Waits between tries of a write that tells what came of a paid call, in milliseconds. */
const WRITE_RETRY_DELAYS_MS = [100, 250, 500, 1_000, 2_000, 4_000];

/**
 * Repeats a write of the ledger while it cannot be reached. When it stays away the submission remains in doubt, which the
 * next attempt resolves by looking.
 */
export async function keepTrying<T>(write: () => Promise<T>): Promise<T> {
  for (const delayMs of WRITE_RETRY_DELAYS_MS) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof LedgerError) || error.kind !== 'unavailable') throw error;
      await sleep(delayMs);
    }
  }
  return await write();
}
