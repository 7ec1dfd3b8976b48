/**
 * Public API for a business service: start an erase, follow it, read its result, cancel it. Loads neither the worker nor the
 * vendor's SDK nor the ledger.
 */
import { EraseHandle, type ResultOptions } from './client/handle.js';
import { type ListedErase, type ListOptions, listErases } from './client/list.js';
import { type EraseClientConfig, openSession, type Session } from './client/session.js';
import { startErase } from './client/start.js';
import { eraseKeyId } from './contract/identity.js';
import { workflowIdWith } from './contract/names.js';
import type { EraseRequest, EraseResult } from './contract/request.js';

export type { CancelOutcome, ResultOptions } from './client/handle.js';
export { EraseHandle } from './client/handle.js';
export type { ListedErase, ListedStatus, ListOptions } from './client/list.js';
export type { ClientHooks, ConnectTo, EraseClientConfig, ExistingConnection } from './client/session.js';
export type { EraseRunStatus, ExecutionStatus } from './client/status.js';
export {
  ERROR_CLASSES,
  type ErrorClass,
  type ErrorClassRow,
  EXIT,
  type ExitCode,
  type Reaction,
  type RetryDelays,
} from './contract/error-classes.js';
export { PHASE, type Phase } from './contract/names.js';
export type {
  EraseFailureDetails,
  EraseRequest,
  EraseResult,
  EraseStatus,
  Expectation,
  Inheritable,
  OnReviewTimeout,
  OperatorDecision,
  PayAgain,
  PublishOutcome,
  PublishRequest,
  RecipeRequest,
  ResultFile,
  RetryDecision,
  ReviewAnswer,
  ReviewFile,
  ReviewRejection,
  ReviewRequest,
  ReviewStatus,
  WebhookRequest,
} from './contract/request.js';
export {
  ConfigurationError,
  EraseCancelledError,
  EraseError,
  type EraseErrorFields,
  EraseFailedError,
  EraseNotFoundError,
  EraseNotHeldError,
  EraseNotInReviewError,
  EraseStillRunningError,
  InvalidRequestError,
  RequestConflictError,
  UnavailableError,
} from './errors.js';

/**
 * Starts erases, finds them again, lists them. One connection; use it for as long as the service lives.
 *
 * @example
 * ```ts
 * const client = await EraseClient.connect();
 * const handle = await client.start({
 *   fileId: '5285485487985271487',
 *   subAppId: 1500000001,
 *   recipe: { name: 'subtitles' },
 * });
 * const { resultFileId } = await handle.result();
 * await client.close();
 * ```
 */
export class EraseClient {
  private constructor(private readonly session: Session) {}

  /**
   * Connects by Temporal's environment variables, by the settings given here instead, or on an open connection.
   * @throws UnavailableError, ConfigurationError
   */
  static async connect(config: EraseClientConfig = {}): Promise<EraseClient> {
    return new EraseClient(await openSession(config));
  }

  /**
   * Starts an erase and returns as soon as Temporal has it. A repeated start returns the existing run, running or ended.
   *
   * If that run succeeded and the request, without a `key`, asks for another publish, review, webhook or deadline, a new run does
   * this without a payment. An invalid request is not sent.
   * @throws InvalidRequestError, RequestConflictError, UnavailableError, ConfigurationError
   */
  async start(request: EraseRequest): Promise<EraseHandle> {
    const { workflowId, runId, started } = await startErase(this.session, request);
    return new EraseHandle(this.session, workflowId, runId, started);
  }

  /** Starts an erase and waits for its result; see {@link start} and {@link EraseHandle.result}. */
  async execute(request: EraseRequest, options: Pick<ResultOptions, 'signal'> = {}): Promise<EraseResult> {
    const handle = await this.start(request);
    return handle.result(options);
  }

  /**
   * The latest run of a workflow id or `key`; with `runId`, exactly that run. Makes no call, so an unknown id is reported at its
   * first use.
   */
  getHandle(id: string | { key: string }, runId?: string): EraseHandle {
    const workflowId = typeof id === 'string' ? id : workflowIdWith(this.session.names.prefix, eraseKeyId(id.key));
    return new EraseHandle(this.session, workflowId, runId);
  }

  /** Erases of this installation, newest first. */
  list(options: ListOptions = {}): AsyncGenerator<ListedErase> {
    return listErases(this.session, options);
  }

  /** Closes the connection, unless it was the caller's. */
  async close(): Promise<void> {
    await this.session.close();
  }

  /** For `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
