import { LEAVES_WITHIN_MS } from './statements.js';

/** What the API said to a call: it was refused for the rate, or it took the call, or neither. */
export type Answer = 'accepted' | 'refused' | 'other';

/** Refusals since the last accepted call, over all processes. */
export interface Refusals {
  inRow: number;
  /** Since the first of them, in milliseconds. */
  forMs: number;
}

/** The time of the slot has passed: nothing may be sent. Take another one. */
export class SlotMissedError extends Error {
  override readonly name = 'SlotMissedError';
}

/** Monotonic time, the time of day, and a sleep; in milliseconds. */
export interface Clock {
  now(): number;
  timeOfDay(): number;
  /** Ends early, without an error, when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface SlotUse {
  id: number;
  taken: string;
  /** By the database's clock, since the epoch. */
  dueMs: number;
  /** By this process's monotonic clock. */
  dueHereMs: number;
}

/** Two clocks that differ by more than this, in milliseconds, after seconds: one was set, or stood still. Ours: ten times a clock's digit. */
const CLOCKS_AGREE_MS = 10;

/** What becomes of a slot. */
export interface SlotEnd {
  /** `knownMs`: when the answer was read, by the monotonic clock; null when that clock stood still meanwhile. */
  answered(use: SlotUse, timing: { tookMs: number; knownMs: number | null }, answer: Answer): Promise<Refusals>;
  unused(use: SlotUse): Promise<void>;
}

/** Room for one call. Whoever neither releases it nor gives it back loses it for eight seconds, and nothing else. */
export class Slot {
  /** When the call may leave, by the database's clock. */
  readonly dueAt: Date;
  /** How far the time of day is ahead of the monotonic clock, which stands still while the machine is suspended. */
  readonly #aheadMs: number;
  #leftMs: number | undefined;

  constructor(
    private readonly use: SlotUse,
    private readonly clock: Clock,
    private readonly end: SlotEnd,
  ) {
    this.dueAt = new Date(Math.ceil(use.dueMs));
    this.#aheadMs = clock.timeOfDay() - clock.now();
  }

  /** Waits until so many milliseconds before the call may leave; default 0. Returns early when the signal fires. */
  async untilDue({ earlierMs = 0, signal }: { earlierMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    for (;;) {
      const waitMs = this.use.dueHereMs - earlierMs - this.clock.now();
      if (waitMs <= 0 || signal?.aborted) return;
      await this.clock.sleep(waitMs, signal);
    }
  }

  /**
   * The last thing before the request is written, with no `await` in between: a process that was stopped sends nothing late.
   * @throws SlotMissedError when it is more than 2 s late
   */
  leave(): void {
    const nowMs = this.clock.now();
    if (nowMs < this.use.dueHereMs || this.#leftMs !== undefined) throw new Error('The slot is not due, or was used.');
    const lateMs = nowMs - this.use.dueHereMs + Math.max(0, this.#stoodStillMs());
    if (lateMs > LEAVES_WITHIN_MS) throw new SlotMissedError(`The slot was missed by ${Math.round(lateMs)} ms.`);
    this.#leftMs = nowMs;
  }

  /**
   * An answer to the call was read just now, which proves that the API has counted it. Without one, say nothing: the slot comes back
   * by itself. Call it once, right away; the statement behind it may fail, and costs eight seconds of one slot then.
   */
  async release(answer: Answer): Promise<Refusals> {
    const leftMs = this.#leftMs;
    if (leftMs === undefined) throw new Error('A slot is released that no call left in.');
    const readMs = this.clock.now();
    const knownMs = Math.abs(this.#stoodStillMs()) > CLOCKS_AGREE_MS ? null : readMs;
    return await this.end.answered(this.use, { tookMs: readMs - leftMs, knownMs }, answer);
  }

  /** For how long the monotonic clock did, since the slot was taken; or how far the time of day was set. */
  #stoodStillMs(): number {
    return this.clock.timeOfDay() - this.clock.now() - this.#aheadMs;
  }

  /** The call was not made, and will not be. */
  async giveBack(): Promise<void> {
    this.#leftMs = Number.NaN;
    await this.end.unused(this.use);
  }
}
