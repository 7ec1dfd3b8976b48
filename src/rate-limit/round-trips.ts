/** Answers that are remembered; with fewer there is no credit. Ours: five seconds of the full rate. */
const KEPT_ANSWERS = 100;

/**
 * The credit of this process: how much sooner it may reuse its own slot. Between two counts lie the return of one call and the
 * outward trip of the next; the credit must be less than their sum.
 */
export class RoundTrips {
  readonly #tookMs: number[] = [];

  /** @param tookMs from the call's departure to its answer */
  note(tookMs: number): void {
    this.#tookMs.push(tookMs);
    if (this.#tookMs.length > KEPT_ANSWERS) this.#tookMs.shift();
  }

  /** In milliseconds: half of the quickest round trip, less half of what the median takes longer. None where round trips are uneven. */
  creditMs(): number {
    if (this.#tookMs.length < KEPT_ANSWERS) return 0;
    const ascending = this.#tookMs.toSorted((a, b) => a - b);
    const [quickestMs = 0, medianMs = 0] = [ascending[0], ascending[KEPT_ANSWERS / 2]];
    return Math.max(0, quickestMs - medianMs / 2);
  }
}
