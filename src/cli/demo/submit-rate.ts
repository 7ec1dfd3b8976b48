import type { LoggedCall } from './simulator-admin.js';

/** The vendor's code for too many calls; such a call was not executed. */
const REFUSED = /^RequestLimitExceeded/;

export interface SubmitNumbers {
  /** Accepted submits of the whole run. */
  submits: number;
  /** (N − 1) / (last − first), over the backlog's accepted submits. */
  submitsPerSecond: number;
  /** Maximum number of calls let through in any sliding second of the run. */
  maxInOneSecond: number;
  /** Calls refused because of the rate limit. */
  refusals: number;
}

/** Computes the figures from the simulator's log of ProcessMediaByMPS. */
export function submitNumbers(calls: readonly LoggedCall[], backlog: ReadonlySet<string>): SubmitNumbers {
  const accepted = calls.filter(({ outcome }) => outcome === 'ok');
  const ofBacklog = accepted.filter(({ fileId }) => fileId !== null && backlog.has(fileId)).map(({ at }) => at);
  const counted = calls.filter(({ outcome }) => !REFUSED.test(outcome)).map(({ at }) => at);
  return {
    submits: accepted.length,
    submitsPerSecond: rate(ofBacklog),
    maxInOneSecond: mostInOneSecond(counted),
    refusals: calls.length - counted.length,
  };
}

/** Events per second, to two digits; 0 for fewer than two events. */
export function rate(times: readonly number[]): number {
  if (times.length < 2) return 0;
  const spanMs = Math.max(...times) - Math.min(...times);
  return spanMs === 0 ? 0 : Math.round(((times.length - 1) / spanMs) * 100_000) / 100;
}

export function mostInOneSecond(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  let most = 0;
  let first = 0;
  for (const [index, at] of sorted.entries()) {
    while (at - (sorted[first] ?? at) >= 1_000) first++;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
