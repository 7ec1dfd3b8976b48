import { Context } from '@temporalio/activity';
import type { ResultFile } from '../../contract/request.js';
import { NOT_FOUND_CODE, VENDOR_MEMORY_MS } from '../../contract/vendor-limits.js';
import { judgeTask } from '../../tencent-vod/task-verdict.js';
import type { VodApi } from '../../tencent-vod/vod-api.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import type { ActivityDependencies } from '../dependencies.js';
import { finalFailure, notYet, readFailure } from '../shared/failures.js';
import { leavePhase } from '../shared/late-phase.js';
import { likelyResults } from './steps/likely-results.js';
import { recordTaskOutcome } from './steps/record-task-outcome.js';
import { rejectedBefore } from './steps/rejected-before.js';

export interface FetchResultInput {
  subAppId: number;
  taskId: string;
  sourceFileId: string;
  makesVideo: boolean;
  /** ISO 8601. */
  submittedAt: string;
  /** ISO 8601. */
  deadlineAt: string;
  /** The request asks for a review: a rejected result goes into review again. Undefined in histories from before. */
  reviews?: boolean;
}

/** Verdicts on a finished task whose detail is incomplete: read again, since the parts may come a moment later. */
export const INCOMPLETE: ReadonlySet<string> = new Set(['NoTaskDetail', 'NoEraseSubTask', 'SubTaskUnfinished']);
/** Reads of such a detail, spread over the settle time, before it is believed. */
const INCOMPLETE_READS = 6;

export type FetchResultOutcome =
  | {
      kind: 'succeeded';
      resultFileId: string | null;
      files: ResultFile[];
      /** ISO 8601, or null. */
      finishedAt: string | null;
      requestId: string;
    }
  | {
      kind: 'failed';
      class: 'taskFailed' | 'badResult' | 'aborted';
      code: string;
      message: string;
      requestId: string;
      worthOneMore: boolean;
    }
  | { kind: 'unfinished'; status: string; requestId: string };

/** Reads how the task ended, judges it, and records that in the ledger. Reads the vendor only: safe to repeat. */
export function createFetchResult({ vod, ledger, timings }: ActivityDependencies) {
  return async function fetchResult(input: FetchResultInput): Promise<FetchResultOutcome> {
    const context = Context.current();
    const known = { taskId: input.taskId, moneySpent: true };
    const { attempt } = context.info;
    try {
      const detail = await vod.describeTask(
        { subAppId: input.subAppId, taskId: input.taskId },
        { signal: context.cancellationSignal },
      );
      const verdict = judgeTask(detail, {
        sourceFileId: input.sourceFileId,
        makesVideo: input.makesVideo,
      });
      const { requestId } = detail;
      switch (verdict.kind) {
        case 'unfinished': {
          // The vendor's lists and details may disagree for a while, and the wait may have been ended from outside.
          const leftMs = Date.parse(input.deadlineAt) - Date.now();
          if (leftMs > 0) {
            throw notYet(`Task ${input.taskId} is ${verdict.status} still.`, Math.min(timings.pollFirstMs, leftMs));
          }
          return { ...verdict, requestId };
        }
        case 'failed':
          if (INCOMPLETE.has(verdict.code) && attempt < INCOMPLETE_READS) {
            throw notYet(`Task ${input.taskId}: ${verdict.message}`, timings.settleMs / INCOMPLETE_READS);
          }
          await recordTaskOutcome(ledger, input.taskId, verdict, detail);
          await leavePhase(ledger);
          return { ...verdict, requestId };
        case 'succeeded': {
          const { resultFileId, files } = verdict;
          await recordTaskOutcome(ledger, input.taskId, verdict, detail);
          // A run that is notified late may come after the review of another run.
          const rejected =
            input.reviews === false ? rejectedBefore(await ledger.submissions.findByTask(input.taskId)) : null;
          if (rejected !== null) throw rejected;
          return { kind: 'succeeded', resultFileId, files, finishedAt: detail.finishTime, requestId };
        }
      }
    } catch (error) {
      if (error instanceof VodError && error.code === NOT_FOUND_CODE) await forgotten({ vod, ledger }, input, error);
      if (error instanceof VodError && isPastMemory(input)) throw await expired(vod, input, error);
      throw readFailure(error, attempt, known);
    }
  };
}

/** Throws when there is nothing left to wait for; otherwise the read is repeated. */
async function forgotten(
  { vod, ledger }: Pick<ActivityDependencies, 'vod' | 'ledger'>,
  input: FetchResultInput,
  error: VodError,
): Promise<void> {
  if (Date.now() < Date.parse(input.deadlineAt)) return;
  if (isPastMemory(input)) {
    // Only now is it certain that a further read cannot help.
    await ledger.submissions.recordOutcome(input.taskId, {
      outcome: 'expired',
      code: error.code,
      message: error.message,
      resultFileId: null,
      result: null,
    });
  }
  throw await expired(vod, input, error);
}

/** Whatever the vendor answers by now, the task is not read again. */
function isPastMemory({ submittedAt }: FetchResultInput): boolean {
  return Date.now() >= Date.parse(submittedAt) + VENDOR_MEMORY_MS;
}

async function expired(vod: VodApi, input: FetchResultInput, error: VodError): Promise<Error> {
  const { taskId } = input;
  const files = await likelyResults(vod, input, Context.current().cancellationSignal);
  const where =
    files.length === 0
      ? 'look for the new file in the media library.'
      : `files that were added since under the name of its source: ${files.join(', ')}.`;
  const what = error.code === NOT_FOUND_CODE ? 'The vendor does not know' : 'The vendor did not tell in time of';
  return finalFailure(
    'expired',
    {
      code: error.code,
      message: `${what} task ${taskId} (any more): ${error.message} It was paid for; ${where}`,
      requestId: error.requestId,
    },
    { taskId, moneySpent: true },
  );
}
