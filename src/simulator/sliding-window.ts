/** Length of the rate window: the limits are per second. */
const WINDOW_MS = 1000;

/** A sliding-window rate limiter: at most `limit` calls pass in any second. A limit of 0 disables it. */
export class SlidingWindow {
  #times: number[] = [];
  #oldest = 0;

  constructor(readonly limit: number) {}

  /** True when the call may pass, which counts it; a refused call is not counted. */
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
