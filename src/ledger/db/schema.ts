import type { ColumnType } from 'kysely';
import type { BatchItemState } from '../../contract/batch.js';

/**
 * The tables as Kysely sees them. Times are `timestamptz` by the database's clock, never a worker's: workers' clocks differ, and
 * the settle time depends on one clock.
 */
export interface LedgerDatabase {
  erase: EraseTable;
  submission: SubmissionTable;
  rate_limit: RateLimitTable;
  rate_limit_slot: { name: string; id: number };
  breaker: BreakerTable;
  cap: CapTable;
  hold: HoldTable;
  run_phase: RunPhaseTable;
  audit: AuditTable;
  watch: WatchTable;
  waiter: WaiterTable;
  media: MediaTable;
  batch: BatchTable;
  batch_item: BatchItemTable;
  worker_prices: WorkerPricesTable;
  backlog: BacklogTable;
}

type Timestamp = ColumnType<Date, Date | string, Date | string>;
type NullableTimestamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
/** Filled by the database. */
type TimestampByDefault = ColumnType<Date, Date | string | undefined, Date | string>;
/** `bigint` columns come back from `pg` as text. */
type BigIntColumn = ColumnType<string, number | string, number | string>;

/** What is paid for: one row for a payment identity. */
export interface EraseTable {
  id: ColumnType<string, never, never>;
  sub_app_id: BigIntColumn;
  file_id: string;
  recipe_hash: string;
  /** Empty for the first payment; the token of `payAgain` for a further one. */
  pay_token: string;
  pay_reason: string | null;
  recipe: ColumnType<unknown, string, string>;
  created_at: TimestampByDefault;
}

/**
 * State of one submit.
 * - `sending`: the intent is written; the call may be in flight, lost, or accepted
 * - `accepted`: the vendor's TaskId is known
 * - `refused`: the vendor did not execute it, or it was never sent
 * - `unknown`: given up after the settle time: no task was found
 */
export type SubmissionState = 'sending' | 'accepted' | 'refused' | 'unknown';

/** How an accepted task ended. `expired`: the vendor no longer knows it, and its outcome was never read. */
export type SubmissionOutcome = 'succeeded' | 'failed' | 'aborted' | 'expired';

export interface SubmissionTable {
  erase_id: BigIntColumn;
  /** 1, 2, … within the erase. */
  number: number;
  state: SubmissionState;
  /** Number of attempts: a refused or unsent call is attempted again in the same row. */
  arms: number;
  /** When the intent was first written. */
  intent_at: Timestamp;
  /** When the call may be sent: the time of its slot of the rate limiter. */
  place_at: Timestamp;
  answered_at: NullableTimestamp;
  task_id: string | null;
  request_id: string | null;
  /** Last error's class, code and text. */
  error_class: string | null;
  error_code: string | null;
  error_message: string | null;
  /** The vendor reported that it already had this request. */
  said_duplicate: ColumnType<boolean, boolean | undefined, boolean>;
  /** True when the TaskId was found by reconciling, not by the answer. */
  adopted: ColumnType<boolean, boolean | undefined, boolean>;
  workflow_id: string;
  run_id: string;
  requested_by: string | null;
  /** Why it was asked for; null where no reason was given, and for a submit from before it was kept. */
  reason: string | null;
  batch_id: string | null;
  outcome: SubmissionOutcome | null;
  outcome_at: NullableTimestamp;
  outcome_code: string | null;
  outcome_message: string | null;
  result_file_id: string | null;
  /** The result's files and times, as JSON. */
  result: ColumnType<unknown, string | null | undefined, string | null>;
  /** Estimated; null for a submit from before there were estimates. `numeric` comes back from `pg` as text. */
  cost_usd: ColumnType<string | null, string | null | undefined, string | null>;
  /** The UTC day on which the cost is counted; null once it is known that nothing was spent. Read it as text. */
  cost_day: ColumnType<unknown, string | null | undefined, string | null>;
  /** When a list first showed the task as over. */
  over_seen_at: NullableTimestamp;
  /** When the task is next read on its own; null before the first such read. */
  next_look_at: NullableTimestamp;
  /** Temporal's, of the run that submitted. */
  namespace: ColumnType<string, string | undefined, string>;
  /** When the result was found to be missing from the library. */
  result_gone_at: NullableTimestamp;
  /** The latest review rejected the result: when, who and why. Null when it was approved, or never reviewed. */
  rejected_at: NullableTimestamp;
  rejected_by: string | null;
  rejected_reason: string | null;
  /** The run that paid was cancelled while other runs waited for the task, which is now theirs. */
  left_to_others_at: NullableTimestamp;
}

