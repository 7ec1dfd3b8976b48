import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { ERROR_CLASSES, type ErrorClass } from '../contract/error-classes.js';
import { ACTIVITY } from '../contract/names.js';
import type { WorkerMetrics } from '../metrics/worker-metrics.js';

/** Logged on success too: the paid submit, and the fetch of its result. */
const LOGGED_ON_SUCCESS: ReadonlySet<string> = new Set([ACTIVITY.submit, ACTIVITY.fetchResult]);

/** Counts activity failures by class and adds the TaskId to each log line. */
export function instrumentActivities(metrics: WorkerMetrics): ActivityInterceptorsFactory {
  return (context) => {
    let taskId: string | undefined;
    return {
      inbound: {
        async execute(input, next) {
          taskId = textOf(input.args[0], 'taskId');
          const { activityType } = context.info;
          try {
            const result = await next(input);
            taskId ??= textOf(result, 'taskId');
            if (LOGGED_ON_SUCCESS.has(activityType)) {
              Context.current().log.info(`${activityType} done`, {
                outcome: textOf(result, 'kind') ?? 'done',
                requestId: textOf(result, 'requestId'),
              });
            }
            return result;
          } catch (error) {
            const errorClass = classOf(error);
            if (errorClass !== null) metrics.activityFailed(activityType, errorClass);
            throw error;
          }
        },
      },
      outbound: {
        getLogAttributes: (input, next) => next(taskId === undefined ? input : { ...input, taskId }),
      },
    };
  };
}

/** Null where the error is a cancellation or a result that is still pending. */
function classOf(error: unknown): ErrorClass | 'other' | null {
  if (error instanceof CancelledFailure) return null;
  if (!(error instanceof ApplicationFailure)) return 'other';
  if (error.category === ApplicationFailureCategory.BENIGN) return null;
  return error.type !== undefined && error.type !== null && error.type in ERROR_CLASSES
    ? (error.type as ErrorClass)
    : 'other';
}

function textOf(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found = (value as Record<string, unknown>)[name];
  return typeof found === 'string' ? found : undefined;
}
