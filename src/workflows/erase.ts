import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  patched,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { CancelTaskOutcome } from '../activities/erase/cancel-task.js';
import type { EndHoldInput } from '../activities/erase/end-hold.js';
import type { FetchResultOutcome } from '../activities/erase/fetch-result.js';
import type { Hold, SubmitInput, SubmitOutcome } from '../activities/erase/steps/submit-outcome.js';
import { EVENT, WEBHOOK_UNUSABLE } from '../contract/erase-event.js';
import { isErrorClass } from '../contract/error-classes.js';
import { ACTIVITY_ID, MEMO, PHASE } from '../contract/names.js';
import { makesVideo } from '../contract/recipes.js';
import type { EraseFailureDetails, EraseResult, PublishOutcome } from '../contract/request.js';
import { LONGEST_MESSAGE, shortText } from '../contract/text.js';
import { awaitTask, cancelTask, endHold, fetchResult, publishResult, submitActivities } from './activities.js';
import { EraseRun, type HoldEnd } from './erase-run.js';
import { looseRequest, namedTask, unfitInput } from './loose-input.js';
import { erases } from './metrics-sink.js';
import { Review } from './review.js';

/** The input of the run, as it is passed to activities. */
type Asked = Pick<SubmitInput, 'request' | 'unfit'>;
type Submitted = Extract<SubmitOutcome, { kind: 'running' }>;
type Finished = Extract<FetchResultOutcome, { kind: 'succeeded' }>;

/** Marks runs in whose history an aborted task of another run leads back to the submit. */
const SUBMITS_WHEN_JOINED_IS_ABORTED = 'submits-when-joined-is-aborted';

/**
 * One erase of one file by one recipe: submit, wait, fetch the result, review, publish. Its input may be any JSON, which the
 * submit activity validates, so that clients in every language are treated alike.
 */
export async function erase(input: unknown): Promise<EraseResult> {
  const run = new EraseRun(input);
  const review = new Review(run);
  const unfit = unfitInput(input);
  const asked: Asked = unfit === null ? { request: input } : { request: null, unfit };
  try {
    const result = await eraseSteps(run, review, asked);
    run.status.resultFileId = result.resultFileId;
    run.enter(PHASE.succeeded, null, { upsert: true });
    erases.ended(run.status.reused ? 'reused' : 'succeeded', null);
    await run.tell(EVENT.succeeded, { result });
    return result;
  } catch (error) {
    if (isCancellation(error) || CancellationScope.current().consideredCancelled) {
      await CancellationScope.nonCancellable(() => sayWhatBecameOfIt(run, asked));
      erases.ended('cancelled', null);
      throw isCancellation(error) ? error : new CancelledFailure('Cancelled.');
    }
    const failed = asContractFailure(error, run);
    const details = failed.details?.[0] as EraseFailureDetails | undefined;
    run.end(PHASE.failed, details ?? null);
    erases.ended('failed', failed.type ?? null);
    if (details?.code !== WEBHOOK_UNUSABLE) await run.tell(EVENT.failed, { failure: details });
    throw failed;
  }
}

async function eraseSteps(run: EraseRun, review: Review, asked: Asked): Promise<EraseResult> {
  let resubmitAfterTaskId: string | null = null;
  /** The joined task of another run was aborted: submit again, once. */
  let joinedInVain = false;
  for (;;) {
    const submitted = await submit(run, asked, resubmitAfterTaskId);
    if (submitted.kind === 'done') {
      run.status.taskId = submitted.result.taskId;
      run.status.reused = !run.paidInVain;
      run.status.moneySpent = submitted.paidHere || run.paidInVain;
      return await reviewAndPublish(run, review, submitted, submitted.result);
    }
    const fetched = await waitAndFetch(run, submitted);
    if (fetched.kind === 'succeeded') {
      return await reviewAndPublish(run, review, submitted, resultOf(run, submitted, fetched));
    }
    // The vendor aborts waiting tasks, and bills those that ran.
    if (fetched.class === 'aborted') {
      run.status.moneySpent = run.paidInVain;
      // Another run's task, cancelled before it knew that this one waits for it: only time is lost.
      if (!paidHere(submitted) && !joinedInVain && patched(SUBMITS_WHEN_JOINED_IS_ABORTED)) {
        joinedInVain = true;
        run.status.reused = false;
        const why = `its own submit, since task ${submitted.taskId}, which another run had paid for, was aborted`;
        run.enter(PHASE.submitting, why, { upsert: false });
        continue;
      }
    } else run.paidInVain ||= paidHere(submitted);
    // This run makes at most one more payment: after that the failure stands.
    if (!fetched.worthOneMore || resubmitAfterTaskId !== null) {
      throw failure(fetched.class, fetched, run);
    }
    resubmitAfterTaskId = submitted.taskId;
    run.enter(PHASE.submitting, `one more submit, since task ${submitted.taskId} failed: ${fetched.code}`, {
      upsert: false,
    });
  }
}

