/** All in milliseconds. A test may shorten them; only the interval is a setting. */
export interface WatchTimings {
  /** From one list to the next. */
  intervalMs: number;
  /** How long one activity of the watch runs before the workflow shows its findings. */
  roundMs: number;
  /** Each list begins this long before the position reached, to include tasks that the vendor lists late. */
  lookbackMs: number;
  /** From one list with a longer lookback to the next, and that lookback. */
  longLookbackEveryMs: number;
  longLookbackMs: number;
  /** A list completed within this time is trusted: runs that wait need not poll the vendor. */
  freshMs: number;
  /** From one list to the next at the start, while none has shown a task of ours yet. */
  provingMs: number;
  /** After a list was found to have omitted a task, none is trusted for this long. */
  distrustMs: number;
  /** A task that ended longer ago than this must have been listed, allowing for clock skew, late entries, and a failed list. */
  missedAfterMs: number;
  /** Shortest time between two requests of a process to start a sub-application's watch. */
  ensureEveryMs: number;
  /** The watch ends when nothing has waited for this long. */
  idleEndMs: number;
  /** From one sweep over tasks that no list showed to the next. */
  sweepEveryMs: number;
  /** Age of a task at its first such read; the next one comes after as long again. */
  sweepFirstMs: number;
  /** Longest time between two such reads. */
  sweepMaxMs: number;
  /** A task was seen to be over and a run was notified: its outcome must be in the ledger after this long. */
  notifiedGraceMs: number;
  /** The same where no run waits; a run that has just read its task records the outcome itself. */
  unownedGraceMs: number;
  /** How long the first wait for a task waits for a watch that was just started. */
  startupMs: number;
  /** From one poll of a watched wait to the next: beyond what most tasks take, since each is a billed action. */
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
