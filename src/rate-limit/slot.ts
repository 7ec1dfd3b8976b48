import { type Clock, Moment } from './moment.js';
import { LEAVES_WITHIN_MS } from './statements.js';

/** The API's answer to a call: refused for the rate, accepted, or neither. */
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

export interface SlotUse {
  id: number;
  taken: string;
  /** By the database's clock, since the epoch. */
  dueMs: number;
  /** By this process's monotonic clock: the database's clock is known only as precisely as its answers are quick. */
  dueHere: { fromMs: number; toMs: number };
}

/** What happens to a slot. */
export interface SlotEnd {
  /** `readMs`: when the answer was read, by the monotonic clock. */
  answered(use: SlotUse, timing: { tookMs: number; readMs: number }, answer: Answer): Promise<Refusals>;
  unused(use: SlotUse): Promise<void>;
}

/** Room for one call. A caller that neither releases it nor gives it back only blocks it for eight seconds. */
export class Slot {
  /** When the call may be sent, by the database's clock. */
  readonly dueAt: Date;
  readonly #taken: Moment;
  #leftMs: number | undefined;

  constructor(
    private readonly use: SlotUse,
    private readonly clock: Clock,
    private readonly end: SlotEnd,
  ) {
    this.dueAt = new Date(Math.ceil(use.dueMs));
    this.#taken = new Moment(clock);
  }

  /** Waits until so many milliseconds before the call may be sent; default 0. Returns early when the signal fires. */
  async untilDue({ earlierMs = 0, signal }: { earlierMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    for (;;) {
      const waitMs = this.use.dueHere.toMs - earlierMs - this.clock.now();
      if (waitMs <= 0 || signal?.aborted) return;
      await this.clock.sleep(waitMs, signal);
    }
  }

  /**
   * Call this last before the request is written, with no `await` in between: a process that was suspended sends nothing late.
   * @throws SlotMissedError when it is more than 2 s late
   */
  leave(): void {
    const nowMs = this.clock.now();
    if (nowMs < this.use.dueHere.toMs || this.#leftMs !== undefined)
      throw new Error('The slot is not due, or was used.');
    const lateMs = nowMs - this.use.dueHere.fromMs + this.#taken.apartMs();
    if (lateMs > LEAVES_WITHIN_MS) throw new SlotMissedError(`The slot was missed by ${Math.round(lateMs)} ms.`);
    this.#leftMs = nowMs;
  }

  /**
   * An answer to the call was read just now, which proves that the API has counted it. Call it once, at once; without an answer
   * do not call it. If its statement fails, the slot is blocked for eight seconds.
   */
  async release(answer: Answer): Promise<Refusals> {
    const leftMs = this.#leftMs;
    if (leftMs === undefined) throw new Error('A slot is released that no call left in.');
    const readMs = this.clock.now();
    return await this.end.answered(this.use, { tookMs: readMs - leftMs, readMs }, answer);
  }

  /** The call was not made, and will not be. */
  async giveBack(): Promise<void> {
    this.#leftMs = Number.NaN;
    await this.end.unused(this.use);
  }
}
