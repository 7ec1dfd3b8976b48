import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributeUpdatePair } from '@temporalio/common';
import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineUpdate,
  patched,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { FailedSubmit, Hold, ValidatedRequest } from '../activities/erase/steps/submit-outcome.js';
import { decisionProblem } from '../contract/decision.js';
import { type EraseEventData, EVENT, type EventType } from '../contract/erase-event.js';
import { ERROR_CLASSES } from '../contract/error-classes.js';
import {
  MEMO,
  namesOfQueue,
  PHASE,
  type Phase,
  QUERY,
  SEARCH_ATTRIBUTE,
  type SearchAttributeKey,
  UPDATE,
} from '../contract/names.js';
import type {
  EraseFailureDetails,
  EraseStatus,
  OperatorDecision,
  RetryDecision,
  WebhookRequest,
} from '../contract/request.js';
import { currentDetails } from './current-details.js';
import { notExpected, type Waiting } from './expectation.js';
import { looseRequest, namedTask } from './loose-input.js';
import { startNotification } from './notification.js';

export const statusQuery = defineQuery<EraseStatus>(QUERY.status);
export const retryUpdate = defineUpdate<string, [RetryDecision]>(UPDATE.retry);
export const skipUpdate = defineUpdate<string, [OperatorDecision]>(UPDATE.skip);
export const abortUpdate = defineUpdate<string, [OperatorDecision]>(UPDATE.abort);

/** `taskId` is only valid for a submit whose outcome is unknown. `breaker`: that of the hold on which the decision was made. */
export type HoldEnd = RetryDecision & { action: 'retry' | 'skip' | 'abort'; breaker: Hold['breaker'] };

const NAMED_IN_VAIN = 'A task is named only to retry a submit in doubt, and this hold is none. Leave "taskId" out.';

/** State of one run: its status, its details in the UI, its search attributes, and its holds. */
export class EraseRun {
  readonly status: EraseStatus;
  private registered: readonly SearchAttributeKey[] = [];
  private readonly batchId: string | null;
  private readonly webhook: WebhookRequest | null;
  private readonly notified: Promise<void>[] = [];
  private holdEnd: HoldEnd | null = null;
  /** The hold as last reported. */
  private heldFor: Hold | null = null;
  private outcome: EraseFailureDetails | null = null;
  /** This run paid for a task that failed; that money is spent whatever follows. */
  paidInVain = false;
  /** The run is ending: its hold can no longer be decided. */
  closing = false;

  constructor(input: unknown) {
    const { fileId, batchId, webhook } = looseRequest(input);
    this.batchId = batchId;
    this.webhook = webhook;
    this.status = {
      phase: PHASE.submitting,
      fileId,
      taskId: null,
      resultFileId: null,
      waitingFor: 'its turn to be submitted',
      held: null,
      review: null,
      submittedAt: null,
      deadlineAt: null,
      reused: false,
      moneySpent: false,
    };
    setHandler(statusQuery, () => this.status);
    this.acceptDecision(retryUpdate, 'retry');
    this.acceptDecision(skipUpdate, 'skip');
    this.acceptDecision(abortUpdate, 'abort');
    this.show();
  }

  /** Applies the submit activity's findings about the request. */
  learn({ request, searchAttributes }: ValidatedRequest): void {
    this.status.fileId = request.fileId;
    this.registered = searchAttributes;
  }

  /** A failed submit reports them with the failure ({@link FailedSubmit}); any other report is ignored. */
  learnSearchAttributes(report: unknown): void {
    const { searchAttributes } = (report ?? {}) as Partial<FailedSubmit>;
    if (!Array.isArray(searchAttributes)) return;
    this.registered = searchAttributes.filter((key) => Object.hasOwn(SEARCH_ATTRIBUTE, key));
  }

  /** Enters a phase. Upserts search attributes if available; combined with other commands this costs one event. */
  enter(phase: Phase, waitingFor: string | null, options: { upsert: boolean }): void {
    this.status.phase = phase;
    this.status.waitingFor = waitingFor;
    this.show();
    if (options.upsert) this.upsert();
  }

  /** The last phase of a run without a result; the details in the UI keep the reason. */
  end(phase: typeof PHASE.failed | typeof PHASE.cancelled, outcome: EraseFailureDetails | null): void {
    if (this.isHeld) this.release();
    this.outcome = outcome;
    this.enter(phase, null, { upsert: true });
  }

