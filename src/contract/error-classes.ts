/**
 * The one table of error classes. The workflow's decisions, retry delays, the CLI's exit codes and docs/errors.md are derived
 * from it. Every vendor code maps to one of its rows (`tencent-vod/error-codes.ts`).
 *
 * Plain data: workflow code imports it too.
 */

/** Exit codes of the `smart-erase` command. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** A defect in this program. */
  unexpected: 1,
  /** The command line was not understood. */
  usage: 2,
  /** The input is wrong. */
  badInput: 3,
  /** Credentials or a setting are missing or wrong. */
  configuration: 4,
  /** Try again later. */
  temporary: 5,
  /** Finished, but not everything succeeded. */
  finishedWithFailures: 6,
  /** The account cannot make the call. */
  accountBlocked: 7,
  /** It still runs. */
  stillRunning: 8,
  /** There was nothing to do. */
  nothingToDo: 9,
  /** A cap was reached. */
  capReached: 10,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * What the program does when a call ends in an error of the class.
 * - `fail`: end the run, never send again
 * - `retry`: send again after a delay, without a limit; the vendor did not execute the call
 * - `look`: it may have been executed: reconcile before anything is sent again
 * - `hold`: stop for an operator; nothing is lost, nothing is sent
 */
export type Reaction = 'fail' | 'retry' | 'look' | 'hold';

/** Delays between attempts. */
export interface RetryDelays {
  /** First delay, in milliseconds; each further one doubles. */
  readonly firstMs: number;
  /** Longest delay, in milliseconds. */
  readonly maxMs: number;
}

/** Properties of an error class. */
export interface ErrorClassRow {
  /** Meaning, as a part of a sentence. */
  readonly meaning: string;
  /** Reaction on the paid call. */
  readonly onSubmit: Reaction;
  /** Reaction on every other call. */
  readonly onRead: Reaction;
  /** Delays where a call is repeated or reconciled. */
  readonly delays: RetryDelays;
  /** Advice for a person. */
  readonly advice: string;
  /** Exit code of the `smart-erase` command. */
  readonly exitCode: ExitCode;
}

const QUICK: RetryDelays = { firstMs: 1_000, maxMs: 60_000 };
/** For a file that the vendor reports as busy: with growing delays, so that a thousand such files do not use up the rate. */
const BUSY_FILE: RetryDelays = { firstMs: 1_000, maxMs: 300_000 };
/** An operator must act first: more frequent attempts would only fill logs. */
const SLOW: RetryDelays = { firstMs: 30_000, maxMs: 300_000 };

