/** What the simulator's door saw, counted. Times are milliseconds since the epoch, by the simulator's process. */
import type { AdminTask, Call, CallDetail } from '../../src/simulator/index.js';
import { type PacedAction, SUBMIT_ACTION } from '../../src/tencent-vod/rates.js';

/** The vendor's limit: ProcessMediaByMPS calls in a second (its API document). */
export const LIMIT_PER_SECOND = 20;
const WINDOW_MS = 1_000;
/** Calls that are this close together come in a burst. */
export const BURST_MS = 100;
const DETAIL_ACTION: PacedAction = 'DescribeTaskDetail';

export interface Submits {
  /** When each accepted submit arrived, ascending. A submit with a TaskId was accepted, even if its answer was lost. */
  accepted: number[];
  /** When each one arrived that was refused for the rate. */
  refused: number[];
  /** When each arrived, whatever the answer, ascending. */
  offered: number[];
}

export function submitsAmong(calls: readonly Call[]): Submits {
  const submits = calls.filter(({ action }) => action === SUBMIT_ACTION);
  const times = (some: readonly Call[]) => some.map(({ at }) => at).sort((a, b) => a - b);
  return {
    accepted: times(submits.filter(({ taskId }) => taskId !== null)),
    refused: times(submits.filter(({ outcome }) => outcome.startsWith('RequestLimitExceeded'))),
    offered: times(submits),
  };
}

/** (N−1)/(last−first), in calls a second; null for fewer than two. */
export function ratePerSecond(times: readonly number[]): number | null {
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined || last === first) return null;
  return ((times.length - 1) / (last - first)) * 1_000;
}

/** The most in any sliding second, counted as the door counts: two calls exactly a second apart are not in one. */
export const mostInASecond = (times: readonly number[]): number => mostWithin(times, WINDOW_MS);

/** The most in any sliding `windowMs`; times ascending. */
export function mostWithin(times: readonly number[], windowMs: number): number {
  let most = 0;
  let from = 0;
  for (let to = 0; to < times.length; to += 1) {
    while ((times[from] ?? 0) <= (times[to] ?? 0) - windowMs) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

/** How many of `times` lie in [fromMs, beforeMs). */
export function countWithin(times: readonly number[], fromMs: number, beforeMs: number): number {
  return times.filter((at) => at >= fromMs && at < beforeMs).length;
}

/** A rate counts as back when this long a stretch has it. */
export const STEADY_MS = 5_000;

/** Seconds from `eventMs` to the start of the first 5 s that have at least `perSecond`; null when there are none. */
export function secondsUntilRate(times: readonly number[], eventMs: number, perSecond: number): number | null {
  const needed = Math.ceil(perSecond * (STEADY_MS / 1_000));
  for (let at = 0; at + needed - 1 < times.length; at += 1) {
    const first = times[at] ?? 0;
    if (first >= eventMs && (times[at + needed - 1] ?? 0) - first < STEADY_MS) return (first - eventMs) / 1_000;
  }
  return null;
}

export interface Payments {
  /** Accepted submits beyond the first of each file: paid twice. */
  duplicates: number;
  /** Files that were never accepted. */
  never: number;
}

export function paymentsOf(calls: readonly Call[], fileIds: readonly string[]): Payments {
  const accepted = new Map<string, number>(fileIds.map((fileId) => [fileId, 0]));
  for (const { action, fileId, taskId } of calls) {
    const known = fileId === null ? undefined : accepted.get(fileId);
    if (action === SUBMIT_ACTION && taskId !== null && fileId !== null && known !== undefined)
      accepted.set(fileId, known + 1);
  }
  const counts = [...accepted.values()];
  return {
    duplicates: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    never: counts.filter((count) => count === 0).length,
  };
}

/** Calls by action, refused ones too. */
export function callsByAction(calls: readonly Call[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { action } of calls) counts.set(action, (counts.get(action) ?? 0) + 1);
  return counts;
}

/**
 * Milliseconds from the vendor's finish of each task to the first look at its detail after that: by then whoever made the
 * task has noticed. The same measure for every program, whatever it is built on.
 */
export function noticedAfterMs(tasks: readonly AdminTask[], calls: readonly CallDetail[]): number[] {
  const looks = new Map<string, number[]>();
  for (const { action, taskId, at } of calls) {
    if (action !== DETAIL_ACTION || taskId === null) continue;
    const known = looks.get(taskId);
    if (known === undefined) looks.set(taskId, [at]);
    else known.push(at);
  }
  return tasks.flatMap(({ taskId, finishedAt }) => {
    if (finishedAt === null) return [];
    const first = looks.get(taskId)?.find((at) => at >= finishedAt);
    return first === undefined ? [] : [first - finishedAt];
  });
}
