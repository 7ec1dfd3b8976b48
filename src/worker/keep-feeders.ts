import type { Client } from '@temporalio/client';
import { batchWorkflowId } from '../contract/batch.js';
import type { Names } from '../contract/names.js';
import type { Ledger } from '../ledger/index.js';
import { startFeederOn } from '../temporal/feeder-start.js';

/** From one look for batches without a feeder to the next, in milliseconds. */
const KEEP_EVERY_MS = 60_000;
/** Batches that have not ended; more at once than anybody has. */
const MOST = 1_000;

/**
 * Starts the feeders of batches that have not ended, now and every while: those that somebody terminated, and those whose
 * start failed after the batch was written. Ends with `stopping`.
 */
export function keepFeeders(ledger: Ledger, client: Client, names: Names, stopping: AbortSignal): void {
  if (stopping.aborted) return;
  const look = async () => {
    for (const { id, workflowId } of await ledger.batches.list({ ended: false, limit: MOST })) {
      // One that was started under another prefix is fed under that one, or by nobody: never under two ids.
      if (workflowId === batchWorkflowId(id, names.prefix)) await startFeederOn(client, id, names);
    }
  };
  // A server that is away is noticed by everybody else; the next look may find it.
  const tryIt = () => void look().catch(() => {});
  tryIt();
  const timer = setInterval(tryIt, KEEP_EVERY_MS);
  timer.unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
}
