import type { Client } from '@temporalio/client';
import { batchWorkflowId } from '../contract/batch.js';
import { type Names, WORKFLOW } from '../contract/names.js';

/**
 * Starts the dispatcher workflow of a batch, unless it runs. Safe to repeat: the dispatcher continues from the ledger, and ends
 * at once where the batch has ended.
 */
export async function startFeederOn(client: Client, batchId: string, { prefix, queue }: Names): Promise<void> {
  await client.workflow.start(WORKFLOW.batch, {
    workflowId: batchWorkflowId(batchId, prefix),
    taskQueue: queue.main,
    args: [{ batchId }],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: `Feeds batch ${batchId}`,
    staticDetails:
      'Starts the erases of a batch within its limits, and counts how they end. Its items stand in the ledger.',
  });
}
