import { Recent } from './recent.js';

/**
 * Least time before its place at which a submit takes its last look at the breaker, in milliseconds. One in some hundred looks
 * took 25 to 50 where the ledger shared two full cores with everything else, and a look that comes back late costs the place.
 */
const LEAST_MS = 60;
/** The most, in milliseconds: a ledger that is slower than this cannot keep a pace. */
const MOST_MS = 480;
/** How much longer than the slowest of late the next one may take. */
const MORE = 1.5;
/** Looks that are remembered: at the full rate some seconds of one process. And for how long, in milliseconds. */
const KEPT = { count: 50, ageMs: 60_000 };

/** How long before a place the last look has to begin: longer where the ledger takes longer to answer. */
export class LastLook {
  readonly #tookMs: Recent;

  constructor(now?: () => number) {
    this.#tookMs = new Recent(KEPT, now);
  }

  note(tookMs: number): void {
    this.#tookMs.note(tookMs);
  }

  /** In milliseconds. */
  aheadMs(): number {
    return Math.min(MOST_MS, Math.max(LEAST_MS, MORE * Math.max(0, ...this.#tookMs.values())));
  }

  /** How long one takes, mostly, in milliseconds: the middle one of those that are remembered; 0 before the first. */
  usualMs(): number {
    const took = this.#tookMs.values().sort((a, b) => a - b);
    return took[Math.floor(took.length / 2)] ?? 0;
  }

  /** How far away a new place has to be at least for a look before it, in milliseconds; 0 where the usual is enough. */
  leadMs(): number {
    const aheadMs = this.aheadMs();
    return aheadMs > LEAST_MS ? aheadMs : 0;
  }
}
