import { DRIFT } from './statements.js';

/**
 * Turns times of the database's clock into times of this process's monotonic clock, in milliseconds; never into one that is too
 * soon. Every answer says what the database's clock was some time before it was read here: the one that was read soonest says it best.
 */
export class DatabaseClock {
  #aheadMs = Number.NEGATIVE_INFINITY;
  #lookedMs = 0;

  look({ databaseNowMs, askedMs, readMs }: { databaseNowMs: number; askedMs: number; readMs: number }): void {
    const leastAheadMs = databaseNowMs - readMs;
    const knownAheadMs = this.#aheadAt(readMs);
    // More than could be: the database's clock was set back.
    const isWrong = knownAheadMs > databaseNowMs - askedMs;
    if (knownAheadMs >= leastAheadMs && !isWrong) return;
    this.#aheadMs = leastAheadMs;
    this.#lookedMs = readMs;
  }

  /** Needs one look at least. */
  toHere(databaseMs: number): number {
    const hereMs = databaseMs - this.#aheadMs;
    return databaseMs - this.#aheadAt(hereMs);
  }

  #aheadAt(hereMs: number): number {
    return this.#aheadMs - DRIFT * Math.max(0, hereMs - this.#lookedMs);
  }
}
