import { Context } from '@temporalio/activity';
import type { ActivityDependencies } from '../dependencies.js';
import { thisRun } from '../shared/this-run.js';

/** If a database clock was set back by more than this, in milliseconds, elapsed times are unknown. */
const CLOCK_STEP_MS = 1_000;

/**
 * - `over`: the task was seen to be over
 * - `watched`: this run will be notified, and need not poll the vendor
 * - `unsure`: the same, but its end may precede every further list, so one poll is needed
 * - `unwatched`: no watch would notify it
 */
export type WatchAnswer = 'over' | 'watched' | 'unsure' | 'unwatched';

/** Registers this run as waiting for the task, and returns whether the watch will notify it. Never fails. */
export async function subscribe(
  { ledger, watch }: Pick<ActivityDependencies, 'ledger' | 'watch'>,
  { subAppId, taskId }: { subAppId: number; taskId: string },
): Promise<WatchAnswer> {
  const context = Context.current();
  const watched = watch?.running.enabled === true;
  if (watched) watch.running.ensureWatchRunning(subAppId, () => context.client);
  let sure: boolean;
  try {
    const { over, knownAfterMs } = await ledger.watch.register({ ...thisRun(), subAppId, taskId, watched });
    if (!watched) return 'unwatched';
    if (over) return 'over';
    // Even if it ended right after its submit, a list with a long lookback has come since it was known.
    const { timings } = watch;
    const listedAfterMs = timings.longLookbackMs - timings.longLookbackEveryMs;
    sure = knownAfterMs !== null && knownAfterMs > -CLOCK_STEP_MS && knownAfterMs < listedAfterMs;
  } catch {
    // An unregistered run is not notified, but it can poll the vendor without the ledger.
    return 'unwatched';
  }
  const { running } = watch;
  const first = context.info.attempt === 1;
  const fresh = first ? await running.becomesFresh(subAppId) : await running.isFresh(subAppId);
  if (!fresh) return 'unwatched';
  return sure ? 'watched' : 'unsure';
}

/** The wait is over. A stale registration is harmless: its task is over. */
export async function unsubscribe({ ledger }: Pick<ActivityDependencies, 'ledger'>, taskId: string): Promise<void> {
  const { workflowId } = thisRun();
  await ledger.watch.removeWaiters([{ taskId, workflowId }]).catch(() => undefined);
}
