import { CancelledFailure, Context } from '@temporalio/activity';
import { ERROR_CLASSES, retryDelayMs } from '../../contract/error-classes.js';
import type { Recipe } from '../../contract/recipes.js';
import type { NormalizedEraseRequest } from '../../contract/request.js';
import type { parseEraseRequest } from '../../contract/request-schema.js';
import { MAX_DEADLINE_HOURS } from '../../contract/vendor-limits.js';
import type { BreakerScope } from '../../ledger/holds/breaker.js';
import type { BeginOutcome, Intent, SubmissionAttempt, SubmissionRecord } from '../../ledger/submissions/submission.js';
import type { Priority, Refusals, Slot } from '../../rate-limit/index.js';
import { concernsOneSubApp } from '../../tencent-vod/error-codes.js';
import { toMpsParams } from '../../tencent-vod/recipe-params.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import type { ActivityDependencies } from '../dependencies.js';
import { describeError, finalFailure, notYet, readFailure, retryFailure } from '../shared/failures.js';
import { isPaidBy, isRunOf, thisRun } from '../shared/this-run.js';
import { recordHold } from './end-hold.js';
import { adoptNamedTask } from './steps/adopt-named-task.js';
import { BreakerChecks } from './steps/breaker-check.js';
import { busyAgainMs, isBusyFile } from './steps/busy-file.js';
import { batchClosed, lost, overBudget, paymentForbidden, resultDeleted, taskFailed } from './steps/no-payment.js';
import { OpenAhead } from './steps/open-ahead.js';
import { parsedRequest, withSearchAttributes } from './steps/parsed-request.js';
import { paymentIdentityOf } from './steps/payment-identity.js';
import { reconcile } from './steps/reconcile.js';
import { recordWait } from './steps/record-wait.js';
import { refuseToPay, refuseUnlessPaid, refuseUnlessVideo } from './steps/refuse-before-payment.js';
import { isResultDeleted, reusedResult } from './steps/reused-result.js';
import { giveBack, keepTrying, sendInSlot } from './steps/send-in-slot.js';
import {
  blocked,
  capped,
  type Hold,
  held,
  type SubmitInput,
  type SubmitOutcome,
  uncertain,
  type ValidatedRequest,
} from './steps/submit-outcome.js';
import { saveUnsavedResponse, writeAnswer } from './steps/unsaved-response.js';

/**
 * A submit that has waited this long for its slot makes the activity retry, in milliseconds; well within an attempt's timeout.
 */
const PATIENCE_MS = 90_000;
/**
 * How long a submit waits once no breaker stops it any more, in milliseconds; with a jitter of a quarter, since there may be
 * many.
 */
const BREAKER_CLOSED_WAIT_MS = 4_000;
/** Holds that end with their own decision, whatever the breakers' state. */
const NOT_OF_A_BREAKER: ReadonlySet<Hold['class']> = new Set(['cap', 'uncertain']);

/**
 * The paid step. Validates the request, asks the ledger whether a payment is needed, and if so submits in a slot of the rate
 * limiter. Any attempt that finds an unresolved submit searches for its task before anything is sent again.
 */
export function createSubmitErase(deps: ActivityDependencies) {
  const breakers = new BreakerChecks(deps.ledger.breakers);
  return async function submitErase(input: SubmitInput): Promise<SubmitOutcome> {
    const parsed = parsedRequest(input);
    try {
      return await checkedSubmit(deps, breakers, parsed, input);
    } catch (error) {
      throw await withSearchAttributes(deps, error, parsed.ok);
    }
  };
}

async function checkedSubmit(
  deps: ActivityDependencies,
  breakers: BreakerChecks,
  parsed: ReturnType<typeof parseEraseRequest>,
  input: SubmitInput,
): Promise<SubmitOutcome> {
  if (!parsed.ok) {
    const list = parsed.problems.map((p) => (p.path === '' ? p.message : `${p.path}: ${p.message}`)).join('; ');
    throw finalFailure('input', { code: 'InvalidRequest', message: `The request is not valid: ${list}` });
  }
  const { request } = parsed;
  await refuseUnlessPaid(deps, request, Context.current().info.attempt);
  return await new Submit(deps, breakers, request, input).run();
}

