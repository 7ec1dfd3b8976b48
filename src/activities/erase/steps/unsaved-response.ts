import { Context } from '@temporalio/activity';
import { LedgerError } from '../../../ledger/db/ledger-error.js';
import type { Ledger } from '../../../ledger/index.js';
import type { SubmissionKey } from '../../../ledger/submissions/submission.js';
import { rememberForNextAttempt } from '../../shared/heartbeat.js';

interface HeardAnswer {
  submission: SubmissionKey;
  taskId: string;
  requestId: string;
}

/**
 * How long a write of an answer may take before it is sent to the Temporal server too, in milliseconds. The ledger is usually
 * faster, which saves a heartbeat that the server stores and the cloud bills.
 */
const WRITTEN_WITHIN_MS = 50;

/**
 * Writes a submit's answer into the ledger. When that is slow or fails, a heartbeat gives the answer to Temporal, so that the
 * next attempt can write it without searching for the task.
 */
export async function writeAnswer<T>(
  submission: SubmissionKey,
  answer: { taskId: string; requestId: string },
  write: () => Promise<T>,
): Promise<T> {
  const { eraseId, number } = submission;
  const heard: HeardAnswer = { submission: { eraseId, number }, ...answer };
  const keep = () => rememberForNextAttempt({ heard });
  const late = setTimeout(keep, WRITTEN_WITHIN_MS);
  try {
    return await write();
  } catch (error) {
    keep();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/**
 * Writes the answer that an earlier attempt received. If the ledger contradicts it, the ledger stands: the decision that follows
 * uses the ledger alone.
 * @throws LedgerError of kind `unavailable`
 */
export async function saveUnsavedResponse(ledger: Ledger): Promise<void> {
  const { heard } = (Context.current().info.heartbeatDetails ?? {}) as { heard?: HeardAnswer };
  if (heard === undefined) return;
  const { submission, taskId, requestId } = heard;
  try {
    await ledger.submissions.accepted(submission, { taskId, requestId, adopted: false });
  } catch (error) {
    if (!(error instanceof LedgerError) || error.kind === 'unavailable') throw error;
  }
}
