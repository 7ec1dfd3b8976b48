import { Context } from '@temporalio/activity';
import { ERROR_CLASSES, retryDelayMs } from '../../contract/error-classes.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import { subscribe, unsubscribe } from '../completion-watch/subscription.js';
import { WATCH_TIMINGS, type WatchTimings } from '../completion-watch/timings.js';
import type { ActivityDependencies, ActivityTimings } from '../dependencies.js';
import { describeError, notYet, readFailure, retryFailure } from '../shared/failures.js';

export interface AwaitTaskInput {
  subAppId: number;
  taskId: string;
  /** ISO 8601. */
  submittedAt: string;
  /** ISO 8601. The last poll is made at this time. */
  deadlineAt: string;
}

/** `ended`: the vendor reports the task as over, not how it ended. `deadline`: it was not over at the deadline. */
export interface AwaitTaskOutcome {
  kind: 'ended' | 'deadline';
}

/** What an attempt passes to the next one, once the vendor has reported that the task is still running. */
const LOOKED = 'looked';

/**
 * Waits for a task without holding an activity slot: each attempt polls once and fails with a retry delay while the task runs.
 * The completion watch ends it by its fixed id `await-task`; while that watch is healthy, attempts skip the poll and come back
 * rarely.
 */
export function createAwaitTask(deps: ActivityDependencies) {
  return async function awaitTask(input: AwaitTaskInput): Promise<AwaitTaskOutcome> {
    const outcome = await new Look(deps, input).take();
    await unsubscribe(deps, input.taskId);
    return outcome;
  };
}

class Look {
  private readonly context = Context.current();
  private readonly submittedMs: number;
  private readonly deadlineMs: number;

  constructor(
    private readonly deps: ActivityDependencies,
    private readonly input: AwaitTaskInput,
  ) {
    this.submittedMs = Date.parse(input.submittedAt);
    this.deadlineMs = Date.parse(input.deadlineAt);
  }

  /** @throws the failure by which it is retried, while the task is not over */
  async take(): Promise<AwaitTaskOutcome> {
    const { taskId } = this.input;
    const { pollFirstMs } = this.deps.timings;
    const answer = await subscribe(this.deps, this.input);
    if (answer === 'over') return { kind: 'ended' };
    const watched = answer !== 'unwatched';
    const looks = !watched || (answer === 'unsure' && this.context.info.heartbeatDetails !== LOOKED);
    const nowMs = Date.now();
    if (!looks && nowMs < this.deadlineMs) throw this.toldLater(nowMs);
    // Only once: the submit time comes from another clock, and one that is ahead must not prevent polling.
    const firstLookMs = Math.min(this.submittedMs + pollFirstMs, this.deadlineMs);
    if (!watched && this.context.info.attempt === 1 && nowMs < firstLookMs) {
      const waitMs = Math.max(Math.min(firstLookMs - nowMs, pollFirstMs), await this.spacingMs());
      throw notYet(`Task ${taskId} was just submitted; first look follows.`, Math.min(waitMs, this.deadlineMs - nowMs));
    }
    return await this.askVendor(watched);
  }

  private async askVendor(watched: boolean): Promise<AwaitTaskOutcome> {
    const { subAppId, taskId } = this.input;
    const { vod, timings } = this.deps;
    try {
      const task = await vod.describeTask({ subAppId, taskId }, { signal: this.context.cancellationSignal });
      if (task.status === 'FINISH' || task.status === 'ABORTED') return { kind: 'ended' };
      const nowMs = Date.now();
      if (nowMs >= this.deadlineMs) return { kind: 'deadline' };
      if (watched) {
        // For the next attempt: one poll is enough, and an unanswered one does not count.
        this.context.heartbeat(LOOKED);
        throw this.toldLater(nowMs);
      }
      const pollMs = Math.max(nextLookMs(nowMs - this.submittedMs, timings), await this.spacingMs());
      const delayMs = Math.min(pollMs, this.deadlineMs - nowMs);
      throw notYet(`Task ${taskId} is ${task.status}; next look in ${Math.ceil(delayMs / 1000)} s.`, delayMs);
    } catch (error) {
      const { attempt } = this.context.info;
      const known = { taskId, moneySpent: true };
      if (!(error instanceof VodError)) throw readFailure(error, attempt, known);
      const nowMs = Date.now();
      if (nowMs >= this.deadlineMs) return { kind: 'deadline' };
      // Permanent refusal: the run fails with it. Its task is paid for, and a new start takes it up.
      if (ERROR_CLASSES[error.class].onRead === 'fail') throw readFailure(error, attempt, known);
      const delayMs = Math.min(retryDelayMs(error.class, attempt), this.deadlineMs - nowMs);
      throw retryFailure(error.class, describeError(error), delayMs, known);
    }
  }

  /** The watch ends this wait; a later attempt only checks that a watch still runs. */
  private toldLater(nowMs: number): Error {
    const timings = this.deps.watch?.timings ?? WATCH_TIMINGS;
    const delayMs = Math.min(watchedLookMs(nowMs - this.submittedMs, timings), this.deadlineMs - nowMs);
    const seconds = Math.ceil(delayMs / 1000);
    return notYet(
      `Task ${this.input.taskId} is watched; this wait looks after it in ${seconds} s at the latest.`,
      delayMs,
    );
  }

  private async spacingMs(): Promise<number> {
    return (await this.deps.watch?.running.pollSpacingMs()) ?? 0;
  }
}

/**
 * Until the next poll, in milliseconds: half of the time that has passed, so a task is polled about ten times whether it takes
 * minutes or hours. A jitter of a tenth spreads the polls of a backlog.
 */
export function nextLookMs(
  elapsedMs: number,
  { pollFirstMs, pollMaxMs }: ActivityTimings,
  random = Math.random,
): number {
  const wait = Math.min(Math.max(elapsedMs / 2, pollFirstMs), pollMaxMs);
  return wait * (0.9 + 0.2 * random());
}

/** The same for a wait that the watch will end: rarely, and never sooner than `watchedLookMs`. */
function watchedLookMs(elapsedMs: number, { watchedLookMs, watchedLookMaxMs }: WatchTimings): number {
  return Math.min(Math.max(elapsedMs, watchedLookMs), watchedLookMaxMs) * (1 + 0.1 * Math.random());
}
