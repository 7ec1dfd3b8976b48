import { LISTED_FOR_MS } from '../../contract/vendor-limits.js';
import { type Intent, MAX_UNKNOWN_ROUNDS, type SubmissionRecord } from './submission.js';

/** What `begin` does next. `send` writes the intent under that number; `giveUp` first marks the unresolved one. */
export type Decision =
  | { kind: 'send'; number: number; giveUp: boolean }
  | { kind: 'look'; record: SubmissionRecord }
  | { kind: 'running' | 'done' | 'deleted' | 'lost' | 'failed'; record: SubmissionRecord }
  | { kind: 'uncertain'; record: SubmissionRecord; why: string }
  | { kind: 'forbidden'; record: SubmissionRecord | null };

type Asked = Pick<
  Intent,
  'runId' | 'workflowId' | 'resubmitAfterTaskId' | 'lookedFor' | 'operatorRetryUpTo' | 'settleMs'
> & {
  /** Temporal's, of the run that asks. */
  namespace: string;
  /** The request forbids to pay. */
  neverPay: boolean;
};

/**
 * Whether money may be spent: the heart of the ledger, pure so that a table can list every case.
 *
 * @param recent submissions of one payment identity, newest first, at least {@link MAX_UNKNOWN_ROUNDS} where there are
 * @param nowMs the database's clock, milliseconds since the epoch
 * @param elsewhere for a request without `payAgain`: submissions of further payments of the same file and recipe
 */
export function decide(
  recent: readonly SubmissionRecord[],
  asked: Asked,
  nowMs: number,
  elsewhere: readonly SubmissionRecord[] = [],
): Decision {
  const decision = takenUp([...recent, ...elsewhere]) ?? whatIsDue(recent, asked, nowMs);
  // Checked last, so that it covers every path to a payment, even after a failed task or an operator's approval.
  if (decision.kind === 'send' && asked.neverPay) return { kind: 'forbidden', record: recent[0] ?? null };
  return decision;
}

/**
 * What was paid for and needs no further payment: the newest good result, else a running task, else a result that a reviewer
 * rejected, else a deleted one. Null: there is none.
 */
function takenUp(paid: readonly SubmissionRecord[]): Decision | null {
  const succeeded = paid.filter((r) => r.outcome === 'succeeded');
  const present = succeeded.filter((r) => r.resultGoneAt === null);
  const good = newest(present.filter((r) => r.rejected === null));
  if (good !== undefined) return { kind: 'done', record: good };
  // An answer that came after its submission was given up still counts: that task is running and is paid for.
  const running = newest(paid.filter((r) => r.state === 'accepted' && r.outcome === null));
  if (running !== undefined) return { kind: 'running', record: running };
  const rejected = newest(present);
  if (rejected !== undefined) return { kind: 'done', record: rejected };
  const deleted = newest(succeeded);
  return deleted === undefined ? null : { kind: 'deleted', record: deleted };
}

/** The first of those that are equally new. */
function newest(records: readonly SubmissionRecord[]): SubmissionRecord | undefined {
  return records.reduce<SubmissionRecord | undefined>(
    (last, each) => (last === undefined || each.scheduledAt.getTime() > last.scheduledAt.getTime() ? each : last),
    undefined,
  );
}

function whatIsDue(recent: readonly SubmissionRecord[], asked: Asked, nowMs: number): Decision {
  const last = recent[0];
  if (last === undefined) return { kind: 'send', number: 1, giveUp: false };
  switch (last.state) {
    case 'refused':
      return { kind: 'send', number: last.key.number, giveUp: false };
    case 'sending':
    case 'unknown':
      return unresolved(recent, last, asked, nowMs);
    case 'accepted':
      return ended(last, asked);
  }
}

function unresolved(
  recent: readonly SubmissionRecord[],
  last: SubmissionRecord,
  asked: Asked,
  nowMs: number,
): Decision {
  const settled = nowMs >= last.scheduledAt.getTime() + asked.settleMs;
  // A search proves nothing about a submit rescheduled since: its call may have been sent after the search.
  const isLookedFor =
    asked.lookedFor?.number === last.key.number && asked.lookedFor.scheduledAt.getTime() === last.scheduledAt.getTime();
  if (!isLookedFor || !settled) return { kind: 'look', record: last };
  const next: Decision = { kind: 'send', number: last.key.number + 1, giveUp: last.state === 'sending' };
  if (asked.operatorRetryUpTo !== null && last.key.number <= asked.operatorRetryUpTo) return next;
  // Absence from the list proves that there is no task only while the vendor still lists tasks of that age.
  if (nowMs > last.scheduledAt.getTime() + LISTED_FOR_MS) {
    return { kind: 'uncertain', record: last, why: TOO_OLD_TO_TELL };
  }
  if (last.saidDuplicate) {
    return {
      kind: 'uncertain',
      record: last,
      why: `the vendor said that it already had this request (${last.error?.code ?? 'duplicate'}), yet no task of it is listed`,
    };
  }
  const rounds = last.state === 'sending' ? 1 + trailingUnknown(recent.slice(1)) : trailingUnknown(recent);
  if (rounds >= MAX_UNKNOWN_ROUNDS) {
    return {
      kind: 'uncertain',
      record: last,
      why: `${rounds} submits in a row got no answer, and no task of them is listed`,
    };
  }
  return next;
}

/** Why it is unknown whether an old submit was paid for. */
export const TOO_OLD_TO_TELL =
  'it was sent, or not, more than three days ago, and the vendor does not list tasks that old';

function trailingUnknown(recent: readonly SubmissionRecord[]): number {
  const firstOther = recent.findIndex((r) => r.state !== 'unknown');
  return firstOther === -1 ? recent.length : firstOther;
}

function ended(last: SubmissionRecord, asked: Asked): Decision {
  switch (last.outcome) {
    case null:
      return { kind: 'running', record: last };
    case 'succeeded':
      return { kind: 'done', record: last };
    case 'expired':
      return { kind: 'lost', record: last };
    case 'aborted':
      return { kind: 'send', number: last.key.number + 1, giveUp: false };
    case 'failed': {
      const sameRun =
        last.namespace === asked.namespace && last.workflowId === asked.workflowId && last.runId === asked.runId;
      // Starting a failed erase again is a decision to pay once more. A run that continues after a failed task is allowed only
      // the submit after that task.
      const leave = asked.resubmitAfterTaskId === null ? !sameRun : asked.resubmitAfterTaskId === last.taskId;
      if (!leave) return { kind: 'failed', record: last };
      return { kind: 'send', number: last.key.number + 1, giveUp: false };
    }
  }
}
