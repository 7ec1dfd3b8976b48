import { Context } from '@temporalio/activity';
import type { Ledger, SubmissionKey } from '../ledger/ledger.js';
import { LedgerError } from '../ledger/ledger-error.js';
import { rememberForNextAttempt } from './heartbeat.js';

interface HeardAnswer {
  submission: SubmissionKey;
  taskId: string;
  requestId: string;
}

/**
 * The Temporal server keeps a submit's answer from the moment it is heard: should this worker end, or the ledger stay
 * away, before it is written, the next attempt writes it instead of having to look for the task.
 */
export function keepHeardAnswer(submission: SubmissionKey, answer: { taskId: string; requestId: string }): void {
  const { eraseId, number } = submission;
  const heard: HeardAnswer = { submission: { eraseId, number }, ...answer };
  rememberForNextAttempt({ heard });
}

/**
 * Writes the answer that an attempt before this one heard. What the ledger says against it stands: the decision that
 * follows is made from the ledger alone.
 * @throws LedgerError of kind `unavailable`
 */
export async function writeHeardAnswer(ledger: Ledger): Promise<void> {
  const { heard } = (Context.current().info.heartbeatDetails ?? {}) as { heard?: HeardAnswer };
  if (heard === undefined) return;
  const { submission, taskId, requestId } = heard;
  try {
    await ledger.accepted(submission, { taskId, requestId, adopted: false });
  } catch (error) {
    if (!(error instanceof LedgerError) || error.kind === 'unavailable') throw error;
  }
}