class Submit {
  private readonly context = Context.current();
  private readonly hash: string;
  private readonly recipe: Recipe;
  private readonly intent: Intent;
  private readonly opening: OpenAhead;
  private readonly priority: Priority;

  constructor(
    private readonly deps: ActivityDependencies,
    private readonly breakers: BreakerChecks,
    private readonly request: NormalizedEraseRequest,
    private readonly input: SubmitInput,
  ) {
    this.recipe = request.recipe as Recipe;
    this.opening = new OpenAhead(deps.connectForSubmit);
    const identity = paymentIdentityOf(request);
    this.hash = identity.recipeHash;
    this.intent = {
      identity,
      request,
      ...thisRun(),
      resubmitAfterTaskId: input.resubmitAfterTaskId,
      lookedFor: null,
      operatorRetryUpTo: input.operatorRetry?.upToSubmission ?? null,
      settleMs: deps.timings.settleMs,
      costUsd: null,
    };
    this.priority = request.batchId === undefined || request.batchId === null ? 'live' : 'batch';
  }

  async run(): Promise<SubmitOutcome> {
    try {
      const accepted: ValidatedRequest = {
        request: this.request,
        recipeHash: this.hash,
        searchAttributes: await this.deps.registeredSearchAttributes(),
      };
      await saveUnsavedResponse(this.deps.ledger);
      const outcome = await this.decideAndAct();
      if (outcome.kind === 'held') await this.hold(outcome.hold);
      else await recordWait(this.deps, this.request, outcome);
      return { ...accepted, ...outcome };
    } catch (error) {
      throw readFailure(error, this.context.info.attempt);
    } finally {
      this.opening.close();
    }
  }

  /**
   * Records the hold, then checks its breaker again. Resume closes the breaker before it reads the recorded holds, so it would
   * miss a hold written after that.
   *
   * @throws a failure that makes the submit retry, when nothing stops it any more
   */
  private async hold(hold: Hold): Promise<void> {
    const { ledger } = this.deps;
    await recordHold(ledger, this.request, 'submit', hold);
    if (NOT_OF_A_BREAKER.has(hold.class)) return;
    if ((await ledger.breakers.findOpen(this.request.subAppId)) !== null) return;
    await ledger.holds.end(thisRun(), { as: 'resolved', by: null, reason: 'its breaker was closed meanwhile' });
    throw retryFailure(
      hold.class,
      { code: 'BreakerClosed', message: 'What stopped this submit was put right meanwhile.' },
      BREAKER_CLOSED_WAIT_MS * (0.75 + Math.random() / 2),
    );
  }

  private async decideAndAct(): Promise<DistributiveOmit<SubmitOutcome, keyof ValidatedRequest>> {
    const { operatorRetry } = this.input;
    if (operatorRetry?.taskId !== undefined) {
      const { taskId, by } = operatorRetry;
      const refused = await adoptNamedTask(this.deps, this.intent.identity, {
        taskId,
        by,
        signal: this.context.cancellationSignal,
      });
      if (refused !== null) return refused;
    }
    const signal = this.context.cancellationSignal;
    for (;;) {
      const { begun, slot } = await this.begin();
      if (begun.kind === 'send' && slot !== null) return await this.send(begun.submission, slot);
      if (slot !== null) void giveBack(slot);
      switch (begun.kind) {
        case 'send':
          throw new Error('An intent was written without a price.');
        case 'look': {
          const seen = await reconcile(this.deps, this.intent, begun, signal);
          if (seen !== null) return seen;
          continue;
        }
        case 'running':
          return this.running(begun.record);
        case 'done':
          if (await isResultDeleted(this.deps, begun.record, signal)) continue;
          return {
            kind: 'done',
            result: reusedResult(begun.record, this.request),
            paidHere: isPaidBy(begun.record, thisRun()),
          };
        case 'deleted':
          if (!(await isResultDeleted(this.deps, begun.record, signal))) continue;
          throw resultDeleted(begun.record);
        case 'uncertain':
          return uncertain(begun.why, begun.record);
        case 'forbidden':
          throw paymentForbidden(begun.record);
        case 'batchClosed':
          throw batchClosed(begun);
        case 'unpriced': {
          await this.refuseToPay();
          const { subAppId, fileId } = this.request;
          this.intent.costUsd = await this.deps.estimateUsd({ subAppId, fileId, recipe: this.recipe });
          await refuseUnlessVideo(this.deps, this.request, this.context.info.attempt);
          continue;
        }
        case 'overBudget':
          throw overBudget(begun);
        case 'capped':
          return capped(begun.cap, begun.costUsd);
        case 'blocked':
          return blocked(begun.breaker);
        case 'lost':
          throw lost(begun.record);
        case 'failed':
          throw taskFailed(begun.record);
      }
    }
  }