/** Money is counted by workflow: a payment of an earlier run, before a reset or restart, is this workflow's. */
function paidHere(submitted: Submitted): boolean {
  // Histories that predate the field have only the run.
  return submitted.paidHere ?? !submitted.reused;
}

/** Step 1. Returns a running task, or a result that was paid for before; waits for the end of holds. */
async function submit(run: EraseRun, asked: Asked, resubmitAfterTaskId: string | null) {
  const { submitErase } = submitActivities(looseRequest(asked.request).batchId === null ? 'live' : 'batch');
  let operatorRetry: SubmitInput['operatorRetry'] = null;
  let looks = 0;
  for (;;) {
    const outcome: SubmitOutcome = await submitErase.executeWithOptions(
      { activityId: ACTIVITY_ID.submit, summary: submitSummary(resubmitAfterTaskId, operatorRetry) },
      [{ ...asked, resubmitAfterTaskId, operatorRetry }],
    );
    run.learn(outcome);
    if (outcome.kind !== 'held') {
      if (run.isHeld) await leaveHold(run, { as: 'resolved', decision: null });
      return outcome;
    }
    const end = await waitForDecision(run, outcome.hold, looks++);
    operatorRetry = null;
    if (end === null) continue;
    const { action, by, reason } = end;
    await leaveHold(run, { as: action, decision: { by, reason }, breaker: end.breaker });
    if (action !== 'retry') throw decided(end, run);
    const taskId = namedTask(end);
    // An operator who names the task states that it was paid for, which does not approve another payment.
    const upToSubmission = taskId === null ? outcome.hold.submission : null;
    operatorRetry = { by, reason, upToSubmission, ...(taskId === null ? {} : { taskId }) };
    looks = 0;
    run.enter(PHASE.submitting, `its turn to be submitted (retry by ${by}: ${reason})`, { upsert: true });
  }
}

/** First check whether an uncertain submit has appeared after all; each further wait doubles. Milliseconds. */
const LOOK_AGAIN_FIRST_MS = 60_000;
const LOOK_AGAIN_MAX_MS = 6 * 3_600_000;

/**
 * An uncertain submit may have been paid for: during the hold its task is reconciled repeatedly (null: now), until the vendor
 * would have forgotten it. Any other hold waits for the operator alone.
 */
async function waitForDecision(run: EraseRun, hold: Hold, looks: number): Promise<HoldEnd | null> {
  if (hold.expiresAt === null) return await run.hold(hold, Date.now());
  const leftMs = Date.parse(hold.expiresAt) - Date.now();
  if (leftMs <= 0) {
    const message = `${hold.message} It was looked for until ${hold.expiresAt}, and the vendor forgets tasks soon after.`;
    await leaveHold(run, { as: 'resolved', decision: null });
    throw failure('expired', { code: hold.code, message, requestId: hold.requestId, moneySpent: true }, run);
  }
  return await run.hold(hold, Date.now(), Math.min(LOOK_AGAIN_FIRST_MS * 2 ** looks, LOOK_AGAIN_MAX_MS, leftMs));
}

async function leaveHold(run: EraseRun, end: EndHoldInput): Promise<void> {
  run.release();
  await endHold(end);
}

function submitSummary(afterTaskId: string | null, retry: SubmitInput['operatorRetry']): string {
  if (retry?.taskId !== undefined) return `Take over task ${retry.taskId}, as an operator decided`;
  if (retry !== null) return 'Submit again, as an operator decided';
  if (afterTaskId !== null) return `Submit once more, since task ${afterTaskId} failed`;
  return 'Submit to ProcessMediaByMPS, unless it was paid for before';
}

