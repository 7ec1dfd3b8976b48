import type { LatePhase } from '../../ledger/db/schema.js';
import type { Ledger } from '../../ledger/index.js';
import { thisRun } from './this-run.js';

/** Notes for those who watch over erases that this run is past its task. Never fails: no erase stops for a number in a graph. */
export async function enterPhase(
  { phases }: Pick<Ledger, 'phases'>,
  phase: Exclude<LatePhase, 'toReview'>,
  taskId: string | null,
): Promise<void> {
  await phases.enter(thisRun(), phase, taskId).catch(() => undefined);
}

/** What is left behind by a ledger that is away, `keepRuns` takes out. */
export async function leavePhase({ phases }: Pick<Ledger, 'phases'>): Promise<void> {
  await phases.leave(thisRun()).catch(() => undefined);
}
