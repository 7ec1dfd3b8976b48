import type { Output } from '../output.js';

/** Starts what feeds a batch that stands in the ledger by now: where Temporal is away, it is fed later. */
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
