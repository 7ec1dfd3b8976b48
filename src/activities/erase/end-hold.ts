import { Context } from '@temporalio/activity';
import type { NormalizedEraseRequest, OperatorDecision } from '../../contract/request.js';
import type { Ledger } from '../../ledger/index.js';
import type { ActivityDependencies } from '../dependencies.js';
import { readFailure } from '../shared/failures.js';
import { thisRun } from '../shared/this-run.js';
import type { HeldByBreaker, Hold } from './steps/submit-outcome.js';

/**
 * Writes into the ledger that this run waits for an operator, so that `resume` finds it without Temporal's visibility. Returns
 * when the hold began.
 */
export async function recordHold(
  ledger: Ledger,
  request: Pick<NormalizedEraseRequest, 'subAppId' | 'fileId' | 'batchId'>,
  stage: 'submit' | 'publish',
  hold: Hold,
): Promise<void> {
  const since = await ledger.holds.record({
    ...thisRun(),
    subAppId: request.subAppId,
    fileId: request.fileId,
    batchId: request.batchId ?? null,
    stage,
    class: hold.class,
    code: hold.code,
    message: hold.message,
    requestId: hold.requestId,
    submission: hold.submission,
    askedAt: new Date(Context.current().info.scheduledTimestampMs),
  });
  hold.since = since?.toISOString();
}

export interface EndHoldInput {
  /** `resolved`: the run found the outcome without an operator; `cancel`: it was cancelled. */
  as: 'retry' | 'skip' | 'abort' | 'cancel' | 'resolved';
  /** Null when no person decided. */
  decision: OperatorDecision | null;
  /** With a retry: the breaker that held the run. */
  breaker?: HeldByBreaker;
}

/**
 * Keeps who ended a hold, and why, whichever client ended it. A retry closes the breaker that the operator saw, and none that
 * opened since.
 */
export function createEndHold({ ledger }: ActivityDependencies) {
  return async function endHold({ as, decision, breaker }: EndHoldInput): Promise<void> {
    try {
      if (as === 'retry' && decision !== null && breaker !== undefined) {
        const { scope, openedAt } = breaker;
        await ledger.breakers.close({ scope, openedAt: new Date(openedAt) }, decision);
      }
      await ledger.holds.end(thisRun(), { as, by: decision?.by ?? null, reason: decision?.reason ?? null });
    } catch (error) {
      throw readFailure(error, Context.current().info.attempt);
    }
  };
}
