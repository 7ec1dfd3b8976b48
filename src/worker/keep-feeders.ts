import type { Client } from '@temporalio/client';
import { batchWorkflowId } from '../contract/batch.js';
import type { Names } from '../contract/names.js';
import type { Ledger } from '../ledger/index.js';
import { startFeederOn } from '../temporal/feeder-start.js';

/** Interval of the search for batches without a running dispatcher, in milliseconds. */
const KEEP_EVERY_MS = 60_000;
/** Limit of open batches read at once; more than any installation has. */
const MOST = 1_000;

/**
 * Starts the batch dispatchers of open batches, now and periodically: after a termination, or a start that failed after the batch
 * was written. Ends with `stopping`.
 */
export function keepFeeders(ledger: Ledger, client: Client, names: Names, stopping: AbortSignal): void {
  if (stopping.aborted) return;
  const look = async () => {
    for (const { id, workflowId } of await ledger.batches.list({ ended: false, limit: MOST })) {
      // Each batch is dispatched only under the prefix with which it was started, never under two workflow ids.
      if (workflowId === batchWorkflowId(id, names.prefix)) await startFeederOn(client, id, names);
    }
  };
  // Other parts report an unavailable server; the next attempt follows.
  const tryIt = () => void look().catch(() => {});
  tryIt();
  const timer = setInterval(tryIt, KEEP_EVERY_MS);
  timer.unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
}
