import type { NormalizedEraseRequest } from '../../../contract/request.js';
import type { ActivityDependencies } from '../../dependencies.js';
import { thisRun } from '../../shared/this-run.js';

/**
 * Writes what other runs have to know before this one goes on: that it waits for a task which another run pays for, so that a cancel
 * there leaves it alone; and that it will review the result, so that nobody publishes that before.
 *
 * @throws LedgerError
 */
export async function recordWait(
  { ledger, watch }: Pick<ActivityDependencies, 'ledger' | 'watch'>,
  { subAppId, review }: NormalizedEraseRequest,
  outcome: { kind: 'running'; taskId: string; reused: boolean } | { kind: 'done'; result: { taskId: string } },
): Promise<void> {
  const run = thisRun();
  const { taskId } = outcome.kind === 'done' ? outcome.result : outcome;
  if (outcome.kind === 'running' && outcome.reused) {
    await ledger.watch.register({ ...run, subAppId, taskId, watched: watch?.running.enabled === true });
  }
  if (review !== undefined) await ledger.phases.enter(run, 'toReview', taskId);
}
