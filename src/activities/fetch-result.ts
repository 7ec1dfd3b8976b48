import { Context } from '@temporalio/activity';
import { RECIPES, type RecipeName } from '../contract/recipes.js';
import type { ResultFile } from '../contract/request.js';
import { judgeTask } from '../vod/task-verdict.js';
import { VodError } from '../vod/vod-error.js';
import type { ActivityDependencies } from './dependencies.js';
import { finalFailure, readFailure } from './failures.js';

export interface FetchResultInput {
  subAppId: number;
  taskId: string;
  sourceFileId: string;
  recipeName: string;
}

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
        makes: RECIPES[input.recipeName as RecipeName]?.makes ?? ['video'],
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
      if (error instanceof VodError && error.class === 'input') {
        // The vendor no longer knows the task: what it made, if anything, is only in the media library.
        await ledger.recordOutcome(input.taskId, {
          outcome: 'expired',
          code: error.code,
          message: error.message,
          resultFileId: null,
          result: null,
        });
        throw finalFailure(
          'expired',
          {
            code: error.code,
            message: `Task ${input.taskId} is not known to the vendor any more: ${error.message} It was paid for; look for the new file in the media library.`,
            requestId: error.requestId,
          },
          known,
        );
      }
      throw readFailure(error, context.info.attempt, known);
    }
  };
}
