import { DRIFT } from './statements.js';

/** Monotonic time, the time of day, and a sleep; in milliseconds. */
export interface Clock {
  now(): number;
  timeOfDay(): number;
  /** Ends early, without an error, when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Two clocks that differ by more than this, in milliseconds: one was set, or stood still. Ours: ten times a clock's digit. */
const CLOCKS_AGREE_MS = 10;

/** One moment by both clocks of a process. The monotonic one stands still while the machine is suspended; the time of day may be set. */
export class Moment {
  readonly nowMs: number;
  readonly #timeOfDayMs: number;

  constructor(private readonly clock: Clock) {
    this.nowMs = clock.now();
    this.#timeOfDayMs = clock.timeOfDay();
  }

  /** By how much the clocks have diverged since then, in milliseconds. */
  apartMs(): number {
    return Math.abs(this.clock.timeOfDay() - this.#timeOfDayMs - (this.clock.now() - this.nowMs));
  }

  /** Whether the monotonic clock is reliable for the time since then. */
  isSteady(): boolean {
    return this.apartMs() <= CLOCKS_AGREE_MS + DRIFT * (this.clock.now() - this.nowMs);
  }
}
