/**
 * The simulator's own time, in milliseconds since the epoch plus everything that `age` has added.
 *
 * Tasks and media keep their times on this clock, so ageing all of them is one addition; what is shown to a client is
 * turned back with {@link SimulatedClock.toReal}. With a skew, that is the time of a vendor whose clock is not ours.
 * Ageing touches neither signatures nor rate windows.
 */
export class SimulatedClock {
  #lastMs = 0;

  constructor(
    public ageMs = 0,
    readonly skewMs = 0,
  ) {}

  /** Never runs backwards, so that creation order and creation time always agree. */
  now(): number {
    this.#lastMs = Math.max(this.#lastMs, Date.now() + this.skewMs + this.ageMs);
    return this.#lastMs;
  }

  age(ms: number): void {
    this.ageMs += ms;
  }

  toReal(simulatedMs: number): number {
    return simulatedMs - this.ageMs;
  }

  fromReal(realMs: number): number {
    return realMs + this.ageMs;
  }

  /** ISO 8601 in UTC with whole seconds, as the API writes every time. */
  iso(simulatedMs: number): string {
    return isoSeconds(this.toReal(simulatedMs));
  }
}

/** What the API writes for a time that does not exist yet (Go's zero time, seen in unfinished tasks). */
export const ZERO_TIME = '0001-01-01T00:00:00Z';

export function isoSeconds(realMs: number): string {
  return `${new Date(realMs).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds of an ISO 8601 time with a zone, or undefined when it is not one. */
export function parseIso(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
