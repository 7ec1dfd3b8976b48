/**
 * How fast calls go when somebody else uses the account's rate too. Each refusal lowers the rate for all processes; without one it
 * comes back by itself. Two values are kept, the rate right after the last refusal and when that was; the rate of any moment follows.
 * The shares were tuned on a model of the vendor's door (`test/rate-limit/refusals.test.ts`), beside a client that calls evenly 8 times a
 * second. Under 1% of our calls are refused, and over 95% of the room is used. The full rate is back within 50 s of its leaving.
 */

/** What is left of the rate after a refusal. Ours. */
const KEPT_AFTER_REFUSAL = 0.97;
/** Never slower than this share of the budget: at 20 a second, one call in five seconds. Ours. */
const LEAST_SHARE = 0.01;
/** Growth at first: share of the budget, for each second since the last refusal. Ours. */
const CREEP_SHARE = 0.001;
/** For how long it only creeps, in seconds: a client that stays is met again within this time. Ours. */
const CREEP_SECONDS = 10;
/** After that, growth by the square of the time besides: share of the budget for a second squared; 40% in 36 s. Ours. */
const LEAP_SHARE = 0.0003;

/** What is kept of refusals. */
export interface RefusalState {
  /** Calls a second, right after the last refusal. */
  rate: number;
  secondsSinceRefusal: number;
}

/** Calls a second that may be made now; `null`: nothing was refused yet. */
export function rateNow(state: RefusalState | null, budget: number): number {
  // A refusal in the future: the clock was set back since.
  if (state === null || state.secondsSinceRefusal < 0) return budget;
  const { rate, secondsSinceRefusal } = state;
  const leaping = Math.max(0, secondsSinceRefusal - CREEP_SECONDS);
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

/** {@link rateNow} of a row of `rate_limit`, in SQL; `budget` is an expression too. */
export function rateNowSql(row: string, budget: string): string {
  const seconds = `extract(epoch from clock_timestamp() - ${row}.refused_at)::double precision`;
  return `case when ${row}.rate is null or ${row}.refused_at is null or ${row}.refused_at > clock_timestamp() then ${budget}
    else least(${budget}, ${row}.rate + ${budget} * (${CREEP_SHARE} * ${seconds}
      + ${LEAP_SHARE} * power(greatest(0, ${seconds} - ${CREEP_SECONDS}), 2))) end`;
}

/** {@link rateAfterRefusal} of a row of `rate_limit`, in SQL. */
export function rateAfterRefusalSql(row: string, budget: string): string {
  return `greatest(${budget} * ${LEAST_SHARE}, ${KEPT_AFTER_REFUSAL} * (${rateNowSql(row, budget)}))`;
}
