import type { NormalizedEraseRequest, ResultFile } from '../contract/request.js';
import type { AuditEntry } from './audit/audit.js';
import type { AuditFilter, AuditLine } from './audit/audit-report.js';
import type { AdoptStore } from './batches/batch-adopt.js';
import type { BatchFeedStore } from './batches/batch-feed-store.js';
import type { RedriveStore } from './batches/batch-redrive.js';
import type { BatchReportStore } from './batches/batch-report.js';
import type { BatchStore } from './batches/batch-store.js';
import type { SubmissionOutcome } from './db/schema.js';
import type { Breaker, BreakerKey, BreakerScope } from './holds/breaker.js';
import type { HeldRun, HoldEnd, HoldFilter, HoldRecord, NewHold, SeenHold } from './holds/hold-store.js';
import type { Cap } from './money/cap.js';
import type { CapChange } from './money/cap-store.js';
import type { CostFilter, CostRow } from './money/cost-report.js';
import type { MediaStore } from './money/media-store.js';
import type { PriceStore } from './money/price-store.js';
import type { PhaseStore } from './submissions/phase-store.js';
import type { StateStore } from './submissions/state-store.js';
import type { SubmissionKey } from './submissions/submission-key.js';
import type { WatchStore } from './watch/watch-store.js';

export type { SubmissionKey } from './submissions/submission-key.js';

/**
 * The books of everything that costs money, as activities and the CLI use them. Every write is safe to repeat, and
 * every method throws a `LedgerError` when it cannot be done.
 */
