/** For how long a look at the database's clock counts, in milliseconds: clocks drift apart by some 50 ppm, 3 ms a minute. */
const FRESH_MS = 60_000;
/**
 * An answer that took longer than this, in milliseconds, says little of when it was given. It is not used where there is a better
 * look; alone it counts as given early, so that its place is most likely taken for missed.
 */
const LATE_ANSWER_MS = 1_000;
/** A clock that is off by more than this, in milliseconds, against what it must be, was set. */
const SET_MS = 5;

/**
 * Turns times of the database's clock into times of this process's own. Every answer says what the database's clock was,
 * some time before it was read here; the answer that was read soonest says it best, so that a process which is slow to
 * read an answer knows that its place has passed meanwhile.
 */
export class PlaceClock {
  /** How far the database's clock is ahead of ours; later looks with less of a delay replace earlier ones. */
  #looks: { atMs: number; aheadMs: number }[] = [];

  /** @param look.nowMs this process's monotonic clock when the answer is read */
  look({ databaseNowMs, askedMs, nowMs }: { databaseNowMs: number; askedMs: number; nowMs: number }): void {
    const aheadMs = databaseNowMs - Math.min(nowMs, askedMs + LATE_ANSWER_MS);
    // It cannot have been read before we asked.
    const mostAheadMs = databaseNowMs - askedMs;
    const good = this.#looks.filter((each) => each.atMs > nowMs - FRESH_MS && each.aheadMs <= mostAheadMs + SET_MS);
    const isLate = nowMs - askedMs > LATE_ANSWER_MS;
    if (isLate && good.length > 0) {
      this.#looks = good;
      return;
    }
    this.#looks = good.filter((each) => each.aheadMs > aheadMs);
    this.#looks.push({ atMs: nowMs, aheadMs });
  }

  /** Needs one look at least. */
  toHere(databaseMs: number): number {
    return databaseMs - (this.#looks[0]?.aheadMs ?? Number.NaN);
  }
}
