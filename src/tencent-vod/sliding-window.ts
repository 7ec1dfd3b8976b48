/**
 * A limiter that never allows more than `limit` calls in any sliding window. A late timer only delays, and unused capacity is not
 * saved beyond one window.
 */

/** The limiter's clock; injected so that tests control time. */
export interface Clock {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Runs `then` after about `ms`; returns a function that cancels it. */
  after(ms: number, then: () => void): () => void;
}

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

export interface SlidingWindowOptions {
  /** Calls in any window: a whole number, at least 1. */
  limit: number;
  /** Default 1,000. */
  windowMs?: number;
  /** Minimum interval between two calls; default 0: a whole window's capacity may be used at once. */
  spacingMs?: number;
  clock?: Clock;
}

interface Waiter {
  pass: () => void;
}

export class SlidingWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #spacingMs: number;
  readonly #clock: Clock;
  /** Times of the last calls, oldest first, at most `limit`. */
  #passes: number[] = [];
  readonly #waiting: Waiter[] = [];
  #cancelTimer: (() => void) | null = null;

  constructor({ limit, windowMs = 1_000, spacingMs = 0, clock = SYSTEM_CLOCK }: SlidingWindowOptions) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError(`A limit is a whole number, at least 1; ${limit} is not.`);
    }
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#spacingMs = spacingMs;
    this.#clock = clock;
  }

  /** Number of waiting calls. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes a slot if one is free and no other call waits. */
  tryTake(): boolean {
    if (this.#waiting.length > 0) return false;
    const now = this.#now();
    if (this.#waitMs(now) > 0) return false;
    this.#record(now);
    return true;
  }

  /** Resolves when the call may proceed, in order of arrival. An aborted call leaves the queue and throws the signal's reason. */
  async take(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.tryTake()) {
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason);
        this.#drain();
      };
      const waiter: Waiter = {
        pass: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiter);
      this.#drain();
    });
  }

  #drain(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    while (this.#waiting.length > 0) {
      const now = this.#now();
      const waitMs = this.#waitMs(now);
      if (waitMs > 0) {
        this.#cancelTimer = this.#clock.after(Math.ceil(waitMs), () => this.#drain());
        return;
      }
      this.#record(now);
      this.#waiting.shift()?.pass();
    }
  }

  /** Zero when a call is allowed now. */
  #waitMs(now: number): number {
    const last = this.#passes.at(-1);
    const oldest = this.#passes.length < this.#limit ? undefined : this.#passes[0];
    // A window closed at both ends includes a call from exactly one window ago: 1 ms more excludes it.
    const forWindow = oldest === undefined || now - oldest > this.#windowMs ? 0 : oldest + this.#windowMs - now + 1;
    const forSpacing = last === undefined ? 0 : last + this.#spacingMs - now;
    return Math.max(0, forWindow, forSpacing);
  }

  #record(now: number): void {
    this.#passes.push(now);
    if (this.#passes.length > this.#limit) {
      this.#passes.shift();
    }
  }

  /** If the clock was set back nevertheless, every call counts as just made: late rather than too many. */
  #now(): number {
    const now = this.#clock.now();
    const last = this.#passes.at(-1);
    if (last !== undefined && now < last) {
      this.#passes.fill(now);
    }
    return now;
  }
}
