import type { SpreadReport } from '../ledger/pace.js';
import { Recent } from './recent.js';

/** Calls that are remembered. Ours: ten seconds of the full rate. */
const KEPT_CALLS = 200;
/** For how long, in milliseconds. */
const KEPT_MS = 120_000;
/** From so many on, what was seen is taken for the truth. */
const ENOUGH_CALLS = 40;
/** What is assumed of a line that nobody knows, in milliseconds: half way around the world and back, on a bad day. Ours. */
const UNKNOWN_LINE_MS = 200;
/** After so many calls nothing is assumed any more but more than was seen. */
const NO_LONGER_UNKNOWN = 15;
/** As long as few calls were seen, the line is taken for so much wider: twice as wide after ten. */
const WIDER_BY_CALLS = 10;
/** From so many calls on, the middle one tells how far away the vendor is, whatever its start did to the first. Ours. */
const DISTANCE_KNOWN = 5;
/**
 * The part at each end that is left out: what a busy moment of this process, or of the vendor's, did to a few; the answer's
 * way back and the vendor's own work are in them too, and say nothing of the way there.
 */
const LEFT_OUT = 0.1;
/** Latencies that are spread evenly reach this much further than the part that is looked at, and a little more. Ours. */
const MORE_THAN_SEEN = 1.3;
const BESIDES_MS = 5;
/** A call this slow, in milliseconds, tells of a process that was stopped, or of a vendor that was: not of the way. */
const OUTLIER_MS = 2_000;

/**
 * How much longer one call of this process takes to reach the vendor than another. That cannot be seen from here; seen is
 * the time from a call's leaving to its answer, whose spread is at least as large: it has the vendor's work in it, and the way
 * back. The middle of it tells how far away the vendor is, so that the pace sees when one process is nearer than another. How late a call leaves after its place is bounded, and has its room in the pace's least slack.
 */
export class LatencySpread {
  readonly #tookMs: Recent;

  constructor(now?: () => number) {
    this.#tookMs = new Recent({ count: KEPT_CALLS, ageMs: KEPT_MS }, now);
  }

  /** @param tookMs from the call's leaving to the vendor's answer */
  note(tookMs: number): void {
    if (tookMs <= OUTLIER_MS) this.#tookMs.note(tookMs);
  }

  /** How much longer a call took than the quickest do, in milliseconds; 0 while too few were answered to say. */
  beyondQuickestMs(tookMs: number): number {
    const calls = this.#tookMs.values().sort((a, b) => a - b);
    if (calls.length < DISTANCE_KNOWN) return 0;
    return Math.max(0, tookMs - (calls[Math.floor(calls.length * LEFT_OUT)] ?? tookMs));
  }

  report(): Omit<SpreadReport, 'toleranceMs'> {
    const calls = this.#tookMs.values().sort((a, b) => a - b);
    const count = calls.length;
    const out = Math.floor(count * LEFT_OUT);
    const [least, most] = [calls[out] ?? 0, calls[count - 1 - out] ?? 0];
    const seenMs = count < 2 ? 0 : (most - least) * MORE_THAN_SEEN + BESIDES_MS;
    if (count >= ENOUGH_CALLS) return { seenMs, assumedMs: seenMs, middleMs: (least + most) / 2 };
    const unknownMs = UNKNOWN_LINE_MS * Math.max(0, 1 - count / NO_LONGER_UNKNOWN) ** 2;
    const assumedMs = Math.max(unknownMs, seenMs * (1 + WIDER_BY_CALLS / Math.max(1, count)));
    const middleMs = count < DISTANCE_KNOWN ? null : (calls[Math.floor(count / 2)] ?? null);
    return { seenMs: null, assumedMs, middleMs };
  }
}
