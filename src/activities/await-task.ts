import { Context } from '@temporalio/activity';
import { ERROR_CLASSES, retryDelayMs } from '../contract/error-classes.js';
import { VodError } from '../vod/vod-error.js';
import type { ActivityDependencies, ActivityTimings } from './dependencies.js';
import { describeError, notYet, readFailure, retryFailure } from './failures.js';

export interface AwaitTaskInput {
  subAppId: number;
  taskId: string;
  /** ISO 8601. */
  submittedAt: string;
  /** ISO 8601. The last look is made at this time. */
  deadlineAt: string;
}

/** `ended`: the vendor says that it is over, nothing about how. `deadline`: it was not over at the deadline. */
export interface AwaitTaskOutcome {
  kind: 'ended' | 'deadline';
}

/**
 * Waits for a task without holding a slot: each attempt looks once and, while the task is not over, fails to be retried
 * later. It has the fixed id `await-task`, so that an outside process may complete it sooner.
 */
export function createAwaitTask({ vod, timings }: ActivityDependencies) {
  return async function awaitTask(input: AwaitTaskInput): Promise<AwaitTaskOutcome> {
    const context = Context.current();
    const { attempt } = context.info;
    const known = { taskId: input.taskId, moneySpent: true };
    const submittedMs = Date.parse(input.submittedAt);
    const deadlineMs = Date.parse(input.deadlineAt);
    const firstLookMs = Math.min(submittedMs + timings.pollFirstMs, deadlineMs);
    // Once only: the submit's time is by another clock, and one that is ahead must not keep us from looking.
    if (attempt === 1 && Date.now() < firstLookMs) {
      const waitMs = Math.min(firstLookMs - Date.now(), timings.pollFirstMs);
      throw notYet(`Task ${input.taskId} was just submitted; first look follows.`, waitMs);
    }
    try {
      const task = await vod.describeTask(
        { subAppId: input.subAppId, taskId: input.taskId },
        { signal: context.cancellationSignal },
      );
      if (task.status === 'FINISH' || task.status === 'ABORTED') return { kind: 'ended' };
      const nowMs = Date.now();
      if (nowMs >= deadlineMs) return { kind: 'deadline' };
      const delayMs = Math.min(nextLookMs(nowMs - submittedMs, timings), deadlineMs - nowMs);
      throw notYet(`Task ${input.taskId} is ${task.status}; next look in ${Math.ceil(delayMs / 1000)} s.`, delayMs);
    } catch (error) {
      const nowMs = Date.now();
      if (error instanceof VodError) {
        if (nowMs >= deadlineMs) return { kind: 'deadline' };
        // Refused for good: the run ends and says so; its task is paid for, and a new start takes it up.
        if (ERROR_CLASSES[error.class].onRead === 'fail') throw readFailure(error, attempt, known);
        const described = describeError(error);
        const delayMs = Math.min(retryDelayMs(error.class, attempt), deadlineMs - nowMs);
        throw retryFailure(error.class, described, delayMs, known);
      }
      throw readFailure(error, attempt, known);
    }
  };
}

/**
 * Until the next look, in milliseconds: half of the time that has passed, so that a task is looked at about ten times
 * whether it takes minutes or hours. Spread by a tenth, so that a backlog's polls do not come in waves.
 */
export function nextLookMs(
  elapsedMs: number,
  { pollFirstMs, pollMaxMs }: ActivityTimings,
  random = Math.random,
): number {
  const wait = Math.min(Math.max(elapsedMs / 2, pollFirstMs), pollMaxMs);
  return wait * (0.9 + 0.2 * random());
}