export interface Ledger {
  /** Temporal's. Submissions, breakers, caps and audit are the account's; all else is about runs of this namespace. */
  readonly namespace: string;
  /** Batches and their items. */
  readonly batches: BatchStore;
  /** The same, for what feeds them. */
  readonly batchFeed: BatchFeedStore;
  /** Batches as their reports tell of them. */
  readonly reports: BatchReportStore;
  /** New batches of what did not succeed in old ones. */
  readonly redrives: RedriveStore;
  /** What other programs paid for. */
  readonly adoptions: AdoptStore;
  /** Who waits for which task. */
  readonly watch: WatchStore;
  /** Which runs are past their task. */
  readonly phases: PhaseStore;
  /** Lengths and sizes of files, as far as they are known. */
  readonly media: MediaStore;
  /** What prices workers book by. */
  readonly prices: PriceStore;
  /**
   * Decides, in one transaction, what a run that wants to submit has to do, and when that is to send, writes the
   * intent. See {@link BeginOutcome}.
   */
  begin(intent: Intent): Promise<BeginOutcome>;
  /**
   * The vendor accepted the submit: by its answer, or because the task was found. Repeating it changes nothing.
   * @returns the submission as it stands in the books now; `taken`: another one holds this TaskId, so it cannot be this one's
   */
  accepted(
    submission: SubmissionKey,
    task: { taskId: string; requestId: string | null; adopted: boolean },
  ): Promise<SubmissionRecord | 'taken'>;
  /**
   * The submit was certainly not executed. It may be armed again. With `trips` it also opens that breaker, in the same
   * transaction, and gives the one that is open.
   */
  refused(submission: ArmedSubmission, error: SubmitError, options?: { trips?: BreakerScope }): Promise<Breaker | null>;
  /** The submit's fate is not known; the intent stays `sending`. */
  doubted(submission: ArmedSubmission, error: SubmitError & { saidDuplicate: boolean }): Promise<void>;
  /**
   * Gives up a submit in doubt that has settled: nobody can send it any more. What an answer tells later still
   * counts. False when it is no longer in doubt, or was postponed since.
   */
  giveUp(submission: SubmissionKey, settleMs: number): Promise<boolean>;
  /**
   * The call leaves at another time than its intent says.
   * @throws LedgerError of kind `unexpected` when the submission was resolved, or armed anew, by somebody else
   */
  postpone(submission: ArmedSubmission, leavesAt: Date): Promise<void>;
  /** The submission as it stands, by TaskId. */
  findByTask(taskId: string): Promise<SubmissionRecord | null>;
  /** Latest submission of a payment identity. */
  findLatest(identity: PaymentIdentity): Promise<SubmissionRecord | null>;
  /** Of these TaskIds, those that the ledger holds, each with its submission. */
  knownTasks(taskIds: string[]): Promise<Map<string, SubmissionKey>>;
  /** How a task ended. The first outcome stands; the same one again changes nothing. */
  recordOutcome(taskId: string, outcome: TaskOutcome): Promise<void>;
  /** Whether the vendor's library still has the result of a task. */
  recordResultGone(taskId: string, gone: boolean): Promise<void>;
  /** A reviewer's word on the result of a task. A rejection stands with it until a later review approves. */
  recordReview(taskId: string, review: ReviewWord): Promise<void>;
  /** Opens a breaker for a reason that built up over many calls; the submission is the last of them. */
  trip(scope: BreakerScope, submission: SubmissionKey, error: SubmitError): Promise<void>;
  /** The open breaker that covers submits of the sub-application; null when there is none. */
  openBreaker(subAppId: number): Promise<Breaker | null>;
  listBreakers(): Promise<Breaker[]>;
  /**
   * An operator closes this opening of a breaker; one that opened since stays open. Repeating it changes nothing.
   * @returns a time by the database's clock at which it was closed
   */
  closeBreaker(breaker: BreakerKey, decision: { by: string; reason: string }): Promise<Date>;
  /** Whether the vendor took a submit of the scope that left after `since`: of this run, or one whose task is not read yet. */
  takenSince(scope: BreakerScope, since: Date, run: { workflowId: string }): Promise<boolean>;
  /** Sets a limit, or takes it away; with who and why in the audit. False when there was none to take away. */
  changeCap(change: CapChange): Promise<boolean>;
  /** Every limit with what counts against it. */
  listCaps(): Promise<Cap[]>;
  /** What was spent, by day, batch, recipe or who asked. */
  reportCosts(filter: CostFilter): Promise<CostRow[]>;
  /** The run waits for an operator. Repeating it renews the reason. Gives the time since when it does. */
  recordHold(hold: NewHold): Promise<Date>;
  /** Nothing happens when the run has no open hold; when one is named, or when it is not that one. */
  endHold(run: HeldRun, end: HoldEnd): Promise<void>;
  /**
   * Runs whose open holds nobody has made sure of for so long, at most `limit`, for one caller: others do not get them until the
   * time has passed again.
   */
  unseenHolds(forSeconds: number, limit: number): Promise<SeenHold[]>;
  /** The hold goes on under another run of its id: one that was reset while it was held. False when it is over, or that run has one. */
  moveHold(run: HeldRun, runId: string): Promise<boolean>;
  /** Open holds, oldest first. */
  listHolds(filter?: HoldFilter): Promise<HoldRecord[]>;
  writeAudit(entry: AuditEntry): Promise<void>;
  /** Decisions and submits, oldest first. */
  auditLines(filter: AuditFilter): AsyncGenerator<AuditLine>;
  /** How the books stand, for those who watch over them. */
  readonly state: StateStore;
  /** Throws a `LedgerError` of kind `schema` when the tables are not those of this program. */
  check(): Promise<{
    serverVersion: string;
    /** Of the database; it should be UTF8. */
    encoding: string;
    /** In which its tables are. */
    schema: string;
    clock: Date;
    /** How far that clock is from ours at least; how long the answer took is left out. */
    clockDifferenceMs: number;
  }>;
  close(): Promise<void>;
}

/** What is paid for: one file, one recipe, once, or once more for a token. */
export interface PaymentIdentity {
  subAppId: number;
  fileId: string;
  recipeHash: string;
  /** Empty for the first payment. */
  payToken: string;
}

/**
 * A submission as one attempt armed it. A row is armed again after a refusal; what an attempt says late, or repeats, must
 * not be taken for a word about the call that goes out since.
 */
export interface ArmedSubmission extends SubmissionKey {
  /** 1, 2, … within the submission. */
  arm: number;
}

/** Which submission was looked for, and the time at which its call could leave then. */
export interface LookedFor {
  number: number;
  placeAt: Date;
}

export interface Intent {
  identity: PaymentIdentity;
  request: NormalizedEraseRequest;
  workflowId: string;
  runId: string;
  /**
   * Set when the task with this id ended with a failure that is worth one more payment. Without it, a run never pays
   * twice by itself.
   */
  resubmitAfterTaskId: string | null;
  /** Set after looking for the task of an unresolved submission and not finding it: it may be given up once it has settled. */
  lookedFor: LookedFor | null;
  /**
   * An operator looked at a hold and decided to submit again: leave to go past uncertain submissions up to this number.
   * What is in doubt after that needs a new decision.
   */
  operatorRetryUpTo: number | null;
  /** Milliseconds after its call may leave in which a submit can still turn up in the vendor's lists. */
  settleMs: number;
  /** What the submit is expected to cost, in USD; null while nobody has worked it out. */
  costUsd: number | null;
  /** When its call may leave, by the database's clock: what is settled counts from there. Default: now. */
  leavesAt?: Date;
}

