/**
 * The simulator's time: milliseconds since the epoch, plus the clock skew and everything that `age` has added.
 *
 * Tasks and media keep their times on this clock, so that ageing all of them is one addition. {@link SimulatedClock.toReal}
 * converts times for clients, and keeps the skew. Ageing changes neither signatures nor rate windows.
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

  /** ISO 8601 in UTC with whole seconds, the API's format of all times. */
  iso(simulatedMs: number): string {
    return isoSeconds(this.toReal(simulatedMs));
  }
}

/** The API's value for a missing time (Go's zero time, seen in unfinished tasks). */
export const ZERO_TIME = '0001-01-01T00:00:00Z';

export function isoSeconds(realMs: number): string {
  return `${new Date(realMs).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds of an ISO 8601 time with a zone; undefined for other text. */
export function parseIso(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
