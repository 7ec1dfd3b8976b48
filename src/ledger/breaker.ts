import type { SubmissionKey } from './submission-key.js';

/**
 * What the breaker covers: the calls of one sub-application, or all calls of the account. A breaker that is closed has
 * no row.
 */
export type BreakerScope = 'account' | `sub-app/${number}`;

export interface Breaker {
  scope: BreakerScope;
  /** `open`: nothing is sent. `probing`: one submit is out, and decides. */
  state: 'open' | 'probing';
  class: string;
  code: string;
  message: string;
  requestId: string | null;
  openedAt: Date;
  /** The run whose refusal opened it. */
  workflowId: string;
  probe: SubmissionKey | null;
  probeAt: Date | null;
}

/** A probe that told nothing for this long (its worker died, its run was ended) makes room for another, in milliseconds. */
export const PROBE_LEASE_MS = 5 * 60_000;

/** Which breakers cover a submit. */
export function scopesOf(subAppId: number): BreakerScope[] {
  return ['account', `sub-app/${subAppId}`];
}

export type BreakerVerdict =
  /** No breaker, or this submit is the probe already. */
  | { kind: 'pass' }
  /** Send, as the probe of these breakers. */
  | { kind: 'probe'; scopes: BreakerScope[] }
  /** Do not send: hold. */
  | { kind: 'blocked'; breaker: Breaker }
  /** Do not send yet: a probe is out. */
  | { kind: 'wait'; breaker: Breaker };

/**
 * Whether a submit may pass the breakers that cover it; pure, so that every case can be shown by a table.
 *
 * @param leave an operator told this run to go on
 */
export function passBreakers(
  breakers: readonly Breaker[],
  submission: SubmissionKey,
  leave: boolean,
  nowMs: number,
): BreakerVerdict {
  const probed: BreakerScope[] = [];
  let waitFor: Breaker | undefined;
  for (const breaker of breakers) {
    if (breaker.state === 'open') {
      // An open one is the stronger answer: nobody should wait for the probe of another.
      if (!leave) return { kind: 'blocked', breaker };
      probed.push(breaker.scope);
    } else if (isProbe(breaker, submission) || leaseOver(breaker, nowMs)) {
      probed.push(breaker.scope);
    } else {
      waitFor ??= breaker;
    }
  }
  if (waitFor !== undefined) return { kind: 'wait', breaker: waitFor };
  return probed.length === 0 ? { kind: 'pass' } : { kind: 'probe', scopes: probed };
}

function isProbe({ probe }: Breaker, submission: SubmissionKey): boolean {
  return probe !== null && probe.eraseId === submission.eraseId && probe.number === submission.number;
}

function leaseOver({ probeAt }: Breaker, nowMs: number): boolean {
  return probeAt === null || nowMs - probeAt.getTime() > PROBE_LEASE_MS;
}
