import { type RawBuilder, sql } from 'kysely';
import { leastRate, rateNowSql } from './rate-control.js';

/**
 * Places in the pace: one row in the database, so that it holds for any number of processes, by the database's clock.
 *
 * Why it is strict: a place is so far after the one before it that as many places as the budget allows in a second take a
 * second and the **slack**. A call leaves within the tolerance of its place or not at all. So two calls that are a budget
 * apart arrive less than a second apart only if the second one was faster than the first, on its whole way, by more than the
 * slack less the tolerance; and the slack follows what the processes see of that: how far the calls of each spread, and how
 * much nearer to the vendor one process is than another (`activities/latency-spread.ts`). A process that is late again and
 * again asks for more tolerance, and with it for more slack (`activities/place-lateness.ts`).
 */

/** The scope of the paid call: the vendor counts its calls for the whole account. */
export const SUBMIT_SCOPE = 'submit';

/**
 * The least slack of a second, in milliseconds: 51.25 ms between two places at 20 a second. It has room for the tolerance
 * below, and 5 ms of difference on the way.
 */
export const ALLOWANCE_MS = 25;

/**
 * The most slack of a second, in milliseconds; at 20 a second it leaves 13. One process on a bad line must not stop the
 * others, and a vendor that takes long to answer looks the same as one that is far away. Beyond it, refusals set the rate.
 */
export const MAX_SLACK_MS = 500;

/**
 * For how long the largest spread that any process saw stands, and how far away the nearest and the farthest of them are, in
 * milliseconds. Each process says its own whenever it takes a place; at 30 s a burst at the start of a worker made the first
 * half minute 1% slower.
 */
export const SPREAD_HELD_MS = 10_000;

/** A place that was missed by more than this, in milliseconds, is dropped and never used late; a process may ask for more. */
export const PLACE_TOLERANCE_MS = 20;

/** Of any slack, what is kept for differences on the way, in milliseconds. */
const ON_THE_WAY_MS = ALLOWANCE_MS - PLACE_TOLERANCE_MS;

/**
 * Two processes on equal lines seem to be apart by this part of the lines' spread, at most: the middle of two hundred calls moves by
 * chance. Ours: in a model of delays of 0 to 200 ms it hardly ever moved further.
 */
const CHANCE_PART = 0.1;

/**
 * Who is as near as the nearest by this much, in milliseconds, keeps it known; so for the farthest. Less than a middle moves by
 * chance, or the two would only ever move apart, beyond what the least slack has room for.
 */
const ALIKE_MS = 1;

/** Slack that stays for so long after a place, in milliseconds, is there for all places of the second after it. */
const SLACK_NEEDED_MS = 2_000;

/**
 * Places are moved ahead of a call that is late only while the next one is no further away than this, in milliseconds. As
 * many places later as the budget allows in a second is at least a second after the late one, so that one is not given out then.
 */
export const MOVABLE_WITHIN_MS = 900;

/** Least time between asking for a place and its turn, in milliseconds: the commit has to fit in. */
export const PLACE_LEAD_MS = 5;

/**
 * A place further away than this, in milliseconds, or than two of the slowest rate's, is of a clock that was set back
 * since: nobody takes places as far ahead, and the pace begins anew.
 */
const PLACE_FARTHEST_MS = 2 * 60_000;

/** When the pace begins anew, places of before may still be used: this much later none is, in milliseconds. */
const ANEW_AFTER_MS = 2_000;

/** Who waits for a submit: a person or a service (`live`), or a backlog (`batch`). */
export type Lane = 'live' | 'batch';

/**
 * A lane takes a place only when the next one is no further away than this, in milliseconds. So a live submit is never
 * behind more than a handful of places of a backlog, however many processes work on it; and a worker that is killed loses
 * only a handful. Far enough for a commit on a busy disk.
 */
const LANE_HORIZON_MS: Record<Lane, number> = { live: 500, batch: 250 };

/** At least one place in so many is for a backlog, when it asks: over 5% of the rate under any live load. */
const BATCH_TURN = 14;
/** How soon a backlog asks again when the live lane takes every place, in milliseconds: some of its turns pass by unasked. */
const BATCH_ASKS_EVERY_MS = 100;

/** How far latencies spread, as one process sees it; see `activities/latency-spread.ts`. */
export interface SpreadReport {
  /** Milliseconds; null while too few calls were answered to say. */
  seenMs: number | null;
  /** What stands in for it as long as no process has seen enough, in milliseconds. */
  assumedMs: number;
  /**
   * How long a call of this process takes to its answer, in milliseconds; null while too few were answered. Two processes may be at
   * different distances from the vendor: then a call of the nearer one overtakes one of the other, though each sees an even line.
   */
  middleMs: number | null;
  /** How late after its place a call of this process wants to be allowed to leave, in milliseconds. */
  toleranceMs: number;
}