/** Price lists that workers use, each with when a worker last reported it. */
export interface WorkerPricesTable {
  namespace: string;
  fingerprint: string;
  /** As JSON. */
  prices: ColumnType<unknown, string, string>;
  seen_at: TimestampByDefault;
}

/** How far the finished tasks of a sub-application were read. */
export interface WatchTable {
  /** Temporal's. */
  namespace: ColumnType<string, string | undefined, string>;
  sub_app_id: BigIntColumn;
  /** The vendor's time. */
  listed_until: NullableTimestamp;
  /** When the list was last read to its end. */
  good_at: NullableTimestamp;
  /** When a list first showed a task of ours. */
  proven_at: NullableTimestamp;
  /** When a list was last found to have omitted a task of ours. */
  missed_at: NullableTimestamp;
}

/** A run whose `await-task` waits for a task. */
export interface WaiterTable {
  /** Temporal's. */
  namespace: ColumnType<string, string | undefined, string>;
  task_id: string;
  workflow_id: string;
  run_id: string;
  sub_app_id: BigIntColumn;
  /** It relies on the watch to notify it; otherwise it polls the vendor, and is registered for runs that give up the task. */
  watched: ColumnType<boolean, boolean | undefined, boolean>;
}

/** Of the rate limiter; the ledger reads only these columns. */
export interface RateLimitTable {
  name: string;
  /** Since when every submit was refused for the rate, with none accepted in between. */
  refused_since: NullableTimestamp;
}

/** An open breaker. */
export interface BreakerTable {
  scope: string;
  error_class: string;
  error_code: string;
  error_message: string;
  request_id: string | null;
  opened_at: Timestamp;
  workflow_id: string;
}

/** What was spent in a scope and period, and the limit where there is one. */
export interface CapTable {
  scope: string;
  period: 'day' | 'total';
  limit_usd: ColumnType<string | null, string | null | undefined, string | null>;
  spent_usd: ColumnType<string, string, string>;
  day: ColumnType<unknown, string, string>;
}

/** A run that waits, or waited, for an operator. */
export interface HoldTable {
  /** Temporal's. */
  namespace: ColumnType<string, string | undefined, string>;
  id: ColumnType<string, never, never>;
  workflow_id: string;
  run_id: string;
  sub_app_id: BigIntColumn;
  file_id: string;
  batch_id: string | null;
  /** What is held: a submit, or the publishing of a result. */
  stage: 'submit' | 'publish';
  error_class: string;
  error_code: string | null;
  message: string;
  request_id: string | null;
  since: TimestampByDefault;
  ended_at: NullableTimestamp;
  ended_as: string | null;
  ended_by: string | null;
  ended_reason: string | null;
  /** Number of the submission whose outcome is unknown; null for any other hold. */
  submission: number | null;
  /** When the run was last verified to be open. */
  seen_at: TimestampByDefault;
}

/** A phase of a run that comes after its task. `toReview`: it waits for a task whose result it will review. */
export type LatePhase = 'toReview' | 'review' | 'publishing';

/** A run that is in one. */
export interface RunPhaseTable {
  /** Temporal's. */
  namespace: ColumnType<string, string | undefined, string>;
  workflow_id: string;
  run_id: string;
  phase: LatePhase;
  /** The task whose result it is about. */
  task_id: ColumnType<string | null, string | null | undefined, string | null>;
  since: TimestampByDefault;
  /** When the run was last verified to be open. */
  seen_at: TimestampByDefault;
}

/** Who decided what, and why. */
export interface AuditTable {
  id: ColumnType<string, never, never>;
  at: TimestampByDefault;
  action: string;
  subject: string;
  by: string | null;
  reason: string | null;
  details: ColumnType<unknown, string | null, string | null>;
}

