import { Context } from '@temporalio/activity';
import type { ActivityDependencies } from './dependencies.js';
import { thisRun } from './this-run.js';

/**
 * - `over`: the task was seen to be over
 * - `watched`: this run is told when it is, so that it need not ask the vendor
 * - `unwatched`: nobody would tell it
 */
export type WatchAnswer = 'over' | 'watched' | 'unwatched';

/** Registers this run as waiting for the task, and says whether the watch will tell it. Never fails. */
export async function askWatch(
  { ledger, watch }: Pick<ActivityDependencies, 'ledger' | 'watch'>,
  { subAppId, taskId }: { subAppId: number; taskId: string },
): Promise<WatchAnswer> {
  if (watch === undefined || !watch.keeper.enabled) return 'unwatched';
  const { keeper } = watch;
  const context = Context.current();
  keeper.keep(subAppId, () => context.client);
  try {
    const { over } = await ledger.watch.register({ ...thisRun(), subAppId, taskId });
    if (over) return 'over';
  } catch {
    // Not registered, it would not be told; the vendor can be asked without the ledger.
    return 'unwatched';
  }
  const first = context.info.attempt === 1;
  const fresh = first ? await keeper.becomesFresh(subAppId) : await keeper.isFresh(subAppId);
  return fresh ? 'watched' : 'unwatched';
}

/** The wait is over. One that stays registered is harmless: the watch finds nobody there. */
export async function leaveWatch(
  { ledger, watch }: Pick<ActivityDependencies, 'ledger' | 'watch'>,
  taskId: string,
): Promise<void> {
  if (watch === undefined || !watch.keeper.enabled) return;
  const { workflowId } = thisRun();
  await ledger.watch.removeWaiters([{ taskId, workflowId }]).catch(() => undefined);
}
