import {
  isGrpcCancelledError,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { type DecisionField, decisionProblem } from '../contract/decision.js';
import { REVIEW_UPDATE, UPDATE } from '../contract/names.js';
import type {
  EraseResult,
  OperatorDecision,
  RetryDecision,
  ReviewAnswer,
  ReviewRejection,
} from '../contract/request.js';
import { LONGEST_NAME, LONGEST_REASON, shortText } from '../contract/text.js';
import { Unreadable } from '../contract/unreadable.js';
import {
  EraseError,
  EraseNotFoundError,
  EraseNotHeldError,
  EraseNotInReviewError,
  EraseStillRunningError,
  InvalidRequestError,
} from '../errors.js';
import { describeRun, followRun, isOpen } from '../temporal/follow-run.js';
import { failureOf } from '../temporal/run-failure.js';
import { GRPC, grpcCode } from '../temporal/service-errors.js';
import type { Session } from './session.js';
import { type EraseRunStatus, endedStatus, ofRun, queryStatus, statusFromDescription } from './status.js';

/** Maximum attempts of a cancel while its run is being reset or replaced. */
const CANCELS = 5;

/** How to wait for a result. */
export interface ResultOptions {
  /** False: throw {@link EraseStillRunningError} instead of waiting while it runs. Default true. */
  wait?: boolean;
  /** Ends the wait; the erase runs on. The promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What a cancel found: a run that received it, or one that had ended. */
export type CancelOutcome = 'requested' | 'already-ended';

/** A reference to one erase, running or ended. Its id is enough to make it again elsewhere. */
export class EraseHandle {
  /** @internal Handles come from `EraseClient.start` and `EraseClient.getHandle`. */
  constructor(
    private readonly session: Session,
    /** Workflow id of the erase; `erase/…`. */
    readonly workflowId: string,
    /**
     * Set for a certain run; otherwise the latest of this id. Follows a run that is reset or replaced to the run in which it
     * continues.
     */
    readonly runId?: string,
    /** True when this start began the run, false when it existed; undefined on a handle made from an id. */
    readonly started?: boolean,
  ) {}

  /**
   * Status of the erase, from a query of the run. If no worker answers, it is what Temporal knows (`live: false`).
   * @throws EraseNotFoundError, UnavailableError
   */
  async status(): Promise<EraseRunStatus> {
    const description = await this.describe();
    const known = statusFromDescription(description);
    if (!isOpen(description)) return endedStatus(this.session, known, await this.outcomeOf(description));
    const live = await this.session.call(() => queryStatus(this.session, description));
    if (live === undefined) return known;
    return { ...known, ...live, ...ofRun(known.runId, live), fileId: live.fileId ?? known.fileId, live: true };
  }

  /**
   * Waits for the end, without a time limit.
   * @throws EraseFailedError, EraseCancelledError: why there is no result
   * @throws EraseStillRunningError with `wait: false`
   */
  async result({ wait = true, signal }: ResultOptions = {}): Promise<EraseResult> {
    signal?.throwIfAborted();
    if (!wait) {
      const description = await this.describe();
      if (isOpen(description)) {
        throw new EraseStillRunningError(this.workflowId, statusFromDescription(description).phase);
      }
    }
    const outcome = await this.outcome(signal);
    if (outcome instanceof EraseError) throw outcome;
    return outcome;
  }

  /**
   * Requests a cancel: the vendor's task is aborted if still possible, and the outcome reports whether money was spent. Returns
   * as soon as Temporal has the request.
   *
   * Name and reason are kept in the run's history, cut to 200 and 500 characters instead of refused.
   */
  async cancel(reason: string, by?: string): Promise<CancelOutcome> {
    const { client, namespace } = this.session;
    for (let sent = 0; sent < CANCELS; sent += 1) {
      const description = await this.describe();
      if (!isOpen(description)) return 'already-ended';
      try {
        // The SDK's own cancel() sends no reason.
        await client.workflowService.requestCancelWorkflowExecution({
          namespace,
          workflowExecution: { workflowId: this.workflowId, runId: description.runId },
          reason: shortText(reason, LONGEST_REASON),
          identity: by === undefined ? client.options.identity : shortText(by, LONGEST_NAME),
        });
        return 'requested';
      } catch (error) {
        // The run just ended, possibly to continue as another run.
        if (grpcCode(error) !== GRPC.notFound) return this.session.call(() => Promise.reject(error));
      }
    }
    return 'already-ended';
  }

  /**
   * Lets a held erase continue: it submits, or publishes, again. With `taskId`, for a submit with an unknown outcome, it adopts
   * that task instead. With `expect`, the decision applies only to the expected hold.
   * @throws EraseNotHeldError when it is not held, or not for what is expected; InvalidRequestError
   */
  async retry(decision: RetryDecision): Promise<void> {
    await this.decide(UPDATE.retry, decision);
  }

  /** Ends a held erase as `skipped`; if held in publishing, it succeeds without. Throws as {@link retry}. */
  async skip(decision: OperatorDecision): Promise<void> {
    await this.decide(UPDATE.skip, decision);
  }

  /** Ends a held erase as `aborted`. Throws as {@link retry}. */
  async abort(decision: OperatorDecision): Promise<void> {
    await this.decide(UPDATE.abort, decision);
  }

  /**
   * Approves the result of an erase in review, which is then published if requested. With `expect`, only the expected result.
   * @throws EraseNotInReviewError when it is not in review, or not with what is expected; InvalidRequestError
   */
  async approve(decision: OperatorDecision): Promise<ReviewAnswer> {
    return await this.update(REVIEW_UPDATE.approve, decision, ['expect'], EraseNotInReviewError);
  }

  /**
   * Ends an erase in review as `rejected`. With `retryWith`, starts an erase of the same file by that recipe, and returns its
   * workflow id.
   * @throws EraseNotInReviewError
   * @throws InvalidRequestError when `retryWith` is no recipe, or the one that was used; it is then still in review
   */
  async reject(rejection: ReviewRejection): Promise<ReviewAnswer> {
    return await this.update(REVIEW_UPDATE.reject, rejection, ['expect', 'retryWith'], EraseNotInReviewError);
  }

  private async decide(update: string, decision: OperatorDecision): Promise<void> {
    await this.update(update, decision, update === UPDATE.retry ? ['expect', 'taskId'] : ['expect'], EraseNotHeldError);
  }

  /** Sends an update; throws `Refused` when the run is not in the state for it. */
  private async update<T>(
    update: string,
    argument: OperatorDecision,
    also: readonly DecisionField[],
    Refused: typeof EraseNotHeldError | typeof EraseNotInReviewError,
  ): Promise<T> {
    // The server rejects an oversized argument without a readable message.
    const problem = decisionProblem(argument, also);
    if (problem !== null) throw new InvalidRequestError([problem], { workflowId: this.workflowId });
    const run = this.session.client.workflow.getHandle(this.workflowId, this.runId);
    try {
      return await this.ask(() => run.executeUpdate<T, [OperatorDecision]>(update, { args: [argument] }));
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError) {
        const { cause } = error;
        if (cause instanceof ApplicationFailure && cause.type === 'input') {
          throw new InvalidRequestError([cause.message], { workflowId: this.workflowId, cause: error });
        }
        throw new Refused(this.workflowId, cause?.message ?? error.message, { cause: error });
      }
      if (!(error instanceof EraseNotFoundError)) throw error;
      const ended = await this.describe().catch(() => null);
      if (ended === null) throw error;
      throw new Refused(this.workflowId, await this.howItStands(this.runId ?? ended.runId), { cause: error });
    }
  }

  /** For a run that has ended: its id may have a newer run, to which the decision does not apply. */
  private async howItStands(ended: string): Promise<string> {
    const latest = await this.session.client.workflow.getHandle(this.workflowId).describe();
    if (latest.runId === ended) return 'This erase has ended.';
    return (
      `This decision was made for run ${ended}, which has ended. ${this.workflowId} has another run by now, ${latest.runId} ` +
      `(${statusFromDescription(latest).phase}): look at it, then decide about that one.`
    );
  }

  /** The referenced run, or the one in which it continues. */
  private describe(): Promise<WorkflowExecutionDescription> {
    const { client } = this.session;
    const { workflowId, runId } = this;
    return this.ask(() =>
      runId === undefined ? describeRun(client, workflowId) : followRun(client, workflowId, runId),
    );
  }

  /** The result, or the error that explains its absence; waits for the end. Follows a run that is reset or replaced meanwhile. */
  private async outcome(signal?: AbortSignal): Promise<EraseResult | EraseError> {
    let runId = this.runId ?? (await this.describe()).runId;
    for (;;) {
      const waited = runId;
      const end = await this.endOf(waited, signal);
      const description = await this.ask(() => followRun(this.session.client, this.workflowId, waited));
      if (description.runId === waited) return this.asOutcome(end, description);
      runId = description.runId;
    }
  }

  /** The outcome of a run that has ended. */
  private async outcomeOf(ended: WorkflowExecutionDescription): Promise<EraseResult | EraseError> {
    return this.asOutcome(await this.endOf(ended.runId), ended);
  }

  private asOutcome(
    end: EraseResult | WorkflowFailedError,
    description: WorkflowExecutionDescription,
  ): EraseResult | EraseError {
    return end instanceof WorkflowFailedError ? failureOf(end, this.workflowId, description) : end;
  }

  /** Waits for the end of exactly that run. */
  private async endOf(runId: string, signal?: AbortSignal): Promise<EraseResult | WorkflowFailedError> {
    const { client } = this.session;
    const wait = () => client.workflow.getHandle(this.workflowId, runId).result();
    try {
      const result: unknown = await this.ask(() =>
        // A separate signal for each wait: the SDK adds a listener, and a caller may use one signal for many waits.
        signal === undefined ? wait() : client.connection.withAbortSignal(AbortSignal.any([signal]), wait),
      );
      if (!(result instanceof Unreadable)) return result as EraseResult;
      // Its cost and result are in the ledger.
      throw new EraseError('unexpected', result.sentence('Its result'), {
        workflowId: this.workflowId,
        moneySpent: true,
      });
    } catch (error) {
      if (signal?.aborted && isGrpcCancelledError(error)) throw signal.reason;
      if (!(error instanceof WorkflowFailedError)) throw error;
      return error;
    }
  }

  private async ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.session.call(work);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw new EraseNotFoundError(this.workflowId, { cause: error });
      throw error;
    }
  }
}
