import { type Clock, Moment } from './moment.js';
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

export interface SlotUse {
  id: number;
  taken: string;
  /** By the database's clock, since the epoch. */
  dueMs: number;
  /** By this process's monotonic clock: the database's clock is known as well as its answers are quick. */
  dueHere: { fromMs: number; toMs: number };
}

/** What becomes of a slot. */
export interface SlotEnd {
  /** `readMs`: when the answer was read, by the monotonic clock. */
  answered(use: SlotUse, timing: { tookMs: number; readMs: number }, answer: Answer): Promise<Refusals>;
  unused(use: SlotUse): Promise<void>;
}

/** Room for one call. Whoever neither releases it nor gives it back loses it for eight seconds, and nothing else. */
export class Slot {
  /** When the call may leave, by the database's clock. */
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

  /** Waits until so many milliseconds before the call may leave; default 0. Returns early when the signal fires. */
  async untilDue({ earlierMs = 0, signal }: { earlierMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    for (;;) {
      const waitMs = this.use.dueHere.toMs - earlierMs - this.clock.now();
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
    if (nowMs < this.use.dueHere.toMs || this.#leftMs !== undefined)
      throw new Error('The slot is not due, or was used.');
    const lateMs = nowMs - this.use.dueHere.fromMs + this.#taken.apartMs();
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
    return await this.end.answered(this.use, { tookMs: readMs - leftMs, readMs }, answer);
  }

  /** The call was not made, and will not be. */
  async giveBack(): Promise<void> {
    this.#leftMs = Number.NaN;
    await this.end.unused(this.use);
  }
}