export interface SubmitError {
  class: string;
  code: string;
  message: string;
  requestId: string | null;
}

export interface SubmissionRecord {
  key: SubmissionKey;
  identity: PaymentIdentity;
  recipe: unknown;
  state: 'sending' | 'accepted' | 'refused' | 'unknown';
  intentAt: Date;
  /** From when on its call may leave, by the database's clock. */
  placeAt: Date;
  /**
   * The same moment by the clock of the process that read it: what has passed since is the same on every clock. The vendor
   * holds a caller's clock to five minutes of its own; nobody holds the database's.
   */
  placeAtHere: Date;
  answeredAt: Date | null;
  taskId: string | null;
  requestId: string | null;
  saidDuplicate: boolean;
  adopted: boolean;
  error: { class: string; code: string; message: string } | null;
  /** Temporal's, of the run that submitted. */
  namespace: string;
  workflowId: string;
  runId: string;
  outcome: SubmissionOutcome | null;
  outcomeCode: string | null;
  outcomeMessage: string | null;
  resultFileId: string | null;
  result: StoredResult | null;
  /** When the result was found to be deleted from the library; null: not, as far as is known. */
  resultGoneAt: Date | null;
  /** The last word of a review on the result, if that was no; null otherwise. `by` is null when its time was over. */
  rejected: { at: Date; by: string | null; reason: string } | null;
}

/** What a review came to. Null `by`: its time was over. */
export interface ReviewWord {
  decision: 'approve' | 'reject';
  by: string | null;
  reason: string;
}

/** The part of a result that the ledger keeps as JSON. Times are ISO 8601. */
export interface StoredResult {
  files: ResultFile[];
  finishedAt: string | null;
  requestId: string | null;
}

export interface TaskOutcome {
  outcome: SubmissionOutcome;
  code: string | null;
  message: string | null;
  resultFileId: string | null;
  result: StoredResult | null;
}

/** Rounds of submitting and not finding a task, after which only an operator lets a further one go. */
export const MAX_UNKNOWN_ROUNDS = 3;

export type BeginOutcome =
  /** The intent is written: send, then say what came of it. */
  | { kind: 'send'; submission: ArmedSubmission }
  /** An earlier submit is unresolved: look for its task. `settlesInMs` ≤ 0 once nothing new can turn up. */
  | { kind: 'look'; record: SubmissionRecord; settlesInMs: number }
  /** A task is under way, or ended and was not read yet. */
  | { kind: 'running'; record: SubmissionRecord }
  /** Paid, done, and the result is known. */
  | { kind: 'done'; record: SubmissionRecord }
  /** Paid and done, and the result was deleted from the library: only `payAgain` makes it anew. */
  | { kind: 'deleted'; record: SubmissionRecord }
  /** Paid, and the result was never read: only `payAgain` submits again. */
  | { kind: 'lost'; record: SubmissionRecord }
  /** The task failed, and this run has no leave to pay once more. */
  | { kind: 'failed'; record: SubmissionRecord }
  /** Too many rounds without a task, or the vendor says duplicate and there is none: an operator decides. */
  | { kind: 'uncertain'; record: SubmissionRecord; why: string }
  /** Money is due, and the request forbids to pay. The newest submission says why there is nothing to take up; null: none was made. */
  | { kind: 'forbidden'; record: SubmissionRecord | null }
  /** Money is due, and the intent has no price: estimate it and ask again. */
  | { kind: 'unpriced' }
  /** The payment would go past the budget of its batch. Nothing was written. With `failed` it would have followed that task. */
  | {
      kind: 'overBudget';
      batchId: string;
      maxCostUsd: number;
      leftUsd: number;
      costUsd: number;
      failed: SubmissionRecord | null;
    }
  /** The batch that it names takes no more erases, or pays for none any more. Nothing was written. */
  | { kind: 'batchClosed'; batchId: string; state: 'ended' | 'cancelling' | 'otherNamespace' }
  /** A cap leaves no room for it: hold. Nothing was written. */
  | { kind: 'capped'; cap: Cap; costUsd: number }
  /** A breaker is open: hold. */
  | { kind: 'blocked'; breaker: Breaker };
