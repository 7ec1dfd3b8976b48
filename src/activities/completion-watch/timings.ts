/** All in milliseconds. A test may shorten them; only the interval is a setting. */
export interface WatchTimings {
  /** From one list to the next. */
  intervalMs: number;
  /** How long one activity of the watch goes on before the workflow shows what it found. */
  roundMs: number;
  /** Each list begins this long before the place that was reached: what the vendor lists a little late is seen all the same. */
  lookbackMs: number;
  /** From one list that reaches further back to the next, and how far it does. */
  longLookbackEveryMs: number;
  longLookbackMs: number;
  /** A list that was read to its end within this time is trusted: whoever waits need not ask the vendor. */
  freshMs: number;
  /** From one list to the next at the start, while none has shown a task of ours yet. */
  provingMs: number;
  /** After a list was found to have left a task out, none is trusted for this long. */
  distrustMs: number;
  /** A task that ended longer ago than this must have been on a list: clocks, late entries, and a list that failed. */
  missedAfterMs: number;
  /** A process asks for a sub-application's watch at most this often. */
  ensureEveryMs: number;
  /** The watch ends when nothing has waited for this long. */
  idleEndMs: number;
  /** From one round of looks at tasks that no list showed to the next. */
  sweepEveryMs: number;
  /** Age of a task at its first such look; each further one is as far off as the task is old. */
  sweepFirstMs: number;
  /** Longest time between two such looks. */
  sweepMaxMs: number;
  /** A task was seen to be over and somebody was told: its outcome must be in the ledger after this long. */
  notifiedGraceMs: number;
  /** The same where nobody waits; a run that has just read its task books it itself. */
  unownedGraceMs: number;
  /** How long the first wait for a task waits for a watch that was just started. */
  startupMs: number;
  /** From one look of a watched wait to the next: beyond what most tasks take, since each is an action of its own. */
  watchedLookMs: number;
  watchedLookMaxMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** All of them ours; the vendor documents nothing about how late its lists are. */
export const WATCH_TIMINGS: WatchTimings = {
  intervalMs: 5_000,
  roundMs: 2 * MINUTE_MS,
  lookbackMs: 10_000,
  longLookbackEveryMs: MINUTE_MS,
  longLookbackMs: 150_000,
  freshMs: MINUTE_MS,
  provingMs: 1_000,
  distrustMs: HOUR_MS,
  missedAfterMs: 15 * MINUTE_MS,
  ensureEveryMs: 30_000,
  idleEndMs: 10 * MINUTE_MS,
  sweepEveryMs: 5_000,
  sweepFirstMs: 30 * MINUTE_MS,
  sweepMaxMs: 6 * HOUR_MS,
  notifiedGraceMs: 10 * MINUTE_MS,
  unownedGraceMs: 2 * MINUTE_MS,
  startupMs: 3_000,
  watchedLookMs: 15 * MINUTE_MS,
  watchedLookMaxMs: HOUR_MS,
};