/** For a process that sends nothing itself. */
export const NO_SPREAD: SpreadReport = {
  seenMs: null,
  assumedMs: 0,
  middleMs: null,
  toleranceMs: PLACE_TOLERANCE_MS,
};

/** Milliseconds between two places at a rate, in calls a second. */
export function paceIntervalMs(callsPerSecond: number, slackMs = ALLOWANCE_MS): number {
  return (1_000 + slackMs) / callsPerSecond;
}

export interface PlaceAsk {
  /** Calls a second over all processes. */
  budget: number;
  leadMs: number;
  /** Null: the next place, however far it is. */
  lane: Lane | null;
  spread: SpreadReport;
  /** A number above 0 that is known once all that has to be locked before the pace is. */
  after?: RawBuilder<unknown> | undefined;
}

/**
 * A `WITH` body that takes the next place of `scope` and gives it as column `place_at`, with the slack that all places of the
 * second after it are sure to have as `slack_ms`. It gives no row when the lane has to wait.
 *
 * A process that is nearer than all of the last seconds must not overtake what they sent: its own place comes as much later, since
 * more room between the places after it would be too late for that. One that is farther needs only the room after its place.
 */
export function takePlace(scope: string, { budget, leadMs, lane, spread, after = sql`1` }: PlaceAsk) {
  const seen = sql`${slackWantedMs(spread)}::double precision`;
  const middle = sql`${spread.middleMs}::double precision`;
  const assumed = sql`${spread.assumedMs}::double precision`;
  const lead = milliseconds(leadMs);
  const firstInterval = milliseconds(paceIntervalMs(budget, slackOf(spread)));
  const batchAt = lane === 'batch' ? sql`e.place` : sql`pace.batch_at`;
  const alike = sql`${ALIKE_MS}::double precision`;
  const nowIfTold = (told: RawBuilder<unknown>) => sql`case when ${told} is null then null else clock_timestamp() end`;
  return sql`
    insert into pace (scope, last_at, next_at, spread_ms, spread_at, nearest_ms, nearest_at, farthest_ms, farthest_at)
    values (case when ${after} > 0 then ${scope} end, clock_timestamp() + ${lead}, clock_timestamp() + ${lead} + ${firstInterval},
            ${seen}, ${nowIfTold(seen)}, ${middle}, ${nowIfTold(middle)}, ${middle}, ${nowIfTold(middle)})
    on conflict (scope) do update
      set (last_at, next_at, spread_ms, spread_at, nearest_ms, nearest_at, farthest_ms, farthest_at, batch_at) = (
      select e.place,
             e.place + make_interval(secs => (1 + ${slackMs(sql`e.spread`, sql`e.farthest - e.nearest`)} / 1000) / e.rate),
             case when e.spread_told then ${seen} else pace.spread_ms end,
             case when e.spread_told then e.now else pace.spread_at end,
             e.nearest, case when ${middle} <= e.nearest + ${alike} then e.now else pace.nearest_at end,
             e.farthest, case when ${middle} >= e.farthest - ${alike} then e.now else pace.farthest_at end,
             ${batchAt}
      from (
        select d.*,
               case when pace.next_at > d.now + ${milliseconds(farthestMs(budget))} then d.now + ${milliseconds(ANEW_AFTER_MS)}
                 else greatest(pace.next_at, d.now + ${lead}) end
               + make_interval(secs => greatest(0, ${slackMs(sql`d.spread`, sql`d.far - d.nearest`)}
                   - ${slackMs(sql`d.spread`, sql`d.far - d.near`)}) / 1000) as place
        from (
          select f.now, f.near, f.far,
                 coalesce(greatest(f.spread, ${seen}), ${assumed}) as spread,
                 ${seen} is not null and (f.spread is null or ${seen} >= f.spread) as spread_told,
                 least(f.near, ${middle}) as nearest,
                 greatest(f.far, ${middle}) as farthest,
                 ${rateNowSql(budget, sql`f.now`)} as rate
          from (
            select n.now, ${toldLately('spread')} as spread, ${toldLately('nearest')} as near, ${toldLately('farthest')} as far
            from (select clock_timestamp() as now) n
          ) f
        ) d
      ) e
    )
    where ${lane === null ? sql`true` : sql`${laneOpensInMs(lane, budget)} <= 0`}
    returning last_at as place_at,
      case when spread_at + ${milliseconds(SPREAD_HELD_MS)} > last_at + ${milliseconds(SLACK_NEEDED_MS)}
        then least(${MAX_SLACK_MS}::double precision, coalesce(spread_ms, 0)) else 0 end as slack_ms`;
}