const ROWS = {
  input: {
    meaning: 'The request itself is wrong; it would be refused every time.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice: 'Correct what the message names, then start it again.',
    exitCode: EXIT.badInput,
  },
  account: {
    meaning: 'The account, its credentials or its rights do not allow the call.',
    onSubmit: 'hold',
    onRead: 'retry',
    delays: SLOW,
    advice: 'Put the account right (payment, activation, CAM policy, keys), then retry the held erases.',
    exitCode: EXIT.accountBlocked,
  },
  throttled: {
    meaning: 'The vendor refused the call because of a rate or quota; it was not executed.',
    onSubmit: 'retry',
    onRead: 'retry',
    delays: { firstMs: 1_000, maxMs: 30_000 },
    advice: 'Nothing: it is sent again later. If it lasts, look for another program that calls the same account.',
    exitCode: EXIT.temporary,
  },
  retry: {
    meaning: 'The call was never executed: it did not reach the vendor, or the resource was busy.',
    onSubmit: 'retry',
    onRead: 'retry',
    delays: QUICK,
    advice: 'Nothing: it is sent again. If it lasts, check the network and VOD_ENDPOINT.',
    exitCode: EXIT.temporary,
  },
  ambiguous: {
    meaning: 'Nobody can tell from the answer whether the vendor executed the call.',
    onSubmit: 'look',
    onRead: 'retry',
    delays: QUICK,
    advice: 'Nothing: the task is looked for before anything is sent again.',
    exitCode: EXIT.temporary,
  },
  duplicate: {
    meaning: 'The vendor says that it already has this request.',
    onSubmit: 'look',
    onRead: 'retry',
    delays: QUICK,
    advice: 'Nothing: the task that exists is looked for and adopted.',
    exitCode: EXIT.temporary,
  },
  badAnswer: {
    meaning: 'The vendor answered, but not in the documented form.',
    onSubmit: 'look',
    onRead: 'retry',
    delays: QUICK,
    advice: 'Report it with the RequestId: the API may have changed.',
    exitCode: EXIT.temporary,
  },
  uncertain: {
    meaning: 'A submit whose fate cannot be found out by asking the vendor.',
    onSubmit: 'hold',
    onRead: 'hold',
    delays: SLOW,
    advice: 'Look for the task in the VOD console, then retry (submits again, and may pay again), skip or abort.',
    exitCode: EXIT.temporary,
  },
  cap: {
    meaning: 'A cap on what may be spent leaves no room for this submit; it was not sent.',
    onSubmit: 'hold',
    onRead: 'hold',
    delays: SLOW,
    advice: 'Raise the cap with `smart-erase cap set`, then let the held erases go on with `smart-erase resume`.',
    exitCode: EXIT.capReached,
  },
  taskFailed: {
    meaning: 'The vendor accepted the task, and the task failed.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice: 'Look at the code: a source file that cannot be read has to be replaced; others may be started again.',
    exitCode: EXIT.finishedWithFailures,
  },
  badResult: {
    meaning: 'The task says that it succeeded, but there is no new file of the kind that the recipe makes.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice: 'Look at the task in the VOD console and report it to the vendor with the TaskId.',
    exitCode: EXIT.finishedWithFailures,
  },
  expired: {
    meaning: 'The task did not end, or could not be read, before the deadline.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice: 'Look for the new file in the media library; the task ran on, and is billed when it ends.',
    exitCode: EXIT.finishedWithFailures,
  },
  publishFailed: {
    meaning: 'The erase succeeded; a publish step was refused.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice: 'Correct the publish part and start it again: the result is reused, nothing is paid twice.',
    exitCode: EXIT.finishedWithFailures,
  },
  rejected: {
    meaning: 'The erase succeeded; its result was rejected in review.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice:
      'Start it again with a review to look at the same result once more, which costs nothing, or erase the file by another recipe. The rejected file is still in the library.',
    exitCode: EXIT.finishedWithFailures,
  },
  skipped: {
    meaning: 'An operator skipped the erase while it was held.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice: 'Start it again when it should be done after all.',
    exitCode: EXIT.finishedWithFailures,
  },
  aborted: {
    meaning: 'The task was aborted, by an operator here or in the vendor console.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice: 'Start it again when it should be done after all.',
    exitCode: EXIT.finishedWithFailures,
  },
  cancelled: {
    meaning: 'The run was cancelled.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice: 'Start it again when it should be done after all: a task that still runs is taken up, not paid again.',
    exitCode: EXIT.finishedWithFailures,
  },
  conflict: {
    meaning: 'The same id is in use for a different request.',
    onSubmit: 'fail',
    onRead: 'fail',
    delays: QUICK,
    advice: 'Use another key, or ask for what the existing run does.',
    exitCode: EXIT.badInput,
  },
  configuration: {
    meaning: 'A setting is missing or wrong, or a server that is configured cannot be used.',
    onSubmit: 'hold',
    onRead: 'retry',
    delays: SLOW,
    advice: 'Run `smart-erase doctor`: it names what is missing.',
    exitCode: EXIT.configuration,
  },
  unavailable: {
    meaning: 'Temporal or the ledger cannot be reached.',
    onSubmit: 'retry',
    onRead: 'retry',
    delays: QUICK,
    advice: 'Nothing is lost. Run `smart-erase doctor`, then try again.',
    exitCode: EXIT.temporary,
  },
  unexpected: {
    meaning: 'A defect in this program.',
    onSubmit: 'hold',
    onRead: 'retry',
    delays: SLOW,
    advice: 'Report it with the workflow id and the log.',
    exitCode: EXIT.unexpected,
  },
} as const satisfies Record<string, ErrorClassRow>;

/** The family of an error; never decide by its message. */
export type ErrorClass = keyof typeof ROWS;

/** Meaning, reaction and advice of each class. docs/errors.md shows it as a table. */
export const ERROR_CLASSES: Readonly<Record<ErrorClass, ErrorClassRow>> = ROWS;

export function isErrorClass(value: unknown): value is ErrorClass {
  return typeof value === 'string' && Object.hasOwn(ERROR_CLASSES, value);
}

/** Delay before attempt `attempt + 1` of a call that ended in this class, in milliseconds: doubling, capped. */
export function retryDelayMs(errorClass: ErrorClass, attempt: number): number {
  return doublingMs(ERROR_CLASSES[errorClass].delays, attempt);
}

/** Delay before another submit of a file that was busy this many times, in milliseconds. */
export function busyDelayMs(times: number): number {
  return doublingMs(BUSY_FILE, times);
}

function doublingMs({ firstMs, maxMs }: RetryDelays, attempt: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(attempt - 1, 0), 30));
}
