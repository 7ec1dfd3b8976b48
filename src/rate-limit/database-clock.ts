import { type Clock, Moment } from './moment.js';
import { DRIFT } from './statements.js';

/**
 * The database's clock and this process's monotonic one, in milliseconds. Every answer says what the database's clock was some time
 * between the question and the answer. That gives two bounds of how far it is ahead, and the tightest are kept.
 */
export class DatabaseClock {
  #least = { aheadMs: Number.NEGATIVE_INFINITY, atMs: 0 };
  #most = { aheadMs: Number.POSITIVE_INFINITY, atMs: 0 };
  #used: Moment;

  constructor(private readonly clock: Clock) {
    this.#used = new Moment(clock);
  }

  /** @returns whether the answer says anything: none does in whose time the machine was suspended */
  look(databaseNowMs: number, asked: Moment): boolean {
    this.#forgetIfSuspended();
    if (!asked.isSteady()) return false;
    const readMs = this.clock.now();
    const least = { aheadMs: databaseNowMs - readMs, atMs: readMs };
    const most = { aheadMs: databaseNowMs - asked.nowMs, atMs: readMs };
    const [knownLeastMs, knownMostMs] = [this.#leastAheadMs(readMs), this.#mostAheadMs(readMs)];
    // What is known and cannot be: the database's clock was set.
    const wasSet = knownLeastMs > most.aheadMs || knownMostMs < least.aheadMs;
    if (wasSet || knownLeastMs < least.aheadMs) this.#least = least;
    if (wasSet || knownMostMs > most.aheadMs) this.#most = most;
    return true;
  }

  /** Between which times of this process a time of the database lies. Infinite when nothing is known. */
  toHere(databaseMs: number): { fromMs: number; toMs: number } {
    return {
      fromMs: databaseMs - this.#mostAheadMs(databaseMs - this.#most.aheadMs),
      toMs: databaseMs - this.#leastAheadMs(databaseMs - this.#least.aheadMs),
    };
  }

  /** A time of this process, just now, as one of the database: never one that is too soon. Infinite when nothing is known. */
  toThere(hereMs: number): number {
    this.#forgetIfSuspended();
    return hereMs + this.#mostAheadMs(hereMs);
  }

  /** What was known before the monotonic clock stood still is wrong after it. */
  #forgetIfSuspended(): void {
    if (!this.#used.isSteady()) {
      this.#least = { aheadMs: Number.NEGATIVE_INFINITY, atMs: 0 };
      this.#most = { aheadMs: Number.POSITIVE_INFINITY, atMs: 0 };
    }
    this.#used = new Moment(this.clock);
  }

  #leastAheadMs(hereMs: number): number {
    return this.#least.aheadMs - DRIFT * Math.abs(hereMs - this.#least.atMs);
  }

  #mostAheadMs(hereMs: number): number {
    return this.#most.aheadMs + DRIFT * Math.abs(hereMs - this.#most.atMs);
  }
}
