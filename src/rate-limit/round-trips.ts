/** Answers that are remembered; with fewer there is no credit, since the quickest of a few may be slow by chance. Ours: five seconds of the full rate. */
const KEPT_ANSWERS = 100;

/**
 * The credit of this process: by how much sooner it may use its own slot again. The way back of one call and the way there of the next lie
 * between the two counts. Together they take half of the quickest round trip at least, unless a way becomes shorter by more than that.
 */
export class RoundTrips {
  readonly #tookMs: number[] = [];

  /** @param tookMs from the call's leaving to its answer */
  note(tookMs: number): void {
    this.#tookMs.push(tookMs);
    if (this.#tookMs.length > KEPT_ANSWERS) this.#tookMs.shift();
  }

  /** In milliseconds. */
  creditMs(): number {
    return this.#tookMs.length < KEPT_ANSWERS ? 0 : Math.min(...this.#tookMs) / 2;
  }
}