  /** Breakers and earlier payments are checked before waiting for a slot; the price comes after them. */
  private async begin(): Promise<{ begun: BeginOutcome; slot: Slot | null }> {
    const { ledger } = this.deps;
    if (this.intent.costUsd === null) return { begun: await ledger.submissions.begin(this.intent), slot: null };
    const slot = await this.acquire();
    try {
      // What was allowed before the wait for a slot may be forbidden after it.
      await this.refuseToPay();
      return { begun: await ledger.submissions.begin({ ...this.intent, scheduledAt: slot.dueAt }), slot };
    } catch (error) {
      void giveBack(slot);
      throw error;
    }
  }

  private async acquire(): Promise<Slot> {
    const cancel = this.context.cancellationSignal;
    const patience = AbortSignal.timeout(PATIENCE_MS);
    // Opened during the wait for a slot, the connection is ready in time.
    const onNear = () => void this.opening.ready().catch(() => undefined);
    try {
      return await this.deps.limiter.acquire({
        priority: this.priority,
        signal: AbortSignal.any([cancel, patience]),
        onNear,
      });
    } catch (error) {
      if (cancel.aborted) throw new CancelledFailure('Cancelled before the submit was sent.');
      if (patience.aborted) throw notYet('Other submits go first; this one waits for its turn.', 1);
      throw error;
    }
  }

  private async refuseToPay(): Promise<void> {
    await refuseToPay(this.deps, this.request, this.context.info.attempt);
  }

  private async send(submission: SubmissionAttempt, slot: Slot) {
    const { vod, ledger } = this.deps;
    const { subAppId, fileId } = this.request;
    let called = false;
    let refusals: Refusals | undefined;
    // Started during the wait for a slot, the watch runs when the task exists.
    this.deps.watch?.running.ensureWatchRunning(subAppId, () => this.context.client);
    try {
      const sent = await sendInSlot(ledger.submissions, submission, slot, {
        cancel: this.context.cancellationSignal,
        acquire: () => {
          // No call is in flight: the slot was missed, or the vendor did not process the call.
          called = false;
          return this.acquire();
        },
        opening: this.opening,
        lastLook: this.breakers.lastLook(subAppId),
        onRefused: (told) => {
          refusals = told;
        },
        call: ({ connection, leaving }) => {
          const params = toMpsParams(this.recipe);
          const leave = () => {
            leaving();
            called = true;
          };
          return vod.submit({ subAppId, fileId, params }, { connection, leaving: leave });
        },
      });
      if (sent.kind === 'stopped') {
        await this.neverSent(submission, `stopped by the breaker ${sent.by.scope}`);
        return blocked(sent.by);
      }
      const { answer } = sent;
      const accepted = () => ledger.submissions.accepted(submission, { ...answer, adopted: false });
      const record = await writeAnswer(submission, answer, () => keepTrying(accepted));
      if (record === 'taken') throw takenByAnother(answer);
      return this.running(record);
    } catch (error) {
      // Without this, a worker that misses its slots would mark the outcome of unsent submits as unknown.
      if (!called && !(error instanceof VodError)) {
        const why = error instanceof CancelledFailure ? 'cancelled before it was sent' : describeError(error).message;
        await this.neverSent(submission, why);
        throw error;
      }
      if (!(error instanceof VodError)) throw error;
      return await this.notAccepted(submission, error, refusals);
    }
  }

