import { Context } from '@temporalio/activity';
import type { ResultFile } from '../contract/request.js';
import type { Ledger } from '../ledger/ledger.js';
import { judgeTask } from '../vod/task-verdict.js';
import { VodError } from '../vod/vod-error.js';
import type { ActivityDependencies } from './dependencies.js';
import { finalFailure, readFailure } from './failures.js';

export interface FetchResultInput {
  subAppId: number;
  taskId: string;
  sourceFileId: string;
  makesVideo: boolean;
  /** ISO 8601. */
  submittedAt: string;
  /** ISO 8601. */
  deadlineAt: string;
}

/** The vendor tells of tasks for three days after their submit (DescribeTaskDetail). */
const VENDOR_MEMORY_MS = 72 * 3_600_000;
/** What the vendor says of a task that it does not know, or does not know any more. */
const NO_SUCH_TASK = 'ResourceNotFound';

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

/** Reads how the task ended, judges it, and writes that into the ledger. Reads only: safe to repeat. */
export function createFetchResult({ vod, ledger }: ActivityDependencies) {
  return async function fetchResult(input: FetchResultInput): Promise<FetchResultOutcome> {
    const context = Context.current();
    const known = { taskId: input.taskId, moneySpent: true };
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
        case 'unfinished':
          return { ...verdict, requestId };
        case 'failed':
          await ledger.recordOutcome(input.taskId, {
            outcome: verdict.class === 'aborted' ? 'aborted' : 'failed',
            code: verdict.code,
            message: verdict.message,
            resultFileId: null,
            result: null,
          });
          return { ...verdict, requestId };
        case 'succeeded': {
          const { resultFileId, files } = verdict;
          const finishedAt = detail.finishTime;
          await ledger.recordOutcome(input.taskId, {
            outcome: 'succeeded',
            code: null,
            message: null,
            resultFileId,
            result: { files, finishedAt, requestId },
          });
          return { kind: 'succeeded', resultFileId, files, finishedAt, requestId };
        }
      }
    } catch (error) {
      if (error instanceof VodError && error.code === NO_SUCH_TASK) await forgotten(ledger, input, error);
      throw readFailure(error, context.info.attempt, known);
    }
  };
}

/** Throws when nothing can be waited for any more; otherwise the read is repeated. */
async function forgotten(ledger: Ledger, input: FetchResultInput, error: VodError): Promise<void> {
  const nowMs = Date.now();
  if (nowMs < Date.parse(input.deadlineAt)) return;
  if (nowMs >= Date.parse(input.submittedAt) + VENDOR_MEMORY_MS) {
    // Only now is it certain that asking again will never help.
    await ledger.recordOutcome(input.taskId, {
      outcome: 'expired',
      code: error.code,
      message: error.message,
      resultFileId: null,
      result: null,
    });
  }
  throw finalFailure(
    'expired',
    {
      code: error.code,
      message: `The vendor does not know task ${input.taskId} (any more): ${error.message} It was paid for; look for the new file in the media library.`,
      requestId: error.requestId,
    },
    { taskId: input.taskId, moneySpent: true },
  );
}