/** Steps 2 and 3. */
async function waitAndFetch(run: EraseRun, submitted: Submitted) {
  const { request, taskId, submittedAt, deadlineAt } = submitted;
  run.status.taskId = taskId;
  run.status.submittedAt = submittedAt;
  run.status.deadlineAt = deadlineAt;
  run.status.reused = submitted.reused && !run.paidInVain;
  run.status.moneySpent = paidHere(submitted) || run.paidInVain;
  run.enter(PHASE.waiting, `task ${taskId} to end`, { upsert: true });
  const { subAppId } = request;
  const waited = await awaitTask.executeWithOptions({ summary: `Wait for task ${taskId}` }, [
    { subAppId, taskId, submittedAt, deadlineAt },
  ]);
  run.enter(PHASE.fetching, 'the result of the task', { upsert: false });
  const fetched = await fetchResult.executeWithOptions({ summary: `Read how task ${taskId} ended` }, [
    {
      subAppId,
      taskId,
      sourceFileId: request.fileId,
      makesVideo: makesVideo(request.recipe),
      submittedAt,
      deadlineAt,
      reviews: request.review !== undefined,
    },
  ]);
  if (fetched.kind === 'unfinished') {
    const why = waited.kind === 'deadline' ? `by its deadline, ${deadlineAt}` : 'although it was said to be over';
    const message = `Task ${taskId} is still ${fetched.status}; it did not end ${why}. It runs on and is billed; starting this erase again takes it up without paying.`;
    throw failure('expired', { code: 'DeadlinePassed', message, requestId: fetched.requestId }, run);
  }
  return fetched;
}

function resultOf(run: EraseRun, submitted: Submitted, fetched: Finished): EraseResult {
  const { request } = submitted;
  return {
    status: 'succeeded',
    reused: run.status.reused,
    subAppId: request.subAppId,
    sourceFileId: request.fileId,
    resultFileId: fetched.resultFileId,
    taskId: submitted.taskId,
    files: fetched.files,
    requestId: fetched.requestId,
    recipe: request.recipe,
    recipeHash: submitted.recipeHash,
    submittedAt: submitted.submittedAt,
    finishedAt: fetched.finishedAt,
    published: null,
  };
}

/** Step 4, and what follows an approval. */
async function reviewAndPublish(
  run: EraseRun,
  review: Review,
  { request }: Pick<Submitted, 'request'>,
  result: EraseResult,
): Promise<EraseResult> {
  const verdict = await review.gate(request, result);
  if (verdict.kind === 'approved') return await publish(run, { request }, result);
  const { code, message, retryWorkflowId } = verdict;
  // Reused or not, the rejected file was paid for.
  throw failure('rejected', { code, message, requestId: null, moneySpent: true, retryWorkflowId }, run);
}

/** Step 5. The result is safe by now: an error here stops publishing only. */
async function publish(
  run: EraseRun,
  { request }: Pick<Submitted, 'request'>,
  result: EraseResult,
): Promise<EraseResult> {
  const { resultFileId, taskId } = result;
  if (request.publish === undefined || resultFileId === null) return result;
  run.status.resultFileId = resultFileId;
  for (;;) {
    run.enter(PHASE.publishing, 'the publish steps', { upsert: false });
    const outcome = await publishResult.executeWithOptions({ summary: `Publish ${resultFileId}` }, [
      {
        subAppId: result.subAppId,
        sourceFileId: result.sourceFileId,
        resultFileId,
        taskId,
        publish: request.publish,
        batchId: request.batchId,
        reviewed: request.review !== undefined,
      },
    ]);
    if (outcome.kind === 'published') return { ...result, published: outcome.published };
    const end = await waitForDecision(run, outcome.hold, 0);
    if (end === null) continue;
    await leaveHold(run, { as: end.action, decision: { by: end.by, reason: end.reason } });
    if (end.action === 'abort') throw decided(end, run);
    if (end.action === 'skip') return { ...result, published: skippedPublish(end.by, end.reason) };
  }
}

function skippedPublish(by: string, reason: string): PublishOutcome {
  return {
    changed: [],
    procedureTaskId: null,
    prefetchedUrls: [],
    warnings: [`Publishing was skipped by ${by}: ${reason}`],
  };
}

/** Step 6. Aborts the vendor's task where that is possible, and records the outcome in the memo. */
async function sayWhatBecameOfIt(run: EraseRun, { request }: Asked): Promise<void> {
  run.closing = true;
  const details = await cancelDetails(run, request);
  run.status.taskId = details.taskId;
  run.status.moneySpent = details.moneySpent;
  upsertMemo({ [MEMO.outcome]: details });
  run.end(PHASE.cancelled, details);
  await run.tell(EVENT.cancelled, { failure: details });
}

