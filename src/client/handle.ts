import {
  isGrpcCancelledError,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { REVIEW_UPDATE, UPDATE } from '../contract/names.js';
import type {
  EraseResult,
  OperatorDecision,
  RetryDecision,
  ReviewAnswer,
  ReviewRejection,
} from '../contract/request.js';
import { LONGEST_NAME, LONGEST_REASON, shortText } from '../contract/text.js';
import {
  EraseError,
  EraseNotFoundError,
  EraseNotHeldError,
  EraseNotInReviewError,
  EraseStillRunningError,
  InvalidRequestError,
} from '../errors.js';
import { failureOf } from '../temporal/run-failure.js';
import { GRPC, grpcCode } from '../temporal/service-errors.js';
import type { Session } from './session.js';
import { type EraseRunStatus, queryStatus, statusFromDescription, withOutcome } from './status.js';

/** States in which a run still has something to do. */
const OPEN = new Set(['RUNNING', 'PAUSED']);

/** How to wait for a result. */
export interface ResultOptions {
  /** False: do not wait, throw {@link EraseStillRunningError} while it runs. Default true. */
  wait?: boolean;
  /** Ends the wait; the erase runs on. The promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What a cancel found: a run that it reached, or one that had ended. */
export type CancelOutcome = 'requested' | 'already-ended';

/** A hold on one erase, whether it runs or has ended. Only the id matters: it can be kept, and taken up elsewhere. */
export class EraseHandle {
  /** @internal Handles come from `EraseClient.start` and `EraseClient.getHandle`. */
  constructor(
    private readonly session: Session,
    /** Of the run; `erase/…`. */
    readonly workflowId: string,
    /** Set when a certain run is meant; otherwise the latest of this id. */
    readonly runId?: string,
    /** True when this start began the run, false when it existed; undefined on a handle taken up by its id. */
    readonly started?: boolean,
  ) {}

  /**
   * Where the erase is. Asks the run itself; when no worker answers, tells what Temporal knows (`live: false`).
   * @throws EraseNotFoundError, UnavailableError
   */
  async status(): Promise<EraseRunStatus> {
    const description = await this.describe();
    const known = statusFromDescription(description);
    if (!OPEN.has(description.status.name)) return withOutcome(known, await this.outcome(description));
    const live = await this.session.call(() => queryStatus(this.session, description));
    return live === undefined ? known : { ...known, ...live, fileId: live.fileId ?? known.fileId, live: true };
  }

  /**
   * Waits for the end, for as long as it takes.
   * @throws EraseFailedError, EraseCancelledError: why there is no result
   * @throws EraseStillRunningError with `wait: false`
   */
  async result({ wait = true, signal }: ResultOptions = {}): Promise<EraseResult> {
    signal?.throwIfAborted();
    if (!wait) {
      const description = await this.describe();
      if (OPEN.has(description.status.name)) {
        throw new EraseStillRunningError(this.workflowId, statusFromDescription(description).phase);
      }
    }
    const outcome = await this.outcome(undefined, signal);
    if (outcome instanceof EraseError) throw outcome;
    return outcome;
  }

  /**
   * Asks the run to end: the vendor's task is aborted where that is still possible, and the outcome says whether money
   * was spent. Who and why stand in the run's history, cut to 200 and 500 characters: a cancel is never refused for its words.
   * Returns as soon as the request is written down.
   */
  async cancel(reason: string, by?: string): Promise<CancelOutcome> {
    const description = await this.describe();
    if (!OPEN.has(description.status.name)) return 'already-ended';
    const { client, namespace } = this.session;
    try {
      // The SDK's own cancel() sends no reason.
      await client.workflowService.requestCancelWorkflowExecution({
        namespace,
        workflowExecution: { workflowId: this.workflowId, runId: description.runId },
        reason: shortText(reason, LONGEST_REASON),
        identity: by === undefined ? client.options.identity : shortText(by, LONGEST_NAME),
      });
    } catch (error) {
      if (grpcCode(error) === GRPC.notFound) return 'already-ended';
      return this.session.call(() => Promise.reject(error));
    }
    return 'requested';
  }

  /**
   * Lets a held erase go on where it stopped: it submits, or publishes, again. With `taskId`, for a submit in doubt, it takes
   * that task over instead. Throws {@link EraseNotHeldError}.
   */
  async retry(decision: RetryDecision): Promise<void> {
    await this.decide(UPDATE.retry, decision);
  }

  /** Ends a held erase as `skipped`; held in publishing, it succeeds without. Throws {@link EraseNotHeldError}. */
  async skip(decision: OperatorDecision): Promise<void> {
    await this.decide(UPDATE.skip, decision);
  }

  /** Ends a held erase as `aborted`. Throws {@link EraseNotHeldError}. */
  async abort(decision: OperatorDecision): Promise<void> {
    await this.decide(UPDATE.abort, decision);
  }

  /** Lets the result of an erase in review be published, or stand. Throws {@link EraseNotInReviewError}. */
  async approve(decision: OperatorDecision): Promise<ReviewAnswer> {
    return await this.update(REVIEW_UPDATE.approve, decision, EraseNotInReviewError);
  }

  /**
   * Ends an erase in review as `rejected`. With `retryWith`, another recipe, an erase of the same file by it is started,
   * and its workflow id is in the answer.
   * @throws EraseNotInReviewError
   * @throws InvalidRequestError when `retryWith` is no recipe, or the one that was used; it is then still in review
   */
  async reject(rejection: ReviewRejection): Promise<ReviewAnswer> {
    return await this.update(REVIEW_UPDATE.reject, rejection, EraseNotInReviewError);
  }

  private async decide(update: string, decision: OperatorDecision): Promise<void> {
    await this.update(update, decision, EraseNotHeldError);
  }

  /** Sends an update; `Refused` is thrown when the run is not in the state for it. */
  private async update<T>(
    update: string,
    argument: OperatorDecision,
    Refused: typeof EraseNotHeldError | typeof EraseNotInReviewError,
  ): Promise<T> {
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
      if (error instanceof EraseNotFoundError && (await this.exists())) {
        throw new Refused(this.workflowId, 'This erase has ended.', { cause: error });
      }
      throw error;
    }
  }

  private async exists(): Promise<boolean> {
    return await this.describe().then(
      () => true,
      () => false,
    );
  }

  private describe(): Promise<WorkflowExecutionDescription> {
    return this.ask(() => this.session.client.workflow.getHandle(this.workflowId, this.runId).describe());
  }

  /** How it ended: a result, or the error that says why there is none. Waits when it has not. */
  private async outcome(
    known: WorkflowExecutionDescription | undefined,
    signal?: AbortSignal,
  ): Promise<EraseResult | EraseError> {
    const { client } = this.session;
    const wait = () => client.workflow.getHandle(this.workflowId, known?.runId ?? this.runId).result();
    try {
      return (await this.ask(() =>
        // A signal of its own for each wait: the SDK adds a listener, and a caller may wait for many with one signal.
        signal === undefined ? wait() : client.connection.withAbortSignal(AbortSignal.any([signal]), wait),
      )) as EraseResult;
    } catch (error) {
      if (signal?.aborted && isGrpcCancelledError(error)) throw signal.reason;
      if (!(error instanceof WorkflowFailedError)) throw error;
      return failureOf(error, this.workflowId, known ?? (await this.describe()));
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
