import type { ErrorClass } from './error-classes.js';
import type { Phase } from './names.js';

/** A recipe in a request: its name and its own options. Validated by `recipe-schema.ts`. */
export interface RecipeRequest {
  /** One of those that `smart-erase recipes` lists, such as `subtitles`. */
  name: string;
  /** Options of that recipe; any other is refused. */
  [option: string]: unknown;
}

/** Fields of the source file that publishing can copy to the result. */
export const INHERITABLE = ['name', 'description', 'classId', 'tags', 'cover', 'expireTime'] as const;
/** A field of the source media that the new one can inherit. */
export type Inheritable = (typeof INHERITABLE)[number];

/** What to do with the new file. Every step is optional and safe to repeat. */
export interface PublishRequest {
  /** Media name, at most 64 characters (ModifyMediaInfo). */
  name?: string;
  /** Media description, at most 128 characters. */
  description?: string;
  /** Media class id. */
  classId?: number;
  /** At most 16 tags of at most 32 characters. Existing tags stay. */
  tags?: string[];
  /** ISO 8601, or `never`. The vendor deletes the file for good at that time. */
  expireTime?: string;
  /** Inherited from the source file; a value given above takes precedence. */
  inherit?: Inheritable[];
  /** Name of a VOD procedure to run on the new file, for the renditions that the player needs. */
  procedure?: string;
  /** Prefetch the new file's URL into the CDN. A failure is a warning. */
  prefetch?: boolean;
}

/** Pays again for an erase that was paid before. Safe to repeat: a token pays once. */
export interface PayAgain {
  /** Chosen by the caller: the same token pays once, however often it is sent. */
  token: string;
  /** Why; kept in the ledger. */
  reason: string;
}

/** What happens to a result without a timely decision: `hold` keeps waiting. */
export const ON_REVIEW_TIMEOUT = ['approve', 'reject', 'hold'] as const;
/** What happens at the timeout of a review; `hold` keeps waiting. */
export type OnReviewTimeout = (typeof ON_REVIEW_TIMEOUT)[number];

/** A person reviews the result before it is published, and approves or rejects it. */
export interface ReviewRequest {
  /** Hours from the result until `onTimeout`; above 0, at most 8,760 (a year). Fractions are allowed. */
  timeoutHours: number;
  /** Default `hold`. */
  onTimeout?: OnReviewTimeout;
}

/** The receiver of an erase's events: signed POSTs by the Standard Webhooks specification. */
export interface WebhookRequest {
  /** https, or http where the workers allow it; at most 2,000 characters, no user or password in it. */
  url: string;
  /** Name of a secret in the workers' configuration (`SMART_ERASE_WEBHOOK_SECRETS`), never the secret itself. */
  secret: string;
}

/** Input of the workflow `erase`. Any client of any language may send it as plain JSON. */
export interface EraseRequest {
  /** Source media, as decimal digits. A string: a FileId is above 2^53. */
  fileId: string;
  /** VOD sub-application. */
  subAppId: number;
  /** What to erase. */
  recipe: RecipeRequest;
  /** What to do with the new file. Default: nothing, it is in the library. */
  publish?: PublishRequest;
  /** The result waits for `approve` or `reject`, also one that was paid for before. Default: no review. */
  review?: ReviewRequest;
  /** The caller's own id for this erase: becomes the workflow id. The payment identity is file and recipe, not the key. */
  key?: string;
  /** Requester: a person, a service, an order number. Kept in the ledger. */
  requestedBy?: string;
  /** Reason, at most 500 characters. Kept in the ledger, with the submit; another payment has its own in `payAgain`. */
  reason?: string;
  /** Pay once more for an erase that was paid for before. Default: its result is reused. */
  payAgain?: PayAgain;
  /**
   * True: reuse an earlier payment, and never pay, not even for the one resubmission after a failed task. An erase that needs a
   * payment fails instead. Default: pay once.
   */
  neverPay?: true;
  /** Hours after the submit in which the task must end; default 24, at most 68 (the vendor forgets a task after 72). */
  deadlineHours?: number;
  /** The batch of this erase: it then queues behind interactive erases. */
  batchId?: string;
  /** Workflow id of the rejected erase that this one follows with another recipe. Set by the rejection. */
  rejectedFrom?: string;
  /** Notified when the erase succeeded, failed, was cancelled, or is held. */
  webhook?: WebhookRequest;
}

/** The request after validation and defaults, as the submit activity returns it and the ledger keeps it. */
export interface NormalizedEraseRequest extends EraseRequest {
  deadlineHours: number;
  review?: Required<ReviewRequest>;
}

/** One output of the vendor's task. */
export interface ResultFile {
  /** The vendor's FileType, such as `AiAnalysis.DeLogo.Video`. */
  type: string;
  /** New media's FileId; null for a temporary file. */
  fileId: string | null;
  /** Download URL; null when the vendor gives none. */
  url: string | null;
  /** Lifetime of a temporary URL in seconds, as the vendor reports it; null when permanent or unknown. */
  expiresInSeconds: number | null;
}

/** Outcome of publishing. */
export interface PublishOutcome {
  /** Fields changed on the new media. */
  changed: string[];
  /** The vendor's task of the VOD procedure; null when none was requested. */
  procedureTaskId: string | null;
  /** URLs prefetched into the CDN. */
  prefetchedUrls: string[];
  /** Steps that failed without harm to the result. */
  warnings: string[];
}

