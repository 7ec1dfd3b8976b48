import { Context } from '@temporalio/activity';
import { recipeHash } from '../../contract/identity.js';
import type { NormalizedEraseRequest, RecipeRequest } from '../../contract/request.js';
import type { Ledger } from '../../ledger/index.js';
import type { ActivityDependencies } from '../dependencies.js';
import { readFailure } from '../shared/failures.js';
import { leavePhase } from '../shared/late-phase.js';
import { thisRun } from '../shared/this-run.js';

export interface RecordReviewInput {
  decision: 'approve' | 'reject';
  /** Null when the review expired. */
  by: string | null;
  reason: string;
  taskId: string;
  sourceFileId: string;
  resultFileId: string | null;
  /** The erase that follows with another recipe; `existed` when there was one already. */
  retry: { workflowId: string; recipe: RecipeRequest; existed: boolean; request?: NormalizedEraseRequest } | null;
}

/**
 * Keeps who decided on a result, and why, beyond Temporal's retention, and stores it with the result: a rejection applies to the
 * next request for it. Null `by`: the review expired.
 */
export function createRecordReview({ ledger }: ActivityDependencies) {
  return async function recordReview({ decision, by, reason, retry, ...result }: RecordReviewInput): Promise<void> {
    const { workflowId, runId } = thisRun();
    const action = decision === 'approve' ? 'review-approved' : 'review-rejected';
    const details = { ...result, retry: retry && { ...retry, request: undefined } };
    try {
      // Recorded before this run ends, and possibly its batch: the erase that follows is counted in the batch, which waits for
      // it.
      if (retry?.request?.batchId !== undefined) await joinBatch(ledger, retry.workflowId, retry.request);
      await ledger.submissions.recordReview(result.taskId, { decision, by, reason });
      await ledger.audit.write({ action, subject: workflowId, by, reason, details: { runId, ...details }, once: true });
      await leavePhase(ledger);
    } catch (error) {
      throw readFailure(error, Context.current().info.attempt);
    }
  };
}

async function joinBatch(ledger: Ledger, workflowId: string, request: NormalizedEraseRequest): Promise<void> {
  const { batchId = '', recipe } = request;
  const erase = { batchId, workflowId, runId: null, request, recipeHash: recipeHash(recipe), estimatedUsd: null };
  await ledger.batches.join(erase);
}
