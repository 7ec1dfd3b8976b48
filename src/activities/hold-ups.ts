/** Between two ticks, in milliseconds. */
const EVERY_MS = 2;

/**
 * For how long this process has been held up: by its own work, by a collection of garbage, by a machine whose cores are full.
 * What comes in meanwhile is read when it is over, and seems to have come late. It is asked while it ticks.
 */
export class HoldUps {
  #tickedMs: number;
  #last = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.NEGATIVE_INFINITY };

  /** @param now in milliseconds, on a clock that only goes forward */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.#tickedMs = now();
  }

  /** Ticks until the function that it gives is called. */
  start(): () => void {
    this.#tickedMs = this.now();
    const timer = setInterval(() => this.tick(), EVERY_MS);
    return () => clearInterval(timer);
  }

  tick(): void {
    const nowMs = this.now();
    if (nowMs - this.#tickedMs > 2 * EVERY_MS) this.#last = { fromMs: this.#tickedMs + EVERY_MS, toMs: nowMs };
    this.#tickedMs = nowMs;
  }

  /** For how long what is read right now may have lain here unread, in milliseconds; 0 when it cannot have for long. */
  heldMs(): number {
    const nowMs = this.now();
    if (nowMs - this.#tickedMs > 2 * EVERY_MS) return nowMs - this.#tickedMs - EVERY_MS;
    // Timers may have had their turn first, and then what was to be read.
    return nowMs - this.#last.toMs <= EVERY_MS ? nowMs - this.#last.fromMs : 0;
  }
}
