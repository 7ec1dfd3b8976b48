import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { MEMO } from '../contract/names.js';
import { RUN_ENDED, type SeenHold } from '../ledger/holds/hold-store.js';
import type { Ledger } from '../ledger/index.js';
import type { RunKey } from '../ledger/submissions/phase-store.js';

/** From one look for runs that are gone to the next, in milliseconds. */
const KEEP_EVERY_MS = 60_000;
/** After so many seconds a run is looked at again, by one worker. */
const LOOK_AFTER_SECONDS = 300;
/** Runs of one look, of each kind: a describe each. */
const MOST = 500;

type KeptLedger = Pick<Ledger, 'phases' | 'holds'>;

/**
 * Ends the rows of runs that are not held, in review, nor published any more: a run that was terminated or reset tells nobody
 * that it ended. Ends with `stopping`.
 */
export function keepRuns(ledger: KeptLedger, client: Client, stopping: AbortSignal): void {
  if (stopping.aborted) return;
  // A row that cannot be looked at now is looked at again later; the others have their turn.
  const tryEach = async <Run>(runs: Run[], look: (run: Run) => Promise<void>) => {
    for (const run of runs) if (!stopping.aborted) await look(run).catch(() => undefined);
  };
  const look = async () => {
    await tryEach(await ledger.holds.unseen(LOOK_AFTER_SECONDS, MOST), (hold) => keepHold(ledger, client, hold));
    await tryEach(await ledger.phases.unseen(LOOK_AFTER_SECONDS, MOST), (run) => keepPhase(ledger, client, run));
  };
  // A server that is away is noticed by everybody else; the next look may find it.
  const tryIt = () => void look().catch(() => {});
  tryIt();
  const timer = setInterval(tryIt, KEEP_EVERY_MS);
  timer.unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/** A run that was reset while it was held goes on with that hold, and does not write it again. */
async function keepHold(ledger: KeptLedger, client: Client, hold: SeenHold): Promise<void> {
  if (await openRun(client, hold.workflowId, hold.runId)) return;
  const latest = await openRun(client, hold.workflowId);
  const held = latest?.memo?.[MEMO.hold] as { since?: unknown } | undefined;
  const goesOn = latest !== null && held?.since === hold.since.toISOString();
  if (!goesOn || !(await ledger.holds.move(hold, latest.runId))) await ledger.holds.end(hold, RUN_ENDED);
}

/** The same of a review; the row is the id's, and is taken out when that is over. */
async function keepPhase({ phases }: KeptLedger, client: Client, run: RunKey): Promise<void> {
  if (await openRun(client, run.workflowId, run.runId)) return;
  const latest = await openRun(client, run.workflowId);
  const inReview = latest?.memo?.[MEMO.review] ?? null;
  if (inReview === null) await phases.leave(run);
}

/** That run, or the latest of the id, when it has not ended; else null. */
async function openRun(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<WorkflowExecutionDescription | null> {
  try {
    const described = await client.workflow.getHandle(workflowId, runId).describe();
    return described.status.name === 'RUNNING' || described.status.name === 'PAUSED' ? described : null;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
