import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  defineUpdate,
  ParentClosePolicy,
  setHandler,
  startChild,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { PlannedReviewRetry } from '../activities/review/plan-review-retry.js';
import { decisionProblem } from '../contract/decision.js';
import { MEMO, PHASE, REVIEW_UPDATE, WORKFLOW } from '../contract/names.js';
import type {
  EraseResult,
  NormalizedEraseRequest,
  OperatorDecision,
  ReviewAnswer,
  ReviewRejection,
  ReviewRequest,
  ReviewStatus,
} from '../contract/request.js';
import { detailsOf, summaryOf } from '../contract/start-texts.js';
import { visibleText } from '../contract/text.js';
import { describeReview, planReviewRetry, recordReview } from './activities.js';
import type { EraseRun } from './erase-run.js';
import { notExpected } from './expectation.js';

export const approveUpdate = defineUpdate<ReviewAnswer, [OperatorDecision]>(REVIEW_UPDATE.approve);
export const rejectUpdate = defineUpdate<ReviewAnswer, [ReviewRejection]>(REVIEW_UPDATE.reject);

const HOUR_MS = 3_600_000;
/** Maximum characters of a name in a summary, of which the server accepts 400 bytes. */
const MOST_OF_A_NAME = 60;

type Retry = Extract<PlannedReviewRetry, { ok: true }>;

interface Decision {
  decision: 'approve' | 'reject';
  /** Null when the review expired. */
  by: string | null;
  reason: string;
  retry: Retry | null;
}

/** What the run does next: continue to publishing, or end with this failure of class `rejected`. */
export type ReviewVerdict =
  | { kind: 'approved' }
  | { kind: 'rejected'; code: string; message: string; retryWorkflowId: string | null };

/** The review gate of one run: its two updates, and the wait for one of them. */
export class Review {
  /** The request under review, while a decision is waited for. */
  private asked: NormalizedEraseRequest | null = null;
  /** The recipe of a rejection is being validated; no other decision is accepted meanwhile. */
  private checking = false;
  private decision: Decision | null = null;

  constructor(private readonly run: EraseRun) {
    setHandler(
      approveUpdate,
      ({ by, reason }) => {
        this.decision = { decision: 'approve', by, reason, retry: null };
        return { decision: 'approve', retryWorkflowId: null };
      },
      { validator: (given) => this.validate('approve', given) },
    );
    setHandler(rejectUpdate, (given) => this.reject(given), { validator: (given) => this.validate('reject', given) });
  }

  /**
   * Does nothing without `review` in the request; else shows the result, waits, records the reviewer, and returns the decision.
   */
  async gate(request: NormalizedEraseRequest, result: EraseResult): Promise<ReviewVerdict> {
    if (request.review === undefined) return { kind: 'approved' };
    const made = await this.waitFor(request, request.review, result);
    return await CancellationScope.nonCancellable(async () => {
      const existed = made.retry === null ? false : !(await startRetry(made.retry));
      const retryWorkflowId = made.retry?.workflowId ?? null;
      const { sourceFileId, resultFileId, taskId } = result;
      const { decision, by, reason } = made;
      await recordReview.executeWithOptions(
        { summary: `Keep who decided: ${decision} by ${visibleText((by ?? 'nobody').slice(0, MOST_OF_A_NAME))}` },
        [
          {
            decision,
            by,
            reason,
            taskId,
            sourceFileId,
            resultFileId,
            retry: made.retry && {
              workflowId: made.retry.workflowId,
              recipe: made.retry.request.recipe,
              existed,
              request: made.retry.request,
            },
          },
        ],
      );
      if (decision === 'approve') {
        // `review list` filters by the search attribute, so an approved run must not keep it.
        if (request.publish !== undefined) this.run.enter(PHASE.publishing, 'the publish steps', { upsert: true });
        return { kind: 'approved' };
      }
      const who = by === null ? reason : `The result was rejected in review by ${by}: ${reason}`;
      const next = retryWorkflowId === null ? '' : ` Another recipe is used by ${retryWorkflowId}.`;
      return {
        kind: 'rejected',
        code: by === null ? 'ReviewTimeout' : 'Rejected',
        message: who + next,
        retryWorkflowId,
      };
    });
  }

