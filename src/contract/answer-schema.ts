/** Schemas of the workflow's results, for clients in other languages. */
import { z } from 'zod';
import { MAX_BY, MAX_DECISION_REASON } from './decision.js';
import { ERROR_CLASSES, type ErrorClass } from './error-classes.js';
import { PHASE } from './names.js';
import {
  type EraseFailureDetails,
  type EraseResult,
  type EraseStatus,
  type Expectation,
  ON_REVIEW_TIMEOUT,
  type OperatorDecision,
  type RetryDecision,
  type ReviewRejection,
} from './request.js';

const errorClass = z.enum(Object.keys(ERROR_CLASSES) as [ErrorClass, ...ErrorClass[]]);
const nullableText = z.string().nullable();
const recipe = z.looseObject({ name: z.string() });

/** Output of the workflow. */
export const eraseResultSchema = z.object({
  status: z.literal('succeeded'),
  reused: z.boolean(),
  subAppId: z.int(),
  sourceFileId: z.string(),
  resultFileId: nullableText,
  taskId: z.string(),
  files: z.array(
    z.object({
      type: z.string(),
      fileId: nullableText,
      url: nullableText,
      expiresInSeconds: z.number().nullable(),
    }),
  ),
  requestId: nullableText,
  recipe,
  recipeHash: z.string(),
  submittedAt: z.string(),
  finishedAt: nullableText,
  published: z
    .object({
      changed: z.array(z.string()),
      procedureTaskId: nullableText,
      prefetchedUrls: z.array(z.string()),
      warnings: z.array(z.string()),
    })
    .nullable(),
}) satisfies z.ZodType<EraseResult>;

/** `details[0]` of the failure that ends a run, and the memo of a cancelled one. */
export const eraseFailureSchema = z.object({
  class: errorClass,
  code: nullableText,
  requestId: nullableText,
  taskId: nullableText,
  message: z.string(),
  moneySpent: z.boolean(),
  resultFileId: nullableText.optional(),
  retryWorkflowId: nullableText.optional(),
}) satisfies z.ZodType<EraseFailureDetails>;

const reviewFile = z.object({ fileId: nullableText, url: nullableText });

/** Answer of the query `status`. */
export const eraseStatusSchema = z.object({
  phase: z.enum(PHASE),
  fileId: nullableText,
  taskId: nullableText,
  resultFileId: nullableText,
  waitingFor: nullableText,
  held: z
    .object({
      class: errorClass,
      code: nullableText,
      message: z.string(),
      requestId: nullableText,
      since: z.string(),
      submission: z.int().min(1).nullable().optional(),
      runId: z.string().optional(),
    })
    .nullable(),
  review: z
    .object({
      since: z.string(),
      timeoutAt: z.string(),
      onTimeout: z.enum(ON_REVIEW_TIMEOUT),
      overdue: z.boolean(),
      runId: z.string().optional(),
      taskId: z.string(),
      recipe,
      source: reviewFile,
      result: reviewFile,
      note: nullableText,
    })
    .nullable(),
  submittedAt: nullableText,
  deadlineAt: nullableText,
  reused: z.boolean(),
  moneySpent: z.boolean(),
}) satisfies z.ZodType<EraseStatus>;

const shortText = z.string().min(1).max(200);

/** The state for which a decision was made. */
const expectationSchema = z.strictObject({
  runId: shortText.optional(),
  class: shortText.optional(),
  submission: z.int().min(1).nullable().optional(),
  since: shortText.optional(),
  taskId: shortText.optional(),
}) satisfies z.ZodType<Expectation>;

/** Argument of the updates `skip`, `abort` and `approve`. */
export const operatorDecisionSchema = z.strictObject({
  by: z.string().min(1).max(MAX_BY),
  reason: z.string().min(1).max(MAX_DECISION_REASON),
  expect: expectationSchema.optional(),
}) satisfies z.ZodType<OperatorDecision>;

/** Argument of the update `retry`. */
export const retryDecisionSchema = z.strictObject({
  ...operatorDecisionSchema.shape,
  taskId: shortText.optional(),
}) satisfies z.ZodType<RetryDecision>;

/** Argument of the update `reject`. */
export const reviewRejectionSchema = z.strictObject({
  ...operatorDecisionSchema.shape,
  retryWith: recipe.optional(),
}) satisfies z.ZodType<ReviewRejection>;
