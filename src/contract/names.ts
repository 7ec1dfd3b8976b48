/**
 * Names shared with running workflows, clients in other languages, the Temporal UI and operators' queries. They are kept in one
 * place and frozen by a test, since a change is a breaking one.
 */

/** Workflow types, as a client of any language starts them. */
export const WORKFLOW = {
  erase: 'erase',
  /** Dispatches a batch. Started by `smart-erase batch start`, and again by workers. */
  batch: 'batch',
  /** Delivers one webhook. Started by erases, not by callers. */
  notification: 'eraseNotification',
  /** Lists the ended tasks of a sub-application, and completes the waits for them. Started by erases, not by callers. */
  completionWatch: 'completionWatch',
} as const;

/**
 * A workflow id of an installation. Its prefix keeps two installations in one namespace, whose ledgers differ, from using each
 * other's runs.
 */
export function workflowIdWith(prefix: string, id: string): string {
  return prefix === '' ? id : `${prefix}/${id}`;
}

/** One for each sub-application, whatever the number of workers. */
export function watchWorkflowId(subAppId: number, prefix = ''): string {
  return workflowIdWith(prefix, `watch/${subAppId}`);
}

/**
 * Task queues. Submits have their own, since queues are first in, first out: reads do not wait behind them, and an operator can
 * pause paid calls alone.
 */
export const QUEUE = {
  /** Workflows, and every activity except the submit. */
  main: 'smart-erase',
  /** Interactive submits, for which a person or a service waits. */
  submit: 'smart-erase-submit',
  /** Submits that belong to a batch. */
  submitBatch: 'smart-erase-submit-batch',
} as const;

/** Activity types. */
export const ACTIVITY = {
  submit: 'submitErase',
  awaitTask: 'awaitTask',
  fetchResult: 'fetchResult',
  publish: 'publishResult',
  cancelTask: 'cancelTask',
  endHold: 'endHold',
  describeReview: 'describeReview',
  planReviewRetry: 'planReviewRetry',
  recordReview: 'recordReview',
  deliverWebhook: 'deliverWebhook',
  watchCompletions: 'watchCompletions',
  feedBatch: 'feedBatch',
  changeBatch: 'changeBatch',
} as const;

/** Fixed activity ids: the completion watch completes `await-task` by (workflow id, activity id). */
export const ACTIVITY_ID = {
  submit: 'submit',
  awaitTask: 'await-task',
  fetchResult: 'fetch-result',
  publish: 'publish',
  cancelTask: 'cancel-task',
  endHold: 'end-hold',
  describeReview: 'describe-review',
  planReviewRetry: 'plan-review-retry',
  recordReview: 'record-review',
  deliverWebhook: 'deliver-webhook',
  watchCompletions: 'watch-completions',
} as const;

/** Updates that end a hold. Each takes one argument, an {@link OperatorDecision}; `retry` a {@link RetryDecision}. */
export const UPDATE = { retry: 'retry', skip: 'skip', abort: 'abort' } as const;

/**
 * Updates that end a review. `approve` takes an {@link OperatorDecision}, `reject` a {@link ReviewRejection}; both answer with a
 * {@link ReviewAnswer}.
 */
export const REVIEW_UPDATE = { approve: 'approve', reject: 'reject' } as const;

/** Updates of a batch. Each takes one argument, `{"by": string, "reason": string}`. */
export const BATCH_UPDATE = {
  pause: 'pause',
  resume: 'resume',
  drain: 'drain',
  cancel: 'cancel',
  go: 'go',
} as const;

/** Queries. `status` returns an {@link EraseStatus}. */
export const QUERY = { status: 'status' } as const;

/** Memo keys. */
export const MEMO = {
  /** Set by our client at start: the original request, for comparison with a second start. */
  request: 'eraseRequest',
  /** Set while held, for lists: `{class, code, message, since, submission}`; null again when the hold has ended. */
  hold: 'eraseHold',
  /** Set while in review, for lists and the review page: a {@link ReviewStatus}; null again after the decision. */
  review: 'eraseReview',
  /** Set by a cancelled run before it closes: {@link EraseFailureDetails}. */
  outcome: 'eraseOutcome',
} as const;

/** Custom search attributes, all of type Keyword. Only the first two are required; the others are used when registered. */
export const SEARCH_ATTRIBUTE = {
  taskId: 'EraseTaskId',
  phase: 'ErasePhase',
  fileId: 'EraseFileId',
  batchId: 'EraseBatchId',
} as const;

export type SearchAttributeKey = keyof typeof SEARCH_ATTRIBUTE;

/** The ones of {@link SEARCH_ATTRIBUTE} that `smart-erase setup` requires. */
export const REQUIRED_SEARCH_ATTRIBUTES: readonly SearchAttributeKey[] = ['taskId', 'phase'];

/** Names of one installation in a namespace. */
export interface Names {
  /** Empty unless SMART_ERASE_PREFIX is set. */
  readonly prefix: string;
  readonly queue: Readonly<Record<keyof typeof QUEUE, string>>;
  readonly searchAttribute: Readonly<Record<SearchAttributeKey, string>>;
}

/**
 * Valid prefixes of a queue, a search attribute and a workflow id. Temporal reserves search attributes that begin with `Temporal`
 * (go.temporal.io/server 1.29, common/searchattribute/defs.go).
 */
const PREFIX = /^(?!Temporal)[A-Za-z][A-Za-z0-9]{0,19}$/;
export const PREFIX_WORDS =
  'must be 1 to 20 letters and digits, a letter first, and not begin with Temporal, like media (gives media-smart-erase)';

export function isPrefix(text: string): boolean {
  return text === '' || PREFIX.test(text);
}

/** `media-smart-erase`, `mediaErasePhase`; without a prefix {@link QUEUE} and {@link SEARCH_ATTRIBUTE} themselves. */
export function namesWith(prefix: string): Names {
  if (prefix === '') return { prefix, queue: QUEUE, searchAttribute: SEARCH_ATTRIBUTE };
  return {
    prefix,
    queue: mapped(QUEUE, (name) => `${prefix}-${name}`),
    searchAttribute: mapped(SEARCH_ATTRIBUTE, (name) => prefix + name),
  };
}

/**
 * The names of a run, from its own task queue, which workflow code and any client know without a setting. An unknown queue has no
 * prefix.
 */
export function namesOfQueue(queue: string): Names {
  const end = `-${QUEUE.main}`;
  const prefix = queue.endsWith(end) ? queue.slice(0, -end.length) : '';
  return namesWith(isPrefix(prefix) ? prefix : '');
}

function mapped<K extends string>(names: Readonly<Record<K, string>>, change: (name: string) => string) {
  return Object.fromEntries(Object.entries<string>(names).map(([key, name]) => [key, change(name)])) as Record<
    K,
    string
  >;
}

/** Phase of a run; also the values of the search attribute `ErasePhase`. */
export const PHASE = {
  /** Waits for a slot, or is being submitted. */
  submitting: 'submitting',
  /** Held for an operator. */
  held: 'held',
  /** The vendor processes the task. */
  waiting: 'waiting',
  /** The task has ended, and its result is being read. */
  fetching: 'fetching',
  /** The result waits for approval or rejection. */
  review: 'review',
  /** The new file is being published. */
  publishing: 'publishing',
  /** Ended with a result. */
  succeeded: 'succeeded',
  /** Ended without a result. */
  failed: 'failed',
  /** Cancelled. */
  cancelled: 'cancelled',
} as const;

/** One of {@link PHASE}. */
export type Phase = (typeof PHASE)[keyof typeof PHASE];
