import type { Output } from '../output.js';

/** Starts the dispatcher of a batch that is already in the ledger. If Temporal is unavailable, a worker starts it later. */
export async function feedBatch(output: Output, batchId: string): Promise<void> {
  const { startFeeder } = await import('../../client/batch.js');
  try {
    await startFeeder(batchId);
  } catch (error) {
    output.say(
      `Batch ${batchId} is written, and could not be started from here. A worker that can reach Temporal starts it within a minute, ` +
        `so does: smart-erase batch resume ${batchId} --reason "…"`,
    );
    throw error;
  }
}
