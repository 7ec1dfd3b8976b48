import { ApplicationFailure, Context } from '@temporalio/activity';
import type { BatchAction, BatchChanged } from '../../ledger/batches/batch-store.js';
import type { Ledger } from '../../ledger/index.js';
import { readFailure } from '../shared/failures.js';

export interface ChangeBatchInput {
  batchId: string;
  action: Exclude<BatchAction, 'set'>;
  by: string;
  reason: string;
}

/** Mirrors the ledger changes of the command line, for operators who decide in the Temporal UI. */
export function createChangeBatch({ ledger }: { ledger: Ledger }) {
  return async function changeBatch({ batchId, ...change }: ChangeBatchInput): Promise<string> {
    try {
      const changed = await ledger.batches.change(batchId, change);
      if (changed.kind === 'changed') return `${change.action} accepted`;
      if (changed.kind === 'same') return 'it was so already';
      const why = whyNot(changed);
      throw ApplicationFailure.create({ type: 'input', message: why, nonRetryable: true });
    } catch (error) {
      throw readFailure(error, Context.current().info.attempt);
    }
  };
}

function whyNot(changed: BatchChanged): string {
  if (changed.kind === 'none') return 'There is no such batch.';
  if (changed.kind === 'elsewhere') return `The batch belongs to the namespace ${changed.batch.namespace}.`;
  return `The batch is ${changed.batch.state}.`;
}
