import type { NormalizedEraseRequest } from '../../../contract/request.js';
import type { ActivityDependencies } from '../../dependencies.js';
import { thisRun } from '../../shared/this-run.js';

/**
 * Records what other runs must know: that this run waits for a task which another run pays for, so that a cancel there does not
 * abort it; and that it will review the result, so that no other run publishes before that.
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