  private async waitFor(
    request: NormalizedEraseRequest,
    { timeoutHours, onTimeout }: Required<ReviewRequest>,
    { sourceFileId, resultFileId, taskId, files }: EraseResult,
  ): Promise<Decision> {
    const { sourceUrl, resultUrl, note } = await describeReview.executeWithOptions(
      { summary: 'Read the URLs of source and result, for the review' },
      [{ subAppId: request.subAppId, sourceFileId, resultFileId, files, taskId }],
    );
    const timeoutMs = Math.max(1, Math.round(timeoutHours * HOUR_MS));
    const nowMs = Date.now();
    const review: ReviewStatus = {
      since: new Date(nowMs).toISOString(),
      timeoutAt: new Date(nowMs + timeoutMs).toISOString(),
      onTimeout,
      overdue: false,
      runId: workflowInfo().runId,
      taskId,
      recipe: request.recipe,
      source: { fileId: sourceFileId, url: sourceUrl },
      result: { fileId: resultFileId, url: resultUrl },
      note,
    };
    this.asked = request;
    this.decision = null;
    this.run.status.resultFileId = resultFileId;
    this.show(review);
    try {
      if (await condition(() => this.decision !== null, timeoutMs)) return this.decided();
      // A rejection that came in time and is still being validated counts, if it is valid.
      await condition(() => !this.checking);
      if (this.decision !== null) return this.decided();
      if (onTimeout === 'hold') {
        this.show({ ...review, overdue: true });
        await condition(() => this.decision !== null);
        return this.decided();
      }
      const reason = `Nobody decided within ${timeoutHours} h, and the request says: ${onTimeout}.`;
      return { decision: onTimeout, by: null, reason, retry: null };
    } finally {
      this.asked = null;
      this.run.status.review = null;
      upsertMemo({ [MEMO.review]: undefined });
    }
  }

  private decided(): Decision {
    if (this.decision === null) throw new TypeError('A review ended without a decision.');
    return this.decision;
  }

  private show(review: ReviewStatus): void {
    this.run.status.review = review;
    const then = review.overdue ? 'overdue' : `until ${review.timeoutAt}, then ${review.onTimeout}`;
    this.run.enter(PHASE.review, `a reviewer to approve or reject the result (${then})`, { upsert: true });
    upsertMemo({ [MEMO.review]: review });
  }

  private validate(update: 'approve' | 'reject', given: OperatorDecision): void {
    const problem = decisionProblem(given, update === 'reject' ? ['expect', 'retryWith'] : ['expect']);
    if (problem !== null) throw ApplicationFailure.nonRetryable(problem, 'input');
    if (this.run.closing) throw new Error(`This erase is being cancelled, so there is nothing to ${update}.`);
    const other = notExpected(given.expect, this.run.waiting);
    if (other !== null) throw new Error(other);
    if (this.asked === null || this.decision !== null || this.checking) {
      const why =
        this.run.status.phase !== PHASE.review
          ? `is not in review (it is ${this.run.status.phase})`
          : this.checking
            ? 'is being rejected by somebody else'
            : 'was decided already';
      throw new Error(`This erase ${why}, so there is nothing to ${update}.`);
    }
  }

  private async reject({ by, reason, retryWith }: ReviewRejection): Promise<ReviewAnswer> {
    const retry = retryWith === undefined || retryWith === null ? null : await this.plan(retryWith);
    this.decision = { decision: 'reject', by, reason, retry };
    return { decision: 'reject', retryWorkflowId: retry?.workflowId ?? null };
  }

  /** @throws ApplicationFailure of type `input`, which refuses the update and leaves the review open. */
  private async plan(retryWith: unknown): Promise<Retry> {
    const request = this.asked;
    if (request === null) throw ApplicationFailure.nonRetryable('This erase is not in review.', 'input');
    this.checking = true;
    try {
      const planned = await planReviewRetry.executeWithOptions({ summary: 'Check the other recipe' }, [
        { request, retryWith },
      ]);
      if (planned.ok) return planned;
      throw ApplicationFailure.create({ type: 'input', message: planned.problem, nonRetryable: true });
    } finally {
      this.checking = false;
    }
  }
}

/**
 * Starts the erase with the other recipe as an abandoned child, recorded before this run ends; Temporal links the two. False when
 * that erase already exists, running or succeeded.
 */
async function startRetry({ workflowId, request }: Retry): Promise<boolean> {
  try {
    await startChild(WORKFLOW.erase, {
      workflowId,
      args: [request],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      memo: { [MEMO.request]: request },
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      staticSummary: summaryOf(request),
      staticDetails: detailsOf(request),
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
