import { Context } from '@temporalio/activity';
import { makesVideo, type Recipe } from '../../contract/recipes.js';
import { parseEraseRequest } from '../../contract/request-schema.js';
import { LISTED_FOR_MS } from '../../contract/vendor-limits.js';
import { TOO_OLD_TO_TELL } from '../../ledger/submissions/decide.js';
import { MAX_UNKNOWN_ROUNDS, type SubmissionRecord } from '../../ledger/submissions/submission.js';
import type { OtherWaiter } from '../../ledger/watch/leave-task.js';
import { judgeTask } from '../../tencent-vod/task-verdict.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import type { ActivityDependencies } from '../dependencies.js';
import { notYet, readFailure } from '../shared/failures.js';
import { leavePhase } from '../shared/late-phase.js';
import { standingOf } from '../shared/open-workflow.js';
import { isOfWorkflow, thisRun, whereRunIs } from '../shared/this-run.js';
import { cancelReasonOf } from './steps/cancel-reason.js';
import { findSubmittedTask, type SearchVerdict } from './steps/find-submitted-task.js';
import { paymentIdentityOf } from './steps/payment-identity.js';
import { recordTaskOutcome } from './steps/record-task-outcome.js';

export interface CancelTaskInput {
  /** Whatever the run was started with. */
  request: unknown;
}

/** What a cancel achieved, in words and in money. */
export interface CancelTaskOutcome {
  taskId: string | null;
  moneySpent: boolean;
  code: 'NothingSubmitted' | 'InDoubt' | 'Aborted' | 'RunsOn' | 'Finished' | 'AnotherRunsTask';
  message: string;
  requestId: string | null;
  resultFileId: string | null;
}

/** Other runs that a message names. */
const NAMED_AT_MOST = 3;

const NOTHING: CancelTaskOutcome = {
  taskId: null,
  moneySpent: false,
  code: 'NothingSubmitted',
  message: 'Cancelled before anything was submitted; nothing is billed.',
  requestId: null,
  resultFileId: null,
};

/**
 * After a cancel: reads from the ledger whether this run submitted anything, aborts the task if the vendor allows it, and reports
 * what goes on and is billed.
 *
 * A task of an earlier run of this workflow counts as this run's, since at most one is open; one of another workflow is left
 * alone. While other runs wait for the task, it is theirs; the last of them to be cancelled aborts it.
 */
export function createCancelTask(deps: ActivityDependencies) {
  return async function cancelTask(input: CancelTaskInput): Promise<CancelTaskOutcome> {
    const context = Context.current();
    const parsed = parseEraseRequest(input.request);
    if (!parsed.ok) return NOTHING;
    const { request } = parsed;
    try {
      await keepReason(deps);
      const { record, doubt } = await resolve(deps, paymentIdentityOf(request));
      const run = thisRun();
      if (doubt !== null && record !== null && isOfWorkflow(record, run)) return inDoubt(doubt);
      if (record?.taskId == null) return NOTHING;
      const { taskId } = record;
      await forgetWaitersThatLeft(deps, taskId);
      const left = await deps.ledger.watch.leaveTask(taskId, run.workflowId);
      if (isOfWorkflow(record, run)) {
        return await end(deps, record, taskId, left.kind === 'waitedFor' ? left.others : []);
      }
      if (record.outcome === 'succeeded') return finishedBefore(record, taskId);
      // No other run waits for the task of the run that paid.
      if (record.outcome === null && left.kind === 'mayEnd') return await endWhatWasLeft(deps, record, taskId);
      return anothersTask(record, taskId);
    } catch (error) {
      throw readFailure(error, context.info.attempt);
    }
  };
}

const ABORTED_WHILE_WAITING = {
  outcome: 'aborted',
  code: 'Aborted',
  message: 'Aborted while it was waiting.',
  resultFileId: null,
  result: null,
} as const;

/** Keeps who cancelled, and why, beyond Temporal's retention, and ends a hold. */
async function keepReason({ ledger }: Pick<ActivityDependencies, 'ledger'>): Promise<void> {
  const run = thisRun();
  const { by, reason } = await cancelReasonOf(run);
  await ledger.holds.end(run, { as: 'cancel', by, reason });
  await leavePhase(ledger);
  const details = { runId: run.runId };
  await ledger.audit.write({ action: 'cancelled', subject: run.workflowId, by, reason, details, once: true });
}

