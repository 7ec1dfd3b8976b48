import { type Kysely, sql } from 'kysely';
import type { NormalizedEraseRequest } from '../../contract/request.js';
import { jsonText } from '../db/parameters.js';
import type { LedgerDatabase } from '../db/schema.js';

/** An erase that carries a batch's id without being an item of it: a retry by another recipe, or one that a caller started. */
export interface JoiningErase {
  batchId: string;
  workflowId: string;
  /** Null while its run is about to be started. */
  runId: string | null;
  request: NormalizedEraseRequest;
  recipeHash: string;
  /** USD; null while it is not known. */
  estimatedUsd: number | null;
}

/**
 * Makes an erase an item of the batch that it names, so that count, cost, budget, end and report include it. Repeating it changes
 * nothing. The batch's row is locked: a batch never ends while an item joins it.
 *
 * @returns false when the batch has ended, or there is none
 */
export async function joinBatch(
  trx: Kysely<LedgerDatabase>,
  { batchId, workflowId, runId, request, recipeHash, estimatedUsd }: JoiningErase,
): Promise<boolean> {
  const batch = await trx.selectFrom('batch').select('state').where('id', '=', batchId).forUpdate().executeTakeFirst();
  if (batch === undefined || batch.state === 'ended') return false;
  const { numAffectedRows } = await sql`
    insert into batch_item (batch_id, number, sub_app_id, file_id, recipe_hash, workflow_id, request, estimated_usd, state,
                            run_id, started_at)
    select ${batchId}, coalesce(max(number), 0) + 1, ${request.subAppId}::bigint, ${request.fileId}, ${recipeHash}, ${workflowId},
      ${jsonText(request)}::jsonb, ${estimatedUsd}::numeric, 'running', ${runId}, clock_timestamp()
    from batch_item where batch_id = ${batchId}
    on conflict (batch_id, workflow_id) do nothing`.execute(trx);
  if ((numAffectedRows ?? 0n) > 0n) {
    await sql`update batch set total = total + 1 where id = ${batchId}`.execute(trx);
  }
  return true;
}