/** Output of the workflow `erase`. */
export interface EraseResult {
  /** Always this: a run without a result ends as a failure. */
  status: 'succeeded';
  /** True when this run did not pay: the ledger had the result, or the task was already in progress. */
  reused: boolean;
  /** VOD sub-application. */
  subAppId: number;
  /** FileId of the source media, as decimal digits. */
  sourceFileId: string;
  /** The new media. Null only for a recipe that makes no video (`subtitles-extract`). */
  resultFileId: string | null;
  /** The vendor's task that made it. */
  taskId: string;
  /** All files of the task, as the vendor reports them. */
  files: ResultFile[];
  /** RequestId of the call that read the result. */
  requestId: string | null;
  /** The recipe after defaults. */
  recipe: RecipeRequest;
  /** Identifies a recipe for payment: 32 hex digits. */
  recipeHash: string;
  /** ISO 8601. */
  submittedAt: string;
  /** ISO 8601, the vendor's FinishTime; null when it gave none. */
  finishedAt: string | null;
  /** Null when no publish was requested. */
  published: PublishOutcome | null;
}

/** `details[0]` of the ApplicationFailure that ends a failed erase, and the memo `eraseOutcome` of a cancelled one. */
export interface EraseFailureDetails {
  /** The family of the failure: decide by it. */
  class: ErrorClass;
  /** The vendor's code, or ours where there is none. */
  code: string | null;
  /** RequestId of the vendor's response, for the vendor's support; null when none came. */
  requestId: string | null;
  /** The vendor's task, if there is one. */
  taskId: string | null;
  /** For people; its text may change. */
  message: string;
  /** True when the vendor accepted a task that it bills, or may have: an unknown cost counts as spent. */
  moneySpent: boolean;
  /** Set when the erase itself succeeded, and a later step failed. */
  resultFileId?: string | null;
  /** Of a rejected erase with another recipe: the workflow id of the new erase. */
  retryWorkflowId?: string | null;
}

/** Data for a reviewer. Times are ISO 8601. */
export interface ReviewStatus {
  /** When the review began. */
  since: string;
  /** Time of `onTimeout`, in the future or the past. */
  timeoutAt: string;
  /** What happens without a decision by then. */
  onTimeout: OnReviewTimeout;
  /** True when the timeout has passed and the review continues (`hold`). */
  overdue: boolean;
  /** The run that is in review. Missing when an older worker answers. */
  runId?: string;
  /** The vendor's task that made the result. */
  taskId: string;
  /** The recipe of the result. */
  recipe: RecipeRequest;
  /** The source file. */
  source: ReviewFile;
  /** The new file. */
  result: ReviewFile;
  /** A note on the URLs, such as that they could not be read; usually null. */
  note: string | null;
}

/** A file shown to a reviewer. */
export interface ReviewFile {
  /** Null for the result of a recipe that makes no video. */
  fileId: string | null;
  /** http or https; null when the vendor gives none. A protected domain answers 403 without a signature. */
  url: string | null;
}

/** Response of the query `status`. Times are ISO 8601. */
export interface EraseStatus {
  /** Phase of the run. */
  phase: Phase;
  /** The source media; null when the request names no valid one. */
  fileId: string | null;
  /** The vendor's task, once the submit was accepted. */
  taskId: string | null;
  /** The new media, once it is known. */
  resultFileId: string | null;
  /** What the run waits for, as text. */
  waitingFor: string | null;
  /** Set while held. */
  held: {
    /** Error class of the hold. */
    class: ErrorClass;
    /** The vendor's code, or ours. */
    code: string | null;
    /** The reason as text. */
    message: string;
    /** RequestId of the vendor's response. */
    requestId: string | null;
    /** Start of the hold, unique among the holds of a run. */
    since: string;
    /** Number of the submission that is uncertain; null for any other hold. Missing when an older worker answers. */
    submission?: number | null;
    /** The run that is held. Missing when an older worker answers. */
    runId?: string;
  } | null;
  /** Set while in review. */
  review: ReviewStatus | null;
  /** When the vendor accepted the task; null before. */
  submittedAt: string | null;
  /** When the run ends as `expired`; null before the submit. */
  deadlineAt: string | null;
  /** True when this run did not pay. */
  reused: boolean;
  /** True when the vendor accepted a task that it bills, or may have, from this run or an earlier one of the same id. */
  moneySpent: boolean;
}

/**
 * The state for which a decision was made, as in `held` or `review` of the status. An update is refused when one of these fields
 * has changed: the run was reset or started again, or is held for something else. Omitted fields are not compared.
 */
export interface Expectation {
  /** The run that was reviewed. */
  runId?: string;
  /** The error class of the hold. */
  class?: string;
  /** Number of the uncertain submission; null for any other hold. */
  submission?: number | null;
  /** Start of the hold or the review, as in the status. */
  since?: string;
  /** The vendor's task: of a review, the one that made the result. */
  taskId?: string;
}

/** Argument of the updates `skip`, `abort` and `approve`. */
export interface OperatorDecision {
  /** Who decided; at most 1,000 characters. */
  by: string;
  /** Why, at most 4,000 characters; kept in the ledger's audit. */
  reason: string;
  /** The state to which the decision applies, and no other. Default: whatever the run waits for. */
  expect?: Expectation;
}

/** Argument of the update `retry`. */
export interface RetryDecision extends OperatorDecision {
  /**
   * For a submit with an unknown outcome: its task at the vendor, which is adopted without another submit. Refused for any other
   * hold.
   */
  taskId?: string;
}

/** Argument of the update `reject`. */
export interface ReviewRejection extends OperatorDecision {
  /** Erase the same file by this recipe instead: a new erase, linked to this one. */
  retryWith?: RecipeRequest;
}

/** Response of the updates `approve` and `reject`. */
export interface ReviewAnswer {
  /** The decision that the run took. */
  decision: 'approve' | 'reject';
  /** Workflow id of the erase with the other recipe; null when none was requested. */
  retryWorkflowId: string | null;
}
