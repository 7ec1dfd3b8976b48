/**
 * Names shared with running workflows, clients in other languages, the Temporal UI and operators' queries. Changing one is a
 * breaking change, so they are kept in one place, and a test freezes them.
 */

/** Workflow types, as a client of any language starts them. */
export const WORKFLOW = {
  erase: 'erase',
  /** Feeds a batch. Started by `smart-erase batch start`, and again by workers. */
  batch: 'batch',
  /** Delivers one webhook. Started by erases, not by callers. */
  notification: 'eraseNotification',
  /** Lists which tasks of a sub-application are over, and ends the waits for them. Started by erases, not by callers. */
  completionWatch: 'completionWatch',
} as const;

/**
 * A workflow id of an installation. With a prefix every id begins with it, so that two installations in one namespace never
 * take each other's runs for their own: their ledgers differ.
 */
export function workflowIdWith(prefix: string, id: string): string {
  return prefix === '' ? id : `${prefix}/${id}`;
}

/** One for each sub-application, however many workers there are. */
export function watchWorkflowId(subAppId: number, prefix = ''): string {
  return workflowIdWith(prefix, `watch/${subAppId}`);
}

/**
 * Task queues. Submits have queues of their own so that a poll or a fetch never stands behind a backlog of submits
 * (queues are first in, first out), and so that an operator can pause paid calls without stopping reads.
 */
export const QUEUE = {
  /** Workflows, and every activity but the submit. */
  main: 'smart-erase',
  /** Submits of erases that a person or a service waits for. */
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

/** Fixed activity ids: an outside process completes `await-task` by (workflow id, activity id). */
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

/** Queries. `status` answers with an {@link EraseStatus}. */
export const QUERY = { status: 'status' } as const;

/** Memo keys. */
export const MEMO = {
  /** Set by our client at start: the request as it was asked, so that a second start can be compared with it. */
  request: 'eraseRequest',
  /** Set while held, for lists: `{class, code, message, since, submission}`; null again when the hold has ended. */
  hold: 'eraseHold',
  /** Set while in review, for lists and the review page: a {@link ReviewStatus}; null again when it was decided. */
  review: 'eraseReview',
  /** Set by a cancelled run before it closes: {@link EraseFailureDetails}. */
  outcome: 'eraseOutcome',
} as const;

/** Custom search attributes, all of type Keyword. Only the first two are asked for; the others are used when registered. */
export const SEARCH_ATTRIBUTE = {
  taskId: 'EraseTaskId',
  phase: 'ErasePhase',
  fileId: 'EraseFileId',
  batchId: 'EraseBatchId',
} as const;

export type SearchAttributeKey = keyof typeof SEARCH_ATTRIBUTE;

/** Those of {@link SEARCH_ATTRIBUTE} that `smart-erase setup` asks for. */
export const REQUIRED_SEARCH_ATTRIBUTES: readonly SearchAttributeKey[] = ['taskId', 'phase'];

/** What is named in a namespace, for one installation. */
export interface Names {
  /** Empty unless SMART_ERASE_PREFIX is set. */
  readonly prefix: string;
  readonly queue: Readonly<Record<keyof typeof QUEUE, string>>;
  readonly searchAttribute: Readonly<Record<SearchAttributeKey, string>>;
}

/**
 * What a prefix may be, so that it can stand before a queue, a search attribute and a workflow id alike. Temporal keeps search
 * attributes that begin with `Temporal` to itself (go.temporal.io/server 1.29, common/searchattribute/defs.go).
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
 * The names that a run goes by, from its own task queue: known to workflow code without a setting, and to a client of any run
 * that it describes. A queue that is none of ours has no prefix.
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

/** Where a run is; also the values of the search attribute `ErasePhase`. */
export const PHASE = {
  /** Waits for its turn, or is being submitted. */
  submitting: 'submitting',
  /** Stopped for an operator. */
  held: 'held',
  /** The vendor works on it. */
  waiting: 'waiting',
  /** The task ended, its result is read. */
  fetching: 'fetching',
  /** The result waits to be approved or rejected. */
  review: 'review',
  /** The new file is being published. */
  publishing: 'publishing',
  /** It ended with a result. */
  succeeded: 'succeeded',
  /** It ended without one. */
  failed: 'failed',
  /** It was cancelled. */
  cancelled: 'cancelled',
} as const;

/** One of {@link PHASE}. */
export type Phase = (typeof PHASE)[keyof typeof PHASE];
