/** Answers that are remembered; with fewer there is no credit. Ours: five seconds of the full rate. */
const KEPT_ANSWERS = 100;

/**
 * The credit of this process: by how much sooner it may use its own slot again. The way back of one call and the way there of the next lie
 * between the two counts, and the credit must be less than both together.
 */
export class RoundTrips {
  readonly #tookMs: number[] = [];

  /** @param tookMs from the call's leaving to its answer */
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
