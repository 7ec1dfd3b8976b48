import { DRIFT } from './statements.js';

/**
 * The database's clock and this process's monotonic one, in milliseconds. Every answer says what the database's clock was some time
 * between the question and the answer. That gives two bounds of how far it is ahead, and the tightest are kept.
 */
export class DatabaseClock {
  #least = { aheadMs: Number.NEGATIVE_INFINITY, atMs: 0 };
  #most = { aheadMs: Number.POSITIVE_INFINITY, atMs: 0 };

  look({ databaseNowMs, askedMs, readMs }: { databaseNowMs: number; askedMs: number; readMs: number }): void {
    const least = { aheadMs: databaseNowMs - readMs, atMs: readMs };
    const most = { aheadMs: databaseNowMs - askedMs, atMs: readMs };
    const [knownLeastMs, knownMostMs] = [this.#leastAheadMs(readMs), this.#mostAheadMs(readMs)];
    // What is known and cannot be: the database's clock was set.
    const wasSet = knownLeastMs > most.aheadMs || knownMostMs < least.aheadMs;
    if (wasSet || knownLeastMs < least.aheadMs) this.#least = least;
    if (wasSet || knownMostMs > most.aheadMs) this.#most = most;
  }

  /** A time of the database as one of this process, never one that is too soon. Needs one look at least. */
  toHere(databaseMs: number): number {
    const hereMs = databaseMs - this.#least.aheadMs;
    return databaseMs - this.#leastAheadMs(hereMs);
  }

  /** A time of this process as one of the database, never one that is too soon. Needs one look at least. */
  toThere(hereMs: number): number {
    return hereMs + this.#mostAheadMs(hereMs);
  }

  #leastAheadMs(hereMs: number): number {
    return this.#least.aheadMs - DRIFT * Math.abs(hereMs - this.#least.atMs);
  }

  #mostAheadMs(hereMs: number): number {
    return this.#most.aheadMs + DRIFT * Math.abs(hereMs - this.#most.atMs);
  }
}
