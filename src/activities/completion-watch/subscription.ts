import { Context } from '@temporalio/activity';
import type { ActivityDependencies } from '../dependencies.js';
import { thisRun } from '../shared/this-run.js';

/** A database whose clock was set back by more than this, in milliseconds, does not know how long anything took. */
const CLOCK_STEP_MS = 1_000;

/**
 * - `over`: the task was seen to be over
 * - `watched`: this run is told when it is, so that it need not ask the vendor
 * - `unsure`: the same, but its end may be past already, and no list show it any more: one look tells
 * - `unwatched`: nobody would tell it
 */
export type WatchAnswer = 'over' | 'watched' | 'unsure' | 'unwatched';

/** Registers this run as waiting for the task, watch or not, and says whether the watch will tell it. Never fails. */
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
    // Had it ended right after its submit, a list that reaches far back would have come after it was known.
    const { timings } = watch;
    const listedAfterMs = timings.longLookbackMs - timings.longLookbackEveryMs;
    sure = knownAfterMs !== null && knownAfterMs > -CLOCK_STEP_MS && knownAfterMs < listedAfterMs;
  } catch {
    // Not registered, it would not be told; the vendor can be asked without the ledger.
    return 'unwatched';
  }
  const { running } = watch;
  const first = context.info.attempt === 1;
  const fresh = first ? await running.becomesFresh(subAppId) : await running.isFresh(subAppId);
  if (!fresh) return 'unwatched';
  return sure ? 'watched' : 'unsure';
}

/** The wait is over. One that stays registered is harmless: its task is over. */
export async function unsubscribe({ ledger }: Pick<ActivityDependencies, 'ledger'>, taskId: string): Promise<void> {
  const { workflowId } = thisRun();
  await ledger.watch.removeWaiters([{ taskId, workflowId }]).catch(() => undefined);
}