/** What DescribeMediaInfos returned of a file; null where it returned nothing. */
export interface MediaTable {
  sub_app_id: BigIntColumn;
  file_id: string;
  duration_seconds: number | null;
  width: number | null;
  height: number | null;
  read_at: TimestampByDefault;
}

/** An operator's command for a batch, and `ended` when the batch is over. */
export type BatchState = 'running' | 'paused' | 'draining' | 'cancelling' | 'ended';

/**
 * Why a running batch starts nothing now.
 * - `breaker`, `cap`: all submits are stopped, or a limit of the account's spending is reached
 * - `budget`: the batch's own limit of spending is reached
 * - `sample`: the canary has ended, and waits for an operator's `go`
 * - `tolerance`: more items failed than was allowed
 * - `vendor`: the vendor is slower than the submits
 * - `busyFiles`: all remaining items wait for files that the vendor calls busy
 */
export type BatchWaitingFor = 'breaker' | 'cap' | 'budget' | 'sample' | 'tolerance' | 'vendor' | 'busyFiles';

/** How a batch ended. `drained`: no more items were started, and those that ran were waited for. */
export type BatchEndedAs = 'completed' | 'failed' | 'drained' | 'cancelled' | 'deadline';

export interface BatchTable {
  /** Temporal's. */
  namespace: ColumnType<string, string | undefined, string>;
  id: string;
  workflow_id: string;
  state: ColumnType<BatchState, BatchState | undefined, BatchState>;
  waiting_for: BatchWaitingFor | null;
  waiting_detail: string | null;
  ended_as: BatchEndedAs | null;
  /** As JSON; see `BatchSettings`. */
  settings: ColumnType<unknown, string, string>;
  /** As JSON; see `BatchSource`. */
  source: ColumnType<unknown, string, string>;
  /** Items. */
  total: number;
  estimated_usd: string | number | null;
  parent_batch_id: string | null;
  parent_relation: string | null;
  requested_by: string | null;
  reason: string | null;
  /** Runs in flight at most, now: grows while completions keep up. */
  window: ColumnType<number, number | undefined, number>;
  sample_passed_at: NullableTimestamp;
  /** Up to when outcomes of submissions were copied to the items. */
  outcomes_until: NullableTimestamp;
  created_at: TimestampByDefault;
  ended_at: NullableTimestamp;
}

export interface BatchItemTable {
  batch_id: string;
  /** 1, 2, … in the order of the source. */
  number: number;
  /** The row of the spreadsheet, a header being 1; null where the source has no rows. */
  row: ColumnType<string | null, number | string | null | undefined, number | string | null>;
  sub_app_id: BigIntColumn;
  file_id: string;
  recipe_hash: string;
  /** Of the erase. */
  workflow_id: string;
  /** The normalised request, as JSON. */
  request: ColumnType<unknown, string, string>;
  estimated_usd: ColumnType<string | null, string | number | null | undefined, string | number | null>;
  /** Starting it may lead to a payment; false for what is only read. */
  may_pay: ColumnType<boolean, boolean | undefined, boolean>;
  /** Of a redrive: the item's number in the batch before. */
  source_number: ColumnType<number | null, number | null | undefined, number | null>;
  state: ColumnType<BatchItemState, BatchItemState | undefined, BatchItemState>;
  run_id: string | null;
  started_at: NullableTimestamp;
  /** When the submit of its task was sent, whichever run paid; null while it waits for its turn. */
  submitted_at: NullableTimestamp;
  /** When its task was seen to have ended: its run ends soon, unless it is reviewed or held. */
  task_ended_at: NullableTimestamp;
  /** When its run was last described. */
  checked_at: NullableTimestamp;
  /** When its run was asked to end. */
  cancel_asked_at: NullableTimestamp;
  ended_at: NullableTimestamp;
  task_id: string | null;
  result_file_id: string | null;
  error_class: string | null;
  error_code: string | null;
  error_message: string | null;
  request_id: string | null;
  /** Submits that were made for it. */
  attempts: ColumnType<number, number | undefined, number>;
  cost_usd: ColumnType<string | null, string | number | null | undefined, string | number | null>;
}

/** A backlog during import, in its own tables. */
export interface BacklogTable {
  id: string;
  created_at: TimestampByDefault;
  /** When its program last reported that it is alive. */
  seen_at: TimestampByDefault;
}
