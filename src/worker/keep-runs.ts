import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { MEMO } from '../contract/names.js';
import { RUN_ENDED, type SeenHold } from '../ledger/holds/hold-store.js';
import type { Ledger } from '../ledger/index.js';
import type { RunKey } from '../ledger/submissions/phase-store.js';

/** Interval of the search for ended runs, in milliseconds. */
const KEEP_EVERY_MS = 60_000;
/** Seconds until a run is checked again, by one worker. */
const LOOK_AFTER_SECONDS = 300;
/** Runs of each kind in one pass: each costs a describe call. */
const MOST = 500;

type KeptLedger = Pick<Ledger, 'phases' | 'holds'>;

/**
 * Ends the rows of runs that are no longer held, in review or publishing: a terminated or reset run does not end them itself.
 * Ends with `stopping`.
 */
export function keepRuns(ledger: KeptLedger, client: Client, stopping: AbortSignal): void {
  if (stopping.aborted) return;
  // A row whose check fails is checked again later, without stopping the others.
  const tryEach = async <Run>(runs: Run[], look: (run: Run) => Promise<void>) => {
    for (const run of runs) if (!stopping.aborted) await look(run).catch(() => undefined);
  };
  const look = async () => {
    await tryEach(await ledger.holds.unseen(LOOK_AFTER_SECONDS, MOST), (hold) => keepHold(ledger, client, hold));
    await tryEach(await ledger.phases.unseen(LOOK_AFTER_SECONDS, MOST), (run) => keepPhase(ledger, client, run));
  };
  // Other parts report an unavailable server; the next attempt follows.
  const tryIt = () => void look().catch(() => {});
  tryIt();
  const timer = setInterval(tryIt, KEEP_EVERY_MS);
  timer.unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/** A run reset while held continues with the same hold, and does not write it again. */
async function keepHold(ledger: KeptLedger, client: Client, hold: SeenHold): Promise<void> {
  if (await openRun(client, hold.workflowId, hold.runId)) return;
  const latest = await openRun(client, hold.workflowId);
  const held = latest?.memo?.[MEMO.hold] as { since?: unknown } | undefined;
  const goesOn = latest !== null && held?.since === hold.since.toISOString();
  if (!goesOn || !(await ledger.holds.move(hold, latest.runId))) await ledger.holds.end(hold, RUN_ENDED);
}

/** The same for a review: its row belongs to the workflow id, and is removed once the review is over. */
async function keepPhase({ phases }: KeptLedger, client: Client, run: RunKey): Promise<void> {
  if (await openRun(client, run.workflowId, run.runId)) return;
  const latest = await openRun(client, run.workflowId);
  const inReview = latest?.memo?.[MEMO.review] ?? null;
  if (inReview === null) await phases.leave(run);
}

/** That run, or the latest of the workflow id, if it is open; else null. */
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
