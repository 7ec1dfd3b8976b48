import { leastRate, rateAfterRefusalSql, rateNowSql } from './refusals.js';

/** Priority of a call: a person or a service (`live`), or a backlog (`batch`). */
export type Priority = 'live' | 'batch';

/** Largest relative drift of two clocks: each is corrected by 500 ppm at most (Linux, `adjtimex`). */
export const DRIFT = 0.001;

/** How long a slot stays taken after its answer, in seconds, at one call a second and slot: the API counts by the second. */
const HOLD_SECONDS = 1 + DRIFT;

/**
 * Longest delay of a call after its slot's time, in milliseconds; later, it takes another slot. Ours: more than the delay on a
 * loaded machine.
 */
export const LEAVES_WITHIN_MS = 2_000;

/** A call reaches the API within this time of being sent, or never, in milliseconds. Ours; callers close a connection before that. */
const ARRIVES_WITHIN_MS = 5_000;

/**
 * How far ahead a slot may be taken, in milliseconds. Ours: enough to write an intent on a loaded machine; interactive calls
 * overtake what is further ahead.
 */
export const HORIZON_MS: Readonly<Record<Priority, number>> = { live: 500, batch: 250 };

/**
 * After so many interactive calls, one batch call goes first. It asks up to 250 ms late, so it gets slightly less than 1/16 of
 * the rate. Ours.
 */
const LIVE_IN_ROW = 15;

/**
 * The least time between two calls at the full rate, as a share of the time for each. It spreads the calls after a pause, when
 * all slots are free. Below 1, or it would be a second limit. Ours.
 */
const GAP_SHARE = 0.6;

/**
 * How long a free slot is reserved for its owner, in milliseconds: only there it has a credit, and it avoids contention. A
 * process with fewer slots than the owner need not wait, so that shares become equal. Ours: a timer's lateness.
 */
const OWNER_FIRST_MS = 100;

/** After so many refusals with nothing accepted in between, all calls pause for a second. Ours. */
const REFUSED_IN_ROW = 5;

export interface Budget {
  /** Of the row in `rate_limit`: processes with the same name share a budget. */
  name: string;
  /** Calls in any sliding second; below 1 too: 0.5 is one call in two seconds. */
  callsPerSecond: number;
}

export function slotsOf({ callsPerSecond }: Budget): number {
  return Math.ceil(callsPerSecond);
}

const ms = (amount: string | number) => `(${amount}) * interval '1 ms'`;
const epochMs = (time: string) => `extract(epoch from ${time})::double precision * 1000`;

/** The longest that a call can be in flight after its slot's time, as SQL. */
const LEASE = ms(LEAVES_WITHIN_MS + ARRIVES_WITHIN_MS);
/** A batch call whose turn it is takes a slot further ahead than any interactive one could, in milliseconds. */
const TURN_HORIZON_MS = HORIZON_MS.live + HORIZON_MS.batch;
/** When rows are lost, a slot this far ahead may have just been handed out; as SQL. */
const AFTER_LOSS = ms(TURN_HORIZON_MS + LEAVES_WITHIN_MS + ARRIVES_WITHIN_MS);
/** A time further ahead than this was written before the database's clock was set back, in milliseconds. */
const FARTHEST_MS = 2 * (TURN_HORIZON_MS + LEAVES_WITHIN_MS + ARRIVES_WITHIN_MS);

/** A slot is free when its last call has been counted for a hold; for its owner, sooner by the credit. */
const OWN_CREDIT = `case when slot.owner = $2 then slot.credit else '0' end`;
const FREE_AT = `slot.counted_by + terms.hold - ${OWN_CREDIT}`;
/** The owner and processes with fewer slots may ask for it at the same time; others later. */
const OPEN_AT = `slot.counted_by + terms.hold
  + case when slot.owner = $2 or owned.count > terms.mine then - slot.credit else ${ms(OWNER_FIRST_MS)} end`;
const HOLD = `interval '1 s' * (${HOLD_SECONDS} * $3::integer / $4::double precision)`;

/**
 * Takes up to $6 slots, soonest first, for the owner $2. $1 name, $3 slots, $4 calls a second, $5 priority.
 *
 * Gives one row: the slots, the database's clock, and in how many milliseconds the next one opens. No row: there is no limiter of the name.
 * `is_sound` is false when rows are missing, or lie in the future since a clock was set back. Then {@link REPAIR} is due.
 */
