/**
 * The rate while another client uses the account's rate too. Each refusal lowers the rate for all processes; it then recovers
 * with time, computed from the rate after the last refusal and the time of that refusal.
 *
 * The shares were tuned on a model of the vendor's limiter (`test/rate-limit/refusals.test.ts`), beside a client with 8 even
 * calls a second. Under 1% of our calls are refused, over 95% of the free rate is used, and the full rate is back within 50 s.
 */

/** Factor applied to the rate by a refusal. Ours. */
const KEPT_AFTER_REFUSAL = 0.97;
/** Never slower than this share of the budget: at 20 a second, one call in five seconds. Ours. */
const LEAST_SHARE = 0.01;
/** Growth at first: share of the budget, for each second since the last refusal. Ours. */
const CREEP_SHARE = 0.001;
/** How long growth stays slow, in seconds: a client that stays causes a refusal again within this time. Ours. */
const CREEP_SECONDS = 10;
/** After that, additional quadratic growth: share of the budget for a second squared; 40% in 36 s. Ours. */
const LEAP_SHARE = 0.0003;

/** The stored state of refusals. */
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

/** The lower bound of the rate, in calls a second. */
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
