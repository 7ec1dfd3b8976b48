import { type RawBuilder, sql } from 'kysely';

/**
 * How fast submits go when somebody else uses the account's rate too. Every refusal for the rate lowers it for all processes;
 * without one it comes back by itself. Only two values are kept, the rate right after the last refusal and when that was;
 * the rate of any moment follows from them. The numbers were tuned on a model of the vendor's door
 * (`test/ledger/rate-control.test.ts`): with another client that calls evenly 8 times a second, below 1% of our calls are
 * refused, over 95% of the room that it leaves is used, and the full rate is back within 50 s of its leaving.
 */

/** What is left of the rate after a refusal. Ours. */
const KEPT_AFTER_REFUSAL = 0.97;
/** Never slower than this part of the budget: at 20 a second, one call in five seconds. Ours. */
const LEAST_SHARE = 0.01;
/** Growth at first: part of the budget, for each second since the last refusal. Ours. */
const CREEP_SHARE = 0.001;
/** For how long it only creeps, in seconds: a client that stays is met again within this time. Ours. */
const CREEP_SECONDS = 10;
/** After that, growth by the square of the time: this part of the budget is regained in these seconds. Ours. */
const LEAP_SHARE = 0.4;
const LEAP_SECONDS = 36;

/** What the pace's row keeps. */
export interface RateState {
  /** Calls a second, right after the last refusal. */
  rate: number;
  secondsSinceRefusal: number;
}

/** Calls a second that may be made now; `null`: nothing was refused for the rate yet. */
export function rateNow(state: RateState | null, budget: number): number {
  // A refusal in the future: the clock was set back since.
  if (state === null || state.secondsSinceRefusal < 0) return budget;
  const { rate, secondsSinceRefusal } = state;
  const leaping = Math.max(0, secondsSinceRefusal - CREEP_SECONDS) / LEAP_SECONDS;
  return Math.min(budget, rate + budget * (CREEP_SHARE * secondsSinceRefusal + LEAP_SHARE * leaping ** 2));
}

/** The slowest that refusals make it, in calls a second. */
export function leastRate(budget: number): number {
  return budget * LEAST_SHARE;
}

/** Calls a second right after a refusal at the rate `rate`. */
export function rateAfterRefusal(rate: number, budget: number): number {
  return Math.max(leastRate(budget), rate * KEPT_AFTER_REFUSAL);
}

/** {@link rateNow} of the row `pace`, in SQL; `now` is a timestamp. */
export function rateNowSql(budget: number, now: RawBuilder<unknown>): RawBuilder<number> {
  const b = sql`${budget}::double precision`;
  const seconds = sql`extract(epoch from ${now} - pace.refused_at)::double precision`;
  return sql<number>`case when pace.rate is null or pace.refused_at is null or pace.refused_at > ${now} then ${b}
    else least(${b}, pace.rate + ${b} * (${CREEP_SHARE}::double precision * ${seconds}
      + ${LEAP_SHARE}::double precision
        * power(greatest(0, ${seconds} - ${CREEP_SECONDS}::double precision) / ${LEAP_SECONDS}::double precision, 2))) end`;
}

/** {@link rateAfterRefusal} of the row `pace`, in SQL. */
export function rateAfterRefusalSql(budget: number, now: RawBuilder<unknown>): RawBuilder<number> {
  return sql<number>`greatest(${leastRate(budget)}::double precision,
    ${KEPT_AFTER_REFUSAL}::double precision * (${rateNowSql(budget, now)}))`;
}