async function cancelDetails(run: EraseRun, input: unknown): Promise<EraseFailureDetails> {
  try {
    const outcome = await cancelTask.executeWithOptions({ summary: 'Abort the task if it still waits' }, [
      { request: input },
    ]);
    const { requestId, resultFileId } = outcome;
    return {
      class: 'cancelled',
      requestId,
      ...withWhatTheRunKnows(run, outcome),
      ...(resultFileId && { resultFileId }),
    };
  } catch {
    const { taskId } = run.status;
    const message =
      taskId === null
        ? 'Cancelled; whether a submit was accepted could not be found out. The ledger keeps it: a new start looks for its task first.'
        : `Cancelled, but task ${taskId} could not be reached: it runs on and is billed.`;
    return { class: 'cancelled', code: 'CancelUnconfirmed', requestId: null, taskId, message, moneySpent: true };
  }
}

/** The ledger reports the newest submit; the run knows the earlier ones. */
function withWhatTheRunKnows(run: EraseRun, outcome: CancelTaskOutcome) {
  const { code, message, taskId, moneySpent } = outcome;
  const { status } = run;
  if (taskId === null && status.taskId === null && status.moneySpent) {
    const doubt =
      'Cancelled while a submit was in doubt: whether it was accepted, and is billed, could not be found out.';
    return { code: 'InDoubt', message: doubt, taskId, moneySpent: true };
  }
  if (!run.paidInVain || moneySpent) return { code, message, taskId, moneySpent };
  const before = `${message} A task before it failed, and was paid for.`;
  return { code, message: before, taskId: taskId ?? status.taskId, moneySpent: true };
}

function decided(end: { action: 'skip' | 'abort' | 'retry'; by: string; reason: string }, run: EraseRun) {
  const word = end.action === 'skip' ? 'skipped' : 'aborted';
  const message = `The held erase was ${word} by ${end.by}: ${end.reason}`;
  return failure(word, { code: null, message, requestId: null }, run);
}

/** The failure that the contract promises: `type` is the class, `details[0]` the rest. */
function failure(
  errorClass: EraseFailureDetails['class'],
  fields: {
    code: string | null;
    message: string;
    requestId: string | null;
    moneySpent?: boolean;
    retryWorkflowId?: string | null;
  },
  run: EraseRun,
): ApplicationFailure {
  const { taskId, moneySpent, resultFileId } = run.status;
  // The message contains text from the vendor, operators and the request.
  const message = shortText(fields.message, LONGEST_MESSAGE);
  const details: EraseFailureDetails = {
    class: errorClass,
    code: fields.code,
    requestId: fields.requestId,
    taskId,
    message,
    moneySpent: fields.moneySpent ?? moneySpent,
    ...(resultFileId === null ? {} : { resultFileId }),
    ...(fields.retryWorkflowId ? { retryWorkflowId: fields.retryWorkflowId } : {}),
  };
  const failed = ApplicationFailure.create({
    type: errorClass,
    message,
    nonRetryable: true,
    details: [details],
  });
  // The cause is at the vendor or in an activity: the UI shows the message, without the stack of this code.
  if (errorClass !== 'unexpected') failed.stack = '';
  return failed;
}

/** An activity's final failure carries the class and its details; this run may have more. */
function asContractFailure(error: unknown, run: EraseRun): ApplicationFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) {
    const message = `${workflowInfo().workflowType}: ${cause instanceof Error ? cause.message : String(cause)}`;
    return failure('unexpected', { code: null, message, requestId: null }, run);
  }
  if (!(error instanceof ActivityFailure)) return cause;
  const told = cause.details?.[0] as Partial<EraseFailureDetails> | undefined;
  run.learnSearchAttributes(cause.details?.[1]);
  const errorClass = isErrorClass(cause.type) ? cause.type : 'unexpected';
  run.status.taskId = told?.taskId ?? run.status.taskId;
  run.status.moneySpent = run.status.moneySpent || told?.moneySpent === true;
  run.status.resultFileId = told?.resultFileId ?? run.status.resultFileId;
  return failure(
    errorClass,
    { code: told?.code ?? null, message: told?.message ?? cause.message, requestId: told?.requestId ?? null },
    run,
  );
}
