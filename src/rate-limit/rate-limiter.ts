import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseClock } from './database-clock.js';
import { type Clock, Moment } from './moment.js';
import { RoundTrips } from './round-trips.js';
import { type Answer, type Refusals, Slot, type SlotUse } from './slot.js';
import { ACQUIRE, type Budget, GIVE_BACK, HORIZON_MS, type Priority, RELEASE, REPAIR, slotsOf } from './statements.js';

/** PostgreSQL 14 or later; a pool of `pg` is one. Each statement is a transaction of its own. */
export interface Database {
  query(text: string, values: readonly unknown[]): Promise<{ rows: unknown[] }>;
}

export interface AcquireOptions {
  priority: Priority;
  /** Ends the wait; the promise is rejected with its reason. */
  signal?: AbortSignal;
  /** Called once about a second before the slot: time to open a connection. */
  onNear?: () => void;
}

interface Waiter {
  give(slot: Slot): void;
  fail(error: unknown): void;
  near: (() => void) | undefined;
}

interface Acquired {
  slots: Pick<SlotUse, 'id' | 'taken' | 'dueMs'>[];
  now_ms: number;
  opens_in_ms: number;
  is_sound: boolean;
}

/** Wait after a failed query, in milliseconds. */
const ASK_AGAIN_MS = HORIZON_MS.live;

const NO_REFUSALS: Refusals = { inRow: 0, forMs: 0 };

/**
 * Limits the calls of any number of processes to the budget in any sliding second, as counted by the API. The README beside this
 * file has the rule and its proof.
 */
export class RateLimiter {
  readonly #owner = randomUUID();
  readonly #waiting: Record<Priority, Waiter[]> = { live: [], batch: [] };
  readonly #asking = new Set<Priority>();
  readonly #databaseClock: DatabaseClock;
  readonly #roundTrips = new RoundTrips();

  constructor(
    private readonly database: Database,
    private readonly budget: Budget,
    private readonly clock: Clock = CLOCK,
  ) {
    this.#databaseClock = new DatabaseClock(clock);
  }

  /**
   * Waits for room for one call, first come first served within a priority. The slot is returned up to half a second before its
   * time.
   *
   * @throws the signal's reason; a database error, for one waiting caller, at most twice a second
   */
  async acquire({ priority, signal, onNear }: AcquireOptions): Promise<Slot> {
    signal?.throwIfAborted();
    return await new Promise<Slot>((resolve, reject) => {
      const line = this.#waiting[priority];
      const end = () => signal?.removeEventListener('abort', giveUp);
      const waiter: Waiter = {
        give: (slot) => {
          end();
          resolve(slot);
        },
        fail: (error) => {
          end();
          reject(error);
        },
        near: onNear,
      };
      const giveUp = () => {
        line.splice(line.indexOf(waiter), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      line.push(waiter);
      void this.#serve(priority);
    });
  }

  /** Queries for the waiting callers, one statement at a time, until none waits. */
  async #serve(priority: Priority): Promise<void> {
    this.#tellNear(priority);
    if (this.#asking.has(priority)) return;
    this.#asking.add(priority);
    const line = this.#waiting[priority];
    while (line.length > 0) {
      let waitMs = ASK_AGAIN_MS;
      try {
        waitMs = await this.#ask(priority);
      } catch (error) {
        // One caller gets the error, the others go on waiting.
        line.shift()?.fail(error);
      }
      this.#tellNear(priority);
      if (line.length > 0) await this.clock.sleep(waitMs);
    }
    this.#asking.delete(priority);
  }

  /** @returns in how many milliseconds to query again */
  async #ask(priority: Priority): Promise<number> {
    const line = this.#waiting[priority];
    const asked = new Moment(this.clock);
    const wanted = Math.min(line.length, slotsOf(this.budget));
    const { rows } = await this.database.query(ACQUIRE, [...this.#terms(), priority, wanted]);
    const acquired = rows[0] as Acquired | undefined;
    if (acquired !== undefined) {
      // Without a clock reading the slots' times are unknown, and other processes may have taken them.
      const isKnown = this.#databaseClock.look(acquired.now_ms, asked);
      for (const use of acquired.slots) this.#hand(isKnown ? line : [], use);
    }
    const { name, callsPerSecond } = this.budget;
    if (acquired?.is_sound !== true) await this.database.query(REPAIR, [name, slotsOf(this.budget), callsPerSecond]);
    // A slot that is released meanwhile is at least one horizon away.
    return Math.min(Math.max(1, acquired?.opens_in_ms ?? 0), HORIZON_MS.batch);
  }

  #hand(line: Waiter[], taken: Acquired['slots'][number]): void {
    const use = { ...taken, dueHere: this.#databaseClock.toHere(taken.dueMs) };
    const slot = new Slot(use, this.clock, this);
    const waiter = line.shift();
    if (waiter !== undefined) waiter.give(slot);
    else slot.giveBack().catch(() => undefined);
  }

  #tellNear(priority: Priority): void {
    for (const waiter of this.#waiting[priority].slice(0, slotsOf(this.budget))) {
      waiter.near?.();
      waiter.near = undefined;
    }
  }

  /** For a {@link Slot}. */
  async answered(
    use: SlotUse,
    { tookMs, readMs }: { tookMs: number; readMs: number },
    answer: Answer,
  ): Promise<Refusals> {
    const { name, callsPerSecond } = this.budget;
    this.#roundTrips.note(tookMs);
    const creditMs = this.#roundTrips.creditMs();
    // Whenever the statement reaches the database, the answer was read no later than this.
    const readThereMs = this.#databaseClock.toThere(readMs);
    const values = [name, use.id, use.taken, readThereMs, creditMs, answer, callsPerSecond];
    const { rows } = await this.database.query(RELEASE, values);
    const row = rows[0] as { refused_in_row: number; refused_for_ms: number } | undefined;
    return row === undefined ? NO_REFUSALS : { inRow: row.refused_in_row, forMs: row.refused_for_ms };
  }

  /** For a {@link Slot}. */
  async unused(use: SlotUse): Promise<void> {
    await this.database.query(GIVE_BACK, [...this.#terms(), use.id, use.taken, use.dueMs]);
  }

  #terms(): [string, string, number, number] {
    return [this.budget.name, this.#owner, slotsOf(this.budget), this.budget.callsPerSecond];
  }
}

const CLOCK: Clock = {
  now: () => performance.now(),
  timeOfDay: () => Date.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  },
};
