import { setImmediate as settled } from 'node:timers/promises';
import pg from 'pg';
import {
  type Clock,
  CREATE_TABLES,
  type Database,
  RateLimiter,
  type Slot,
  SlotMissedError,
} from '../../src/rate-limit/index.js';

/**
 * Processes, lines, an API and a database under one virtual clock. The limiter and its SQL are the real ones, on a real PostgreSQL,
 * whose `clock_timestamp()` is replaced by the virtual time. What happens is decided by a seed.
 */

/** In milliseconds, each from and to. */
type Span = readonly [number, number];

export interface Line {
  /** The way there, the API's work after it has counted the call, and the way back. */
  there: Span;
  work: Span;
  back: Span;
}

export interface Plan {
  seed: number;
  callsPerSecond: number;
  /** One process each. */
  lines: readonly Line[];
  forMs: number;
  /** From a process to the database, and back. */
  databaseWay: Span;
  /** How late a timer fires, and an answer is read. */
  wakesLate: Span;
  /** Callers in each process that wait for a slot all the time. */
  callers: number;
  /** Chance of each, for one call or one statement. Nothing may be sent late; a counter-check does. */
  chance?: { lostAnswer?: number; lostStatement?: number; notMade?: number; sentLate?: number };
  /** Something that goes wrong, about so often in a minute. */
  perMinute?: { pause?: number; kill?: number; stall?: number; step?: number; crash?: number; suspend?: number };
  /** Longest of a pause and of a stall, in milliseconds. */
  longestMs?: number;
  /** The line of process 0 becomes this one half way. */
  laterLine?: Line;
  /** Replaces statements: counter-checks break the rule on purpose. */
  rewrite?: (statement: string) => string;
}

export interface Outcome {
  /** When each call was counted, ascending. */
  countedMs: number[];
  mostInASecond: number;
  /** Least time between two calls of one slot where they are counted: the rule itself. In milliseconds. */
  closestOfASlotMs: number;
  perSecond: number;
  /** The most in any tenth of a second. */
  mostInATenth: number;
}

const LOST_AFTER_MS = 12_000;
const EPOCH_MS = Date.UTC(2026, 0, 1);

export class VirtualWorld {
  #nowMs = 0;
  #real = 0;
  #events: { atMs: number; run: () => void }[] = [];
  #random: () => number;
  readonly #counted: { atMs: number; slot: number }[] = [];
  readonly #statements = new Map<string, string>();
  #stalledUntilMs = 0;

  private constructor(
    private readonly client: pg.Client,
    private readonly plan: Plan,
  ) {
    this.#random = randomOf(plan.seed);
  }

  /** @param url of a database of its own, which is changed */
  static async run(url: string, plan: Plan): Promise<Outcome> {
    const client = new pg.Client(url);
    await client.connect();
    try {
      await prepare(client);
      const world = new VirtualWorld(client, plan);
      await world.#run();
      return world.#outcome();
    } finally {
      await client.end();
    }
  }

