/** Answers that are remembered; with fewer there is no credit, since the quickest of a few may be slow by chance. Ours: five seconds of the full rate. */
const KEPT_ANSWERS = 100;

/**
 * The credit of this process: by how much sooner it may use its own slot again. An answer is read after the API has counted the
 * call, and the next call is counted after it leaves; half of the quickest round trip lies in between whenever the two ways
 * are alike, and while one of them changes by less than that.
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