/** The newest submission, and why its outcome cannot be found out. Null: nothing was ever submitted. */
async function resolve(
  deps: ActivityDependencies,
  identity: SubmissionRecord['identity'],
): Promise<{ record: SubmissionRecord | null; doubt: string | null }> {
  const { cancellationSignal } = Context.current();
  const record = await deps.ledger.submissions.findLatest(identity);
  if (record === null || (record.state !== 'sending' && record.state !== 'unknown')) return { record, doubt: null };
  const verdict = await findSubmittedTask(deps, record, cancellationSignal);
  if (verdict.kind === 'found') {
    const { taskId } = verdict;
    const accepted = await deps.ledger.submissions.accepted(record.key, {
      taskId,
      requestId: record.requestId,
      adopted: true,
    });
    if (accepted === 'taken')
      throw notYet(`Task ${taskId} is that of another payment; this one's is looked for.`, 1_000);
    return { record: await deps.ledger.submissions.findLatest(identity), doubt: null };
  }
  const settlesInMs = record.scheduledAtHere.getTime() + deps.timings.settleMs - Date.now();
  if (settlesInMs > 0)
    throw notYet(
      'The submit is in doubt; its task is looked for until it has settled.',
      Math.min(settlesInMs + 100, 10_000),
    );
  const doubt = doubtAbout(record, verdict);
  if (doubt !== null) return { record, doubt };
  // A process that was suspended after it wrote the intent finds it given up, and does not send.
  if (record.state === 'sending' && !(await deps.ledger.submissions.giveUp(record.key, deps.timings.settleMs))) {
    throw notYet('The submit was postponed meanwhile; its task is looked for once more.', 1_000);
  }
  return { record, doubt: 'its submit got no answer, and no task of it is listed; it counts as spent' };
}

/** Why a new submit would be held as uncertain; null where it would be sent. */
function doubtAbout({ saidDuplicate, key, scheduledAtHere }: SubmissionRecord, verdict: SearchVerdict): string | null {
  if (verdict.kind === 'unclear') return verdict.why;
  if (Date.now() > scheduledAtHere.getTime() + LISTED_FOR_MS) return TOO_OLD_TO_TELL;
  if (saidDuplicate) return 'the vendor said that it already had the request, yet no task is listed';
  if (key.number >= MAX_UNKNOWN_ROUNDS) return `${key.number} submits got no answer, and no task is listed`;
  return null;
}

function inDoubt(why: string): CancelTaskOutcome {
  return {
    ...NOTHING,
    // An unknown cost counts as spent.
    moneySpent: true,
    code: 'InDoubt',
    message: `Cancelled; whether a submit was accepted, and is billed, cannot be found out: ${why}. Look for the task in the VOD console.`,
  };
}

/** Rows of runs that are gone, or are being cancelled too, must not block the abort. */
async function forgetWaitersThatLeft({ ledger }: ActivityDependencies, taskId: string): Promise<void> {
  const { workflowId } = thisRun();
  for (const waiter of await ledger.watch.otherWaiters(taskId, workflowId)) {
    const standing = await standingOf(waiter);
    if (standing === 'closed' || standing === 'leaving') await ledger.watch.forgetWaiter(taskId, waiter);
  }
}

