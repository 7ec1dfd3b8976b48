/** Timings of the dispatcher, in milliseconds. */
export interface FeederTimings {
  /** Submits a second that the worker is set to. */
  submitsPerSecond: number;
  /** From one tick to the next: how soon a control acts. Default 500. */
  tickMs: number;
  /** Shortest round; see {@link roundMs}. Default 20 s. */
  minRoundMs: number;
  /** Longest round. Default 5 min. */
  maxRoundMs: number;
  /** Dispatch stops while a task that has not ended was submitted longer ago than this. Default 6 h. */
  oldestTaskMs: number;
}

export const FEEDER_TIMINGS: Omit<FeederTimings, 'submitsPerSecond' | 'oldestTaskMs'> = {
  tickMs: 500,
  minRoundMs: 20_000,
  maxRoundMs: 300_000,
};

/**
 * The first time between ticks, in milliseconds, and for how long it applies: the first completions determine the window's width.
 */
const FIRST_TICK_MS = 200;
const FIRST_TICKS_FOR_MS = 30_000;

/** @param ageMs of the batch */
export function tickMsAt(ageMs: number, { tickMs }: Pick<FeederTimings, 'tickMs'>): number {
  return ageMs < FIRST_TICKS_FOR_MS ? Math.min(FIRST_TICK_MS, tickMs) : tickMs;
}

/**
 * A round costs six events of the dispatcher's history, and refreshes the Temporal UI. So rounds get longer with the age of the
 * batch: a twentieth of it, within bounds.
 */
export function roundMs(ageMs: number, { minRoundMs, maxRoundMs }: FeederTimings): number {
  return Math.min(maxRoundMs, Math.max(minRoundMs, ageMs / 20));
}

/** Runs that wait for a submit slot, in seconds of the rate: the longest delay until a pause acts. */
const QUEUED_SECONDS = 3;
/** The minimum, so that a slow rate is used, too. */
const LEAST_QUEUED = 2;

/** Of all batches together. */
export function queuedRuns(submitsPerSecond: number): number {
  return Math.max(LEAST_QUEUED, Math.ceil(submitsPerSecond * QUEUED_SECONDS));
}

/** The most runs that wait to be submitted before their speed is known: what the vendor's 20 a second need. */
export const FIRST_QUEUED = 60;
/** The queue is too long while less than this part of it leaves between two ticks. */
const SLOW_DRAIN = 0.1;
/** The queue may run empty when more than this part of it leaves between two ticks. */
const FAST_DRAIN = 0.75;

/**
 * How many runs may wait to be submitted next, from the number submitted between two ticks. If this machine is the bottleneck,
 * hundreds of new runs would delay the workflow tasks of the dispatcher itself, and with them counts and controls.
 */
export function nextQueued(queued: number, { before, left }: { before: number; left: number }): number {
  if (before < queued / 2) return queued;
  if (left < before * (1 - FAST_DRAIN)) return queued * 2;
  return left > before * (1 - SLOW_DRAIN) ? Math.max(FIRST_QUEUED, Math.floor(queued / 2)) : queued;
}

/**
 * Runs in flight at first, in seconds of the rate: 100 at the vendor's 20 a second, so a small batch is submitted at once. More
 * would exceed the 24 hours of a deadline at a vendor that ends ten an hour.
 */
const FIRST_WINDOW_SECONDS = 5;
/** The minimum at any rate: a slow one is no reason to wait for the first task. Ours. */
const LEAST_FIRST_WINDOW = 50;
/** Most runs by which a completion widens the window: sixteen times as many after one task's time. Ours. */
const MOST_GROWTH = 15;
/** The window grows only while the oldest task is younger than this part of the age at which dispatch stops. */
const GROWS_WHILE_YOUNGER_THAN = 0.5;
/** Runs by which each completion narrows the window while dispatch is stopped, so that it does not fill up again. Ours. */
const SHRINKS_BY = 2;

export function firstWindow(submitsPerSecond: number): number {
  return Math.max(LEAST_FIRST_WINDOW, Math.ceil(submitsPerSecond * FIRST_WINDOW_SECONDS));
}

/**
 * The window after some completions. It grows while it is the limit and completions keep up, by less the longer the oldest task
 * takes; it narrows when the vendor was slower than the submits.
 *
 * By the model in `test/activities/batch-gates.test.ts` no task reaches a deadline of 24 h at ten completions an hour or more,
 * and none the 72 h of the vendor's memory at two an hour. A window that never narrows reached 72 h in its third round.
 */
export function grownWindow(
  window: number,
  { completed, inFlight, oldestTaskAgeMs }: { completed: number; inFlight: number; oldestTaskAgeMs: number | null },
  { oldestTaskMs, submitsPerSecond }: Pick<FeederTimings, 'oldestTaskMs' | 'submitsPerSecond'>,
): number {
  const ageMs = oldestTaskAgeMs ?? 0;
  if (ageMs > oldestTaskMs) return Math.max(firstWindow(submitsPerSecond), window - completed * SHRINKS_BY);
  const limits = inFlight + completed >= window * 0.8;
  if (!limits || ageMs >= oldestTaskMs * GROWS_WHILE_YOUNGER_THAN) return window;
  const growth = ageMs <= 0 ? MOST_GROWTH : Math.min(MOST_GROWTH, oldestTaskMs / ageMs - 1);
  return window + Math.floor(completed * growth);
}