/**
 * How late a call may leave, in milliseconds: as late as its process wished when it took the place, where the slack after
 * the place has the room. The wish came with the place, so that mostly it has.
 */
export function toleranceMs({ seenMs, toleranceMs: wishedMs }: SpreadReport, slackMs: number): number {
  if (seenMs === null) return PLACE_TOLERANCE_MS;
  return Math.max(PLACE_TOLERANCE_MS, Math.min(wishedMs, slackMs - ON_THE_WAY_MS));
}

/**
 * How much closer than a second the call a budget later may come to one that left `leftLateMs` late and was on its way for up to
 * `onTheWayMs` longer than usual, in milliseconds. What it left later than `toleranceMs`, the places after it were moved for.
 *
 * @param seenMs the spread that this process sees; null: too few calls
 */
export function tooCloseMs(
  { leftLateMs, onTheWayMs }: { leftLateMs: number; onTheWayMs: number },
  toleranceMs: number,
  seenMs: number | null,
): number {
  const slackMs = Math.min(MAX_SLACK_MS, Math.max(ALLOWANCE_MS, toleranceMs + ON_THE_WAY_MS, seenMs ?? 0));
  return Math.max(0, Math.min(leftLateMs, toleranceMs) + onTheWayMs - slackMs);
}

/** Null: the process knows too little. The time to an answer has in it how late this process reads one, which is as late as it leaves. */
function slackWantedMs({ seenMs, toleranceMs: wishedMs }: SpreadReport): number | null {
  return seenMs === null ? null : Math.max(seenMs, wishedMs + ON_THE_WAY_MS);
}

/**
 * In how many milliseconds the lane may take a place, from the row `pace`; 0 or less: now. For a backlog that waits for
 * its turn, it is the time to ask again.
 */
export function laneOpensInMs(lane: Lane, budget: number) {
  const now = sql`clock_timestamp()`;
  const untilNext = sql`case when pace.next_at > ${now} + ${milliseconds(farthestMs(budget))} then 0
    else extract(epoch from pace.next_at - ${now})::double precision * 1000 end`;
  const near = sql`(${untilNext}) - ${LANE_HORIZON_MS[lane]}::double precision`;
  if (lane === 'live') return sql<number>`(${near})`;
  const turn = sql`(pace.batch_at is null or pace.batch_at > pace.next_at or pace.next_at - pace.batch_at
    >= make_interval(secs => ${BATCH_TURN}::double precision * (1 + ${ALLOWANCE_MS / 1_000}::double precision)
      / (${rateNowSql(budget, now)})))`;
  // The live lane leaves the next place at most one interval beyond its own horizon.
  const turnNear = sql`(${untilNext}) - ${LANE_HORIZON_MS.live + 2 * paceIntervalMs(budget)}::double precision`;
  return sql<number>`(case when ${turn} then ${turnNear} else least(${near}, ${BATCH_ASKS_EVERY_MS}::double precision) end)`;
}

function farthestMs(budget: number): number {
  return Math.max(PLACE_FARTHEST_MS, 2 * paceIntervalMs(leastRate(budget), MAX_SLACK_MS));
}

function slackOf(spread: SpreadReport): number {
  return Math.min(MAX_SLACK_MS, Math.max(ALLOWANCE_MS, slackWantedMs(spread) ?? spread.assumedMs));
}

/** What a process told of `what`, in milliseconds; null when it no longer stands. A time to come: the clock was set back since. */
function toldLately(what: 'spread' | 'nearest' | 'farthest') {
  const at = sql.ref(`pace.${what}_at`);
  const ms = sql.ref(`pace.${what}_ms`);
  return sql`case when ${at} > n.now - ${milliseconds(SPREAD_HELD_MS)} and ${at} <= n.now then ${ms} end`;
}

/**
 * The slack for lines that spread so far, and processes that are so far from each other, all in milliseconds. A distance counts
 * from what the least slack has room for, and from what chance makes of a spread.
 */
function slackMs(spread: RawBuilder<unknown>, distance: RawBuilder<unknown>) {
  return sql`least(${MAX_SLACK_MS}::double precision, greatest(${ALLOWANCE_MS}::double precision, ${spread})
    + case when ${distance} > greatest(${ON_THE_WAY_MS}::double precision, ${CHANCE_PART}::double precision * ${spread})
        then ${distance} else 0 end)`;
}

export function milliseconds(ms: number) {
  return sql`make_interval(secs => ${ms / 1_000}::double precision)`;
}
