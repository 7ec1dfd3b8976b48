import type { LatePhase } from '../../ledger/db/schema.js';
import type { Ledger } from '../../ledger/index.js';
import { thisRun } from './this-run.js';

/** Records for monitoring that this run is past its task. Never fails: a metric must not stop an erase. */
export async function enterPhase(
  { phases }: Pick<Ledger, 'phases'>,
  phase: Exclude<LatePhase, 'toReview'>,
  taskId: string | null,
): Promise<void> {
  await phases.enter(thisRun(), phase, taskId).catch(() => undefined);
}

/** `keepRuns` removes rows that stay behind after a ledger outage. */
export async function leavePhase({ phases }: Pick<Ledger, 'phases'>): Promise<void> {
  await phases.leave(thisRun()).catch(() => undefined);
}
