import { BATCH_BUDGET, type BatchItemEndState, NOT_STARTED } from '../../contract/batch.js';
import { isErrorClass } from '../../contract/error-classes.js';
import type { EraseFailureDetails, NormalizedEraseRequest } from '../../contract/request.js';
import type { BatchFeedStore, ItemEnd, OpenItem } from '../../ledger/batches/batch-feed-store.js';
import type { EraseRuns, RunSeen } from '../../temporal/erase-runs.js';
import { forEach } from '../shared/for-each.js';

/** Concurrent reads: each is one describe call to the Temporal server. */
const LOOKS_AT_ONCE = 16;

/**
 * Describes the runs of open items and settles those that ended. Each is read by id, which is consistent at once: visibility
 * lists lag, and omit why a run failed. Runs not read by `untilMs` stay scheduled.
 *
 * @returns how many ended
 * @throws the first error, after the other results are recorded: one failed read of hundreds must not stop the batch
 */
export async function settleFinishedRuns(
  { feed, runs }: { feed: BatchFeedStore; runs: EraseRuns },
  batchId: string,
  items: readonly OpenItem[],
  untilMs?: number,
): Promise<number> {
  const ends: ItemEnd[] = [];
  const open: { number: number; runId: string }[] = [];
  const restart: OpenItem[] = [];
  const anew: { number: number; runId: string }[] = [];
  let ended = 0;
  try {
    await forEach(items, { atOnce: LOOKS_AT_ONCE, untilMs }, async (item) => {
      const seen = await lookAtRun(runs, item);
      const isBegun = seen.kind !== 'gone' && (item.runId !== null || seen.batchId === batchId);
      // Whether another caller's run does what this item asks for is decided when the item is started.
      if (!isBegun) item.runId === null ? restart.push(item) : ends.push(goneEnd(item));
      else if (item.runId === null && foundNoBudget(seen)) restart.push(item);
      else if (seen.kind === 'ended' && item.runId !== null && startsAnew(seen, item, batchId))
        anew.push({ number: item.number, runId: item.runId });
      else if (seen.kind === 'ended') ends.push(endOf(item.number, seen));
      else if (item.cancelAsked && seen.batchId !== batchId) ends.push(leftToOthers(item.number, seen));
      else open.push({ number: item.number, runId: seen.runId });
    });
  } finally {
    // Claimed by a dispatcher that died before it started them: they are pending again, and a cancel finds them there.
    await feed.releaseClaim(batchId, restart);
    await feed.requeue(batchId, anew);
    await feed.looked(batchId, open);
    ended = await feed.settle(batchId, ends);
  }
  return ended;
}

/**
 * The run that an item waits for: its own, in its current run. A later run by another caller counts only if Temporal no longer
 * has the own one, and only with a result: a cancelled item must not wait for the next caller of that erase.
 */
export async function lookAtRun(
  runs: EraseRuns,
  { workflowId, runId }: Pick<OpenItem, 'workflowId' | 'runId'>,
): Promise<RunSeen> {
  if (runId === null) return await runs.look(workflowId);
  const own = await runs.look(workflowId, runId);
  if (own.kind !== 'gone') return own;
  const latest = await runs.look(workflowId);
  return latest.kind === 'ended' && latest.failure === null ? latest : own;
}

/** Its caller cancelled it; this batch, which found it running, still wants it. */
function wasCancelledForOthers(seen: RunSeen, { cancelAsked }: OpenItem, batchId: string): boolean {
  return seen.kind === 'ended' && seen.failure?.class === 'cancelled' && seen.batchId !== batchId && !cancelAsked;
}

function startsAnew(seen: RunSeen, item: OpenItem, batchId: string): boolean {
  return wasCancelledForOthers(seen, item, batchId) || foundNoBudget(seen);
}

/** Nothing was sent: the item waits until the budget of the batch has room for its actual cost. */
function foundNoBudget(seen: RunSeen): boolean {
  return seen.kind === 'ended' && seen.failure?.class === 'cap' && seen.failure.code === BATCH_BUDGET;
}

function endOf(number: number, seen: Extract<RunSeen, { kind: 'ended' }>): ItemEnd {
  const { runId, closedAt: endedAt, result, failure } = seen;
  const end = { number, runId, endedAt };
  if (failure === null) {
    const { taskId = null, resultFileId = null, requestId = null } = result ?? {};
    return { ...end, ...NOTHING, state: 'succeeded', taskId, resultFileId, requestId };
  }
  return { ...end, ...failureEnd(failure) };
}

const NOTHING = {
  taskId: null,
  resultFileId: null,
  errorClass: null,
  errorCode: null,
  errorMessage: null,
  requestId: null,
};

const STATE_OF: Partial<Record<string, BatchItemEndState>> = {
  expired: 'timedOut',
  skipped: 'skipped',
  cancelled: 'cancelled',
};

function failureEnd(failure: EraseFailureDetails) {
  return {
    state: STATE_OF[failure.class] ?? ('failed' as const),
    taskId: failure.taskId,
    resultFileId: failure.resultFileId ?? null,
    errorClass: isErrorClass(failure.class) ? failure.class : 'unexpected',
    errorCode: failure.code,
    errorMessage: failure.message,
    requestId: failure.requestId,
  };
}

/** Its run existed, and Temporal no longer has it: deleted, or past the retention of the namespace. */
function goneEnd({ number, runId, workflowId }: OpenItem): ItemEnd {
  return {
    ...NOTHING,
    number,
    runId,
    endedAt: null,
    state: 'failed',
    errorClass: 'unexpected',
    errorCode: 'RunGone',
    errorMessage: `Temporal no longer has ${workflowId}. The ledger knows what was paid: starting it again does not pay twice.`,
  };
}

/** An item of a cancelled batch whose run belongs to another caller, and continues. */
export function leftToOthers(number: number, { runId, batchId }: Extract<RunSeen, { kind: 'open' }>): ItemEnd {
  const whose = batchId === null ? 'for a caller of its own' : `for the batch ${batchId}`;
  return {
    ...NOTHING,
    number,
    runId,
    endedAt: null,
    state: 'skipped',
    errorClass: 'skipped',
    errorCode: NOT_STARTED,
    errorMessage: `The batch was cancelled; this erase runs ${whose}, and goes on.`,
  };
}

/** Items that cannot be started because of Temporal, or of a run with the same id. */
export function refusedEnd(number: number, errorClass: 'input' | 'conflict', message: string): ItemEnd {
  return {
    ...NOTHING,
    number,
    runId: null,
    endedAt: null,
    state: 'failed',
    errorClass,
    errorCode: null,
    errorMessage: message,
  };
}

/** The request as stored, with the batch's id: it identifies a run as this batch's. */
export function requestOf(batchId: string, request: unknown): NormalizedEraseRequest {
  return { ...(request as NormalizedEraseRequest), batchId };
}
