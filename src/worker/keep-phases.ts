import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Ledger } from '../ledger/ledger.js';
import type { RunKey } from '../ledger/phase-store.js';

/** From one look for runs that are gone to the next, in milliseconds. */
const KEEP_EVERY_MS = 60_000;
/** After so many seconds a run is looked at again, by one worker. */
const LOOK_AFTER_SECONDS = 300;
/** Runs of one look: a describe each. */
const MOST = 100;

/**
 * Takes out of the books what is not in review, nor published, any more: runs that were terminated or reset tell nobody that they
 * ended. Ends with `stopping`.
 */
export function keepPhases({ phases }: Pick<Ledger, 'phases'>, client: Client, stopping: AbortSignal): void {
  if (stopping.aborted) return;
  const look = async () => {
    for (const run of await phases.unseen(LOOK_AFTER_SECONDS, MOST)) {
      // One that cannot be looked at now is looked at again later; the others have their turn.
      const open = await isOpen(client, run).catch(() => true);
      if (!open) await phases.leave(run);
    }
  };
  // A server that is away is noticed by everybody else; the next look may find it.
  const tryIt = () => void look().catch(() => {});
  tryIt();
  const timer = setInterval(tryIt, KEEP_EVERY_MS);
  timer.unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
}

async function isOpen(client: Client, { workflowId, runId }: RunKey): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(workflowId, runId).describe();
    return status.name === 'RUNNING' || status.name === 'PAUSED';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
