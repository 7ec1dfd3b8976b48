import { type Clock, Moment } from './moment.js';
import { DRIFT } from './statements.js';

/**
 * The database's clock and this process's monotonic one, in milliseconds. The database's time in each answer lies between
 * question and answer, which bounds the offset from both sides; the tightest bounds are kept.
 */
export class DatabaseClock {
  #least = { aheadMs: Number.NEGATIVE_INFINITY, atMs: 0 };
  #most = { aheadMs: Number.POSITIVE_INFINITY, atMs: 0 };
  #used: Moment;

  constructor(private readonly clock: Clock) {
    this.#used = new Moment(clock);
  }

  /** @returns whether the answer is usable: it is not if the machine was suspended meanwhile */
  look(databaseNowMs: number, asked: Moment): boolean {
    this.#forgetIfSuspended();
    if (!asked.isSteady()) return false;
    const readMs = this.clock.now();
    const least = { aheadMs: databaseNowMs - readMs, atMs: readMs };
    const most = { aheadMs: databaseNowMs - asked.nowMs, atMs: readMs };
    const [knownLeastMs, knownMostMs] = [this.#leastAheadMs(readMs), this.#mostAheadMs(readMs)];
    // The bounds contradict each other: the database's clock was set.
    const wasSet = knownLeastMs > most.aheadMs || knownMostMs < least.aheadMs;
    if (wasSet || knownLeastMs < least.aheadMs) this.#least = least;
    if (wasSet || knownMostMs > most.aheadMs) this.#most = most;
    return true;
  }

  /** The bounds of a database time in this process's time. Infinite when nothing is known. */
  toHere(databaseMs: number): { fromMs: number; toMs: number } {
    return {
      fromMs: databaseMs - this.#mostAheadMs(databaseMs - this.#most.aheadMs),
      toMs: databaseMs - this.#leastAheadMs(databaseMs - this.#least.aheadMs),
    };
  }

  /**
   * A time of this process, just now, as database time, rounded so that it is never too early. Infinite when nothing is known.
   */
  toThere(hereMs: number): number {
    this.#forgetIfSuspended();
    return hereMs + this.#mostAheadMs(hereMs);
  }

  /** Bounds from before a stop of the monotonic clock are invalid after it. */
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