  /**
   * Waits for an operator's `retry`, `skip` or `abort`, without a timeout, since waiting loses nothing. With `lookAgainMs` it
   * returns null after that time, to check whether the reason is gone; another call continues the hold.
   */
  async hold(hold: Hold, nowMs: number, lookAgainMs: number | null = null): Promise<HoldEnd | null> {
    if (this.status.held === null) {
      this.holdEnd = null;
      const held = this.showHold(hold, nowMs);
      this.enter(PHASE.held, `an operator: ${ERROR_CLASSES[hold.class].advice}`, { upsert: true });
      upsertMemo({ [MEMO.hold]: this.memoOfHold() });
      void this.tell(EVENT.held, { held });
    } else if (hold.class !== this.heldFor?.class || hold.submission !== this.heldFor.submission) {
      // Reconciling may find another reason: a decision on the first does not apply to it.
      this.showHold(hold, nowMs);
      this.status.waitingFor = `an operator: ${ERROR_CLASSES[hold.class].advice}`;
      this.show();
      if (patched('renewed-hold')) upsertMemo({ [MEMO.hold]: this.memoOfHold() });
    }
    const decided = () => this.holdEnd !== null;
    if (lookAgainMs === null) await condition(decided);
    else await condition(decided, lookAgainMs);
    return this.holdEnd;
  }

  /**
   * Notifies the webhook, if there is one, by a separate workflow. Resolves when the server has this notification and earlier
   * ones, so await it only right before the run closes.
   */
  async tell(type: EventType, what: Pick<EraseEventData, 'result' | 'failure' | 'held'>): Promise<void> {
    if (this.webhook === null) return;
    const { workflowId, runId } = workflowInfo();
    const { fileId: sourceFileId, taskId } = this.status;
    const resultFileId = what.failure?.resultFileId ?? this.status.resultFileId;
    const data = { workflowId, runId, sourceFileId, taskId, resultFileId, ...what };
    this.notified.push(startNotification(this.webhook, { type, timestamp: new Date().toISOString(), data }));
    await Promise.all(this.notified);
  }

  get isHeld(): boolean {
    return this.status.held !== null;
  }

  /** Ends the hold; the caller enters the next phase. */
  release(): void {
    this.status.held = null;
    this.heldFor = null;
    this.holdEnd = null;
    upsertMemo({ [MEMO.hold]: undefined });
  }

  /** The state to which a decision can refer. */
  get waiting(): Waiting {
    const { phase, held, review, taskId } = this.status;
    return {
      phase,
      class: held?.class ?? null,
      submission: held?.submission ?? null,
      since: held === null ? (review?.since ?? null) : (this.heldFor?.since ?? null),
      taskId,
    };
  }

  private showHold(hold: Hold, nowMs: number): NonNullable<EraseStatus['held']> {
    const { class: errorClass, code, message, requestId, submission } = hold;
    this.heldFor = hold;
    // A submit with an unknown outcome may have been paid for: an unknown cost counts as spent.
    if ((submission ?? null) !== null) this.status.moneySpent = true;
    this.status.held = {
      ...{ class: errorClass, code, message, requestId },
      since: hold.since ?? new Date(nowMs).toISOString(),
      submission: submission ?? null,
      runId: workflowInfo().runId,
    };
    return this.status.held;
  }

  private memoOfHold() {
    const { class: errorClass, code, message, since, submission } = this.status.held ?? {};
    return { class: errorClass, code, message, since, submission };
  }

  private acceptDecision(update: typeof retryUpdate, action: HoldEnd['action']): void {
    setHandler(
      update,
      (decision) => {
        this.holdEnd = { ...decision, action, breaker: this.heldFor?.breaker };
        return `${action} accepted`;
      },
      {
        validator: (decision) => {
          const namesTask = namedTask(decision) !== null;
          if (namesTask && action !== 'retry') throw new Error(NAMED_IN_VAIN);
          const problem = decisionProblem(decision, ['expect', 'taskId']);
          if (problem !== null) throw ApplicationFailure.nonRetryable(problem, 'input');
          if (this.closing) throw new Error(`This erase is being cancelled, so there is nothing to ${action}.`);
          const other = notExpected(decision.expect, this.waiting);
          if (other !== null) throw new Error(other);
          if (this.status.phase !== PHASE.held || this.holdEnd !== null) {
            const why = this.holdEnd === null ? `it is ${this.status.phase}` : 'that was decided already';
            throw new Error(`This erase is not held (${why}), so there is nothing to ${action}.`);
          }
          if (namesTask && this.status.held?.submission === null) throw new Error(NAMED_IN_VAIN);
        },
      },
    );
  }

  private show(): void {
    setCurrentDetails(currentDetails(this.status, this.outcome));
  }

  private upsert(): void {
    const values: Record<SearchAttributeKey, string | null> = {
      phase: this.status.phase,
      taskId: this.status.taskId,
      fileId: this.status.fileId,
      batchId: this.batchId,
    };
    const names = namesOfQueue(workflowInfo().taskQueue).searchAttribute;
    const pairs: SearchAttributeUpdatePair[] = [];
    for (const key of this.registered) {
      const value = values[key];
      if (value === null) continue;
      pairs.push({ key: defineSearchAttributeKey(names[key], SearchAttributeType.KEYWORD), value });
    }
    if (pairs.length > 0) upsertSearchAttributes(pairs);
  }
}