export const ACQUIRE = `
with state as materialized (
  select * from rate_limit where name = $1 for update
), moment as materialized (
  -- The clock is read when the row is ours, however long that took.
  select state.*, clock_timestamp() as now, ${rateNowSql('state', '$4::double precision')} as rate_now from state
), terms as materialized (
  select now, next_at, ${HOLD} as hold,
    -- What refusals have left of the rate is kept by the gap: evenly, so that the other client's calls fit in between.
    interval '1 s' * case when rate_now < $4 then 1 / rate_now else ${GAP_SHARE} / $4::double precision end as gap,
    now + ${ms(`case when $5 = 'live' then ${HORIZON_MS.live} else ${HORIZON_MS.batch} end`)} as horizon,
    now + ${ms(TURN_HORIZON_MS)} as turn_horizon,
    $5 = 'batch' and live_in_row >= ${LIVE_IN_ROW} as is_turn,
    (select count(*) from rate_limit_slot where name = $1 and owner = $2) as mine
  from moment
), owned as materialized (
  select owner, count(*) from rate_limit_slot where name = $1 group by owner
), near as materialized (
  -- The lock reads anew what was committed since this statement began.
  select slot.id, ${OPEN_AT} as open_at, ${FREE_AT} as free_at
  from terms, rate_limit_slot slot join owned on owned.owner is not distinct from slot.owner
  where slot.name = $1 and slot.id <= $3 and ${OPEN_AT} < case when is_turn then turn_horizon else horizon end
  order by open_at, slot.id limit $6 for update of slot
), spread as materialized (
  select id, nth, free_at, nth * gap + max(greatest(open_at, now, next_at) - nth * gap) over (order by nth) as turn_at
  from (select *, row_number() over (order by open_at, id) as nth from near, terms) numbered
), due as materialized (
  select id, turn_at, greatest(turn_at, free_at) as due_at from spread, terms
  where turn_at < horizon or (is_turn and nth = 1 and turn_at < turn_horizon)
), taken as (
  update rate_limit_slot slot
  set owner = $2, credit = ${OWN_CREDIT}, taken = slot.taken + 1, counted_by = due_at + ${LEASE} + ${OWN_CREDIT}
  from due where slot.name = $1 and slot.id = due.id
  returning slot.id, slot.taken, turn_at, due_at
), last as (
  select max(turn_at) + max(gap) as next_at, count(taken.id)::integer as count from taken, terms
), noted as (
  update rate_limit set next_at = last.next_at,
    live_in_row = case when $5 = 'live' then live_in_row + last.count else 0 end
  from last where name = $1 and last.count > 0
)
select
  (select coalesce(json_agg(json_build_object('id', id, 'taken', taken::text, 'dueMs', ${epochMs('due_at')}) order by due_at), '[]')
    from taken) as slots,
  ${epochMs('clock_timestamp()')} as now_ms,
  ${epochMs(`greatest(terms.next_at, last.next_at, others.free_at) - case when is_turn then turn_horizon else horizon end`)} as opens_in_ms,
  others.count + last.count = $3 and terms.next_at < now + ${ms(FARTHEST_MS)} + interval '2 s' / ${leastRate(1)} / $4::double precision
    as is_sound
from terms, last, lateral (
  select min(${OPEN_AT}) as free_at, count(*) as count from rate_limit_slot slot join owned on owned.owner is not distinct from slot.owner
  where slot.name = $1 and slot.id <= $3 and slot.counted_by < now + ${ms(FARTHEST_MS)} and slot.id not in (select id from taken)
) others`;

/** Adds what is missing of $1 with $2 slots, and what a clock set in the future: free once no call of before can arrive any more. $3 calls a second. */
export const REPAIR = `
with limiter as (
  insert into rate_limit (name, next_at) values ($1, clock_timestamp() + ${AFTER_LOSS})
  on conflict (name) do update set next_at = excluded.next_at where rate_limit.next_at > clock_timestamp() + ${ms(FARTHEST_MS)} + interval '2 s' / ${leastRate(1)} / $3::double precision
)
-- Uses are numbered from the time of day in milliseconds: a release of before the loss matches none of them.
insert into rate_limit_slot (name, id, counted_by, taken)
select $1, id, clock_timestamp() + ${AFTER_LOSS}, (${epochMs('clock_timestamp()')})::bigint from generate_series(1, $2::integer) id
on conflict (name, id) do update set counted_by = excluded.counted_by
where rate_limit_slot.counted_by > clock_timestamp() + ${ms(FARTHEST_MS)}`;

/**
 * The API answered the call of slot $2 in its use $3. $6 is the answer: `accepted`, `refused` for the rate, or `other`. $4 is
 * when, at the latest, by the database's clock, in ms since the epoch. $5: the credit, in ms. A refusal slows every process, and
 * returns one row. The limiter is locked before the slot, as above.
 */
export const RELEASE = `
with noted as (
  update rate_limit set
    refused_in_row = case when $6 = 'refused' then refused_in_row + 1 else 0 end,
    refused_since = case when $6 = 'refused' then coalesce(refused_since, clock_timestamp()) end,
    refused_at = case when $6 = 'refused' then clock_timestamp() else refused_at end,
    rate = case when $6 = 'refused' then ${rateAfterRefusalSql('rate_limit', '$7::double precision')} else rate end,
    next_at = case when $6 = 'refused' and refused_in_row + 1 >= ${REFUSED_IN_ROW}
      then greatest(next_at, clock_timestamp() + interval '1 s') else next_at end
  where name = $1 and ($6 = 'refused' or ($6 = 'accepted' and refused_in_row > 0))
  returning refused_in_row, ${epochMs('clock_timestamp() - refused_since')} as refused_for_ms
), released as (
  update rate_limit_slot set counted_by = least(clock_timestamp(), to_timestamp($4::double precision / 1000)), credit = ${ms('$5::double precision')}
  where name = $1 and id = $2 and taken = $3::bigint and (select count(*) from noted) >= 0
)
select * from noted where $6 = 'refused'`;

/** No call was made in slot $5 and its use $6, scheduled at $7, in ms since the epoch: it is free as before. */
export const GIVE_BACK = `
update rate_limit_slot slot set counted_by = to_timestamp($7::double precision / 1000) - ${HOLD} + slot.credit
where slot.name = $1 and slot.owner = $2 and slot.id = $5 and slot.taken = $6::bigint`;