  async #run(): Promise<void> {
    const { lines, perMinute = {}, longestMs = 0, forMs } = this.plan;
    let processes = lines.map((_, at) => new Process(this, this.plan, at));
    const any = () => processes[Math.floor(this.#random() * processes.length)] as Process;
    const often = (perMinuteCount = 0, happen: () => void) => {
      if (perMinuteCount === 0) return;
      const next = () => this.at(this.#nowMs - Math.log(1 - this.#random()) * (60_000 / perMinuteCount), again);
      const again = () => {
        happen();
        next();
      };
      next();
    };
    often(perMinute.pause, () => any().pause(this.between([0, longestMs])));
    often(perMinute.suspend, () => any().suspend(this.between([0, longestMs])));
    often(perMinute.step, () => any().stepTimeOfDay(this.between([-3_600_000, 3_600_000])));
    often(perMinute.stall, () => {
      this.#stalledUntilMs = this.#nowMs + this.between([0, longestMs]);
    });
    often(perMinute.kill, () => {
      const killed = any();
      killed.kill();
      processes = [...processes.filter((each) => each !== killed), new Process(this, this.plan, killed.at)];
    });
    often(perMinute.crash, () => void this.#statement('truncate rate_limit, rate_limit_slot', []));
    for (let next = this.#next(); next !== undefined && next.atMs < forMs; next = this.#next()) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      do await settled();
      while (this.#real > 0);
    }
    for (const each of processes) each.kill();
  }

  #next() {
    let soonest = 0;
    for (const [at, event] of this.#events.entries()) {
      if (event.atMs < (this.#events[soonest]?.atMs ?? 0)) soonest = at;
    }
    return this.#events.splice(soonest, 1)[0];
  }

  #outcome(): Outcome {
    const counted = this.#counted.sort((a, b) => a.atMs - b.atMs);
    const countedMs = counted.map(({ atMs }) => atMs);
    const lastOfSlot = new Map<number, number>();
    let closestOfASlotMs = Number.POSITIVE_INFINITY;
    for (const { atMs, slot } of counted) {
      closestOfASlotMs = Math.min(closestOfASlotMs, atMs - (lastOfSlot.get(slot) ?? Number.NEGATIVE_INFINITY));
      lastOfSlot.set(slot, atMs);
    }
    const [first = 0, last = 0] = [countedMs[0], countedMs.at(-1)];
    return {
      countedMs,
      mostInASecond: mostWithin(countedMs, 1_000),
      closestOfASlotMs,
      mostInATenth: mostWithin(countedMs, 100),
      perSecond: ((countedMs.length - 1) / (last - first)) * 1_000,
    };
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  at(atMs: number, run: () => void): void {
    this.#events.push({ atMs, run });
  }

  /** The API counts the call then, whatever happens to its caller. */
  count(atMs: number, slot: Slot): void {
    const { id } = (slot as unknown as { use: { id: number } }).use;
    this.at(atMs, () => this.#counted.push({ atMs, slot: id }));
  }

  between([from, to]: Span): number {
    return from + this.#random() * (to - from);
  }

  happens(chance = 0): boolean {
    return this.#random() < chance;
  }

  /** When a statement that is sent now is at the database. */
  arrivesMs(): number {
    return Math.max(this.#nowMs + this.between(this.plan.databaseWay), this.#stalledUntilMs);
  }

  /** Counts a real statement, so that virtual time stands still meanwhile. */
  async #statement(text: string, values: readonly unknown[]): Promise<{ rows: unknown[] }> {
    this.#real += 1;
    try {
      await this.client.query(`set virtual.now = '${EPOCH_MS + this.#nowMs}'`);
      // By name, the server plans each statement once.
      const name = this.#statements.get(text) ?? `statement_${this.#statements.size}`;
      this.#statements.set(text, name);
      return await this.client.query({ name, text, values: [...values] });
    } finally {
      this.#real -= 1;
    }
  }

  execute(text: string, values: readonly unknown[]): Promise<{ rows: unknown[] }> {
    return this.#statement(this.plan.rewrite?.(text) ?? text, values);
  }
}

class Process {
  #isAlive = true;
  #pausedUntilMs = 0;
  #stepMs = 0;
  /** Its monotonic clock began some time ago, and goes a little too fast or too slow. */
  #startMs: number;
  readonly #speed: number;

  constructor(
    private readonly world: VirtualWorld,
    private readonly plan: Plan,
    readonly at: number,
  ) {
    this.#startMs = world.between([1_000, 1e9]);
    this.#speed = 1 + world.between([-0.0004, 0.0004]);
    const { callsPerSecond, callers } = plan;
    const limiter = new RateLimiter(this.#database(), { name: 'test', callsPerSecond }, this.#clock());
    for (let count = 0; count < callers; count += 1) void this.#callAgainAndAgain(limiter, count % 4 === 0);
  }

  kill(): void {
    this.#isAlive = false;
  }

  pause(forMs: number): void {
    this.#pausedUntilMs = this.world.nowMs + forMs;
  }

  /** As a pause, in which its monotonic clock stands still. */
  suspend(forMs: number): void {
    this.pause(forMs);
    this.#startMs -= forMs * this.#speed;
  }

  stepTimeOfDay(byMs: number): void {
    this.#stepMs += byMs;
  }

  async #callAgainAndAgain(limiter: RateLimiter, live: boolean): Promise<void> {
    const { world, plan } = this;
    const clock = this.#clock();
    while (this.#isAlive) {
      try {
        const slot = await limiter.acquire({ priority: live ? 'live' : 'batch' });
        await clock.sleep(world.between([1, 20]));
        await slot.untilDue();
        if (world.happens(plan.chance?.notMade)) {
          await slot.giveBack();
          continue;
        }
        slot.leave();
        if (world.happens(plan.chance?.sentLate)) await clock.sleep(world.between([0, 10_000]));
        if (!(await this.#call(slot))) continue;
        void slot.release('accepted').catch(() => undefined);
      } catch (error) {
        if (!(error instanceof SlotMissedError)) await clock.sleep(100);
      }
    }
  }

  /** @returns whether an answer was read */
  async #call(slot: Slot): Promise<boolean> {
    const { world, plan } = this;
    const isLater = this.at === 0 && world.nowMs > plan.forMs / 2;
    const line = (isLater ? plan.laterLine : undefined) ?? (plan.lines[this.at] as Line);
    const countedMs = world.nowMs + world.between(line.there);
    world.count(countedMs, slot);
    const answeredMs = countedMs + world.between(line.work) + world.between(line.back);
    const isLost = world.happens(plan.chance?.lostAnswer);
    await this.#until(answeredMs + (isLost ? LOST_AFTER_MS : 0));
    return !isLost;
  }

  #clock(): Clock {
    const { world } = this;
    return {
      now: () => this.#startMs + world.nowMs * this.#speed,
      timeOfDay: () => EPOCH_MS + world.nowMs + this.#stepMs,
      sleep: (forMs) => this.#until(world.nowMs + forMs / this.#speed + world.between(this.plan.wakesLate)),
    };
  }

  #database(): Database {
    const { world } = this;
    return {
      query: async (text, values) => {
        await this.#until(world.arrivesMs(), { onTheWay: true });
        const isLost = world.happens(this.plan.chance?.lostStatement);
        if (isLost && world.happens(0.5)) throw await this.#lost();
        const answer = await world.execute(text, values);
        if (isLost) throw await this.#lost();
        await this.#until(world.arrivesMs() + world.between(this.plan.wakesLate));
        return answer;
      },
    };
  }

  async #lost(): Promise<Error> {
    await this.#until(this.world.nowMs + LOST_AFTER_MS);
    return new Error('The answer of the database is lost.');
  }

  /** Resolves then, or when the pause of this process is over; never once it is dead. What is on the way arrives all the same. */
  #until(atMs: number, { onTheWay = false } = {}): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        if (onTheWay) resolve();
        else if (!this.#isAlive) return;
        else if (this.world.nowMs < this.#pausedUntilMs) this.world.at(this.#pausedUntilMs, wake);
        else resolve();
      };
      this.world.at(atMs, wake);
    });
  }
}

/** A schema in front of the catalog's, with the clock in it. */
async function prepare(client: pg.Client): Promise<void> {
  await client.query(`
    drop schema if exists virtual cascade;
    create schema virtual;
    create function virtual.clock_timestamp() returns timestamptz language sql volatile
      as $$ select to_timestamp(current_setting('virtual.now')::double precision / 1000) $$;
    set search_path = virtual, pg_catalog;
    set virtual.now = '${EPOCH_MS}'`);
  for (const statement of CREATE_TABLES) await client.query(statement);
  await client.query(`insert into rate_limit (name) values ('test');
    insert into rate_limit_slot (name, id) select 'test', generate_series(1, 100)`);
}

function mostWithin(times: readonly number[], windowMs: number): number {
  let most = 0;
  let from = 0;
  for (const [to, at] of times.entries()) {
    while ((times[from] ?? at) <= at - windowMs) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
