import { sql } from 'kysely';

/**
 * Places in the pace: one row in the database, so that it holds for any number of processes, by the database's clock.
 */

/** The scope of the paid call: the vendor counts its calls for the whole account. */
export const SUBMIT_SCOPE = 'submit';

/**
 * Places are this much further apart than the budget asks. At 20 a second that is 51.5 ms: measured at a receiver
 * over 1, 2 and 4 processes, never more than 20 calls in any second, and 19.4 to 19.6 a second on average. At 51 ms, 21
 * were seen once.
 */
export const PACE_MARGIN = 1.03;

/** A place that was missed by more than this, in milliseconds, is dropped and never used late. */
export const PLACE_TOLERANCE_MS = 20;

/** Least time between asking for a place and its turn, in milliseconds: the commit has to fit in. */
export const PLACE_LEAD_MS = 5;

/**
 * A place further away than this, in milliseconds, is of a clock that was set back since: no submit waits as long (its
 * attempt is over by then), and the pace begins anew.
 */
export const PLACE_FARTHEST_MS = 10 * 60_000;

export function paceIntervalMs(callsPerSecond: number): number {
  return (1000 / callsPerSecond) * PACE_MARGIN;
}

/** A `WITH` body that takes the next place of `scope` and gives it as column `place_at`. */
export function takePlace(scope: string, intervalMs: number, leadMs: number) {
  const interval = sql`make_interval(secs => ${intervalMs / 1000}::double precision)`;
  const lead = sql`make_interval(secs => ${leadMs / 1000}::double precision)`;
  const farthest = sql`make_interval(secs => ${PLACE_FARTHEST_MS / 1000}::double precision)`;
  return sql`
    insert into pace (scope, next_at)
    values (${scope}, clock_timestamp() + ${lead} + ${interval})
    on conflict (scope) do update
      set next_at = ${interval} + case when pace.next_at > clock_timestamp() + ${farthest} then clock_timestamp() + ${lead}
        else greatest(pace.next_at, clock_timestamp() + ${lead}) end
    returning next_at - ${interval} as place_at`;
}