  /** Records that nothing was sent. */
  private async neverSent(submission: SubmissionAttempt, message: string): Promise<void> {
    const error = { class: 'cancelled', code: 'NeverSent', message, requestId: null };
    await keepTrying(() => this.deps.ledger.submissions.refused(submission, error));
  }

  /** The vendor's answer was not a TaskId: act by the class of the error. */
  private async notAccepted(submission: SubmissionAttempt, error: VodError, refusals: Refusals | undefined) {
    const { ledger } = this.deps;
    const described = describeError(error);
    const { attempt } = this.context.info;
    const reaction = ERROR_CLASSES[error.class].onSubmit;
    if (reaction === 'look') {
      await keepTrying(() =>
        ledger.submissions.markUnknown(submission, {
          ...toSubmitError(error),
          saidDuplicate: error.class === 'duplicate',
        }),
      );
      throw retryFailure(error.class, described, retryDelayMs(error.class, attempt), {
        taskId: null,
        moneySpent: true,
      });
    }
    const trips = reaction === 'hold' ? this.breakerFor(error) : undefined;
    const written = keepTrying(() => ledger.submissions.refused(submission, toSubmitError(error), { trips }));
    const breaker = await (trips === undefined ? written : this.breakers.opening(written));
    switch (reaction) {
      case 'fail':
        throw finalFailure(error.class, described);
      case 'hold':
        return held(error.class, error.code, described.message, error.requestId, breaker);
      case 'retry':
        if (refusals !== undefined) await this.stopIfRefusedTooLong(submission, error, refusals);
        throw retryFailure(
          error.class,
          described,
          isBusyFile(error) ? busyAgainMs() : retryDelayMs(error.class, attempt),
        );
    }
  }

  private breakerFor(error: VodError): BreakerScope {
    return concernsOneSubApp(error.code) ? `sub-app/${this.request.subAppId}` : 'account';
  }

  /** The limiter slows every process; when that has not helped for long, all calls stop. */
  private async stopIfRefusedTooLong(
    submission: SubmissionAttempt,
    error: VodError,
    { forMs }: Refusals,
  ): Promise<void> {
    const { ledger, timings } = this.deps;
    if (forMs < timings.throttledTooLongMs) return;
    const minutes = Math.round(forMs / 60_000);
    const message = `no submit was accepted for ${minutes} minutes: ${error.message}`;
    await ledger.breakers.open('account', submission, { ...toSubmitError(error), message });
  }

  private running(record: SubmissionRecord) {
    if (record.taskId === null) throw new Error('A running submission has no TaskId.');
    const submittedAt = record.scheduledAt;
    const deadlineHours = Math.min(this.request.deadlineHours, MAX_DEADLINE_HOURS);
    return {
      kind: 'running' as const,
      taskId: record.taskId,
      requestId: record.requestId,
      submittedAt: submittedAt.toISOString(),
      deadlineAt: new Date(submittedAt.getTime() + deadlineHours * 3_600_000).toISOString(),
      reused: !isRunOf(record, thisRun()),
      paidHere: isPaidBy(record, thisRun()),
      adopted: record.adopted,
    };
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** Another payment of the same file and recipe had an unknown outcome, and adopted this answer's task. */
function takenByAnother({ taskId, requestId }: { taskId: string; requestId: string }) {
  const message = `The vendor answered with task ${taskId}, which the ledger holds for another payment of this file and recipe; the task of this one is looked for.`;
  return retryFailure('ambiguous', { code: 'TaskTaken', message, requestId }, retryDelayMs('ambiguous', 1), {
    taskId: null,
    moneySpent: true,
  });
}

function toSubmitError(error: VodError) {
  return { class: error.class, code: error.code, message: error.message, requestId: error.requestId };
}
