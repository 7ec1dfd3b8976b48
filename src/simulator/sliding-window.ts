/** Length of the window in which calls are counted: the limits are per second. */
const WINDOW_MS = 1000;

/**
 * Counts accepted calls in the second that ends now: whatever second one looks at afterwards, at most `limit` were let in.
 * A limit of 0 lets everything in.
 */
export class SlidingWindow {
  #times: number[] = [];
  #oldest = 0;

  constructor(readonly limit: number) {}

  /** True, and counted, when the call may pass. A refused call is not counted. */
  admit(nowMs: number): boolean {
    if (this.limit === 0) return true;
    while (this.#oldest < this.#times.length && (this.#times[this.#oldest] ?? 0) <= nowMs - WINDOW_MS) this.#oldest++;
    if (this.#times.length - this.#oldest >= this.limit) return false;
    this.#times.push(nowMs);
    if (this.#oldest > 4096) {
      this.#times = this.#times.slice(this.#oldest);
      this.#oldest = 0;
    }
    return true;
  }
}