/** @param others runs that also wait for the task: it is theirs then, and is not aborted */
async function end(
  deps: ActivityDependencies,
  record: SubmissionRecord,
  taskId: string,
  others: readonly OtherWaiter[],
): Promise<CancelTaskOutcome> {
  // The vendor forgets tasks after three days; a review may take longer.
  if (record.outcome === 'succeeded') return finished(taskId, record.resultFileId, record.result?.requestId ?? null);
  const { subAppId, fileId } = record.identity;
  const signal = Context.current().cancellationSignal;
  let requestId: string | null = null;
  let task = await deps.vod.describeTask({ subAppId, taskId }, { signal });
  requestId = task.requestId;
  if (task.status === 'WAITING' && others.length === 0) {
    try {
      ({ requestId } = await deps.vod.abortTask({ subAppId, taskId }, { signal }));
      // Only a confirmed abort counts: a task that began anyway would be paid for again by the next start.
      task = await deps.vod.describeTask({ subAppId, taskId }, { signal });
    } catch (error) {
      // It may have begun in between: the next poll shows it.
      if (!(error instanceof VodError)) throw error;
      throw readFailure(
        new VodError({ ...error, class: 'retry', message: error.message }),
        Context.current().info.attempt,
      );
    }
    if (task.status === 'WAITING' || task.status === 'ABORTED') {
      await deps.ledger.submissions.recordOutcome(taskId, ABORTED_WHILE_WAITING);
      return outcome(
        'Aborted',
        taskId,
        false,
        `Task ${taskId} was aborted while it was waiting; it is not billed.`,
        requestId,
      );
    }
  }
  const verdict = judgeTask(task, { sourceFileId: fileId, makesVideo: makesVideo(record.recipe as Recipe) });
  switch (verdict.kind) {
    case 'unfinished': {
      const why = others.length === 0 ? 'is already being processed: it runs on' : `runs on for ${named(others)}`;
      const message = `Task ${taskId} ${why} and is billed. Starting this erase again takes it up without paying.`;
      return outcome('RunsOn', taskId, true, message, requestId);
    }
    case 'succeeded':
      await recordTaskOutcome(deps.ledger, taskId, verdict, task);
      return finished(taskId, verdict.resultFileId, requestId);
    case 'failed': {
      const wasAborted = verdict.class === 'aborted';
      await recordTaskOutcome(deps.ledger, taskId, verdict, task);
      return outcome(
        wasAborted ? 'Aborted' : 'Finished',
        taskId,
        !wasAborted,
        `Task ${taskId}: ${verdict.message}`,
        requestId,
      );
    }
  }
}

/** The runs that still wait for the task: how many, and as many names as fit a sentence. */
function named(others: readonly OtherWaiter[]): string {
  const names = others.slice(0, NAMED_AT_MOST).map(({ workflowId }) => workflowId);
  const more = others.length > names.length ? ', …' : '';
  const runs = others.length === 1 ? '1 other run that waits' : `${others.length} other runs that wait`;
  return `${runs} for it (${names.join(', ')}${more})`;
}

/** The last run that waits for a task which its payer abandoned: it aborts the task if possible. The money was the payer's. */
async function endWhatWasLeft(
  deps: ActivityDependencies,
  record: SubmissionRecord,
  taskId: string,
): Promise<CancelTaskOutcome> {
  const ended = await end(deps, record, taskId, []);
  if (ended.code === 'Aborted') return ended;
  const { resultFileId } = ended;
  return resultFileId === null ? anothersTask(record, taskId) : finishedBefore({ ...record, resultFileId }, taskId);
}

function anothersTask(record: SubmissionRecord, taskId: string): CancelTaskOutcome {
  const run = whereRunIs(record, thisRun());
  if (record.outcome === 'aborted') {
    const message = `Cancelled; task ${taskId} of the run ${run} was aborted before it ran and is not billed.`;
    return outcome('Aborted', taskId, false, message, null);
  }
  const message = `Cancelled; task ${taskId} belongs to the run ${run} and was left alone.`;
  return { ...NOTHING, taskId, code: 'AnotherRunsTask', message };
}

function finished(taskId: string, resultFileId: string | null, requestId: string | null): CancelTaskOutcome {
  const message = `Task ${taskId} had finished and is billed; its result is ${resultFileId ?? 'a subtitle file'}.`;
  return { ...outcome('Finished', taskId, true, message, requestId), resultFileId };
}

/** A result that an earlier run paid for: this run spent nothing, and the result stays. */
function finishedBefore(record: SubmissionRecord, taskId: string): CancelTaskOutcome {
  const { resultFileId } = record;
  const message = `Cancelled; nothing was spent by this run. The result ${resultFileId ?? ''} of task ${taskId} was paid for by the run ${whereRunIs(record, thisRun())} and stays.`;
  return { ...outcome('AnotherRunsTask', taskId, false, message, null), resultFileId };
}

function outcome(
  code: CancelTaskOutcome['code'],
  taskId: string,
  moneySpent: boolean,
  message: string,
  requestId: string | null,
): CancelTaskOutcome {
  return { taskId, moneySpent, code, message, requestId, resultFileId: null };
}
