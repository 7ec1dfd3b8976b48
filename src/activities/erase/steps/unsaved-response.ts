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
 * How long a write of an answer may take before the Temporal server keeps the answer too, in milliseconds. Mostly the ledger
 * has it sooner, and the heartbeat that it takes, which the server writes down and the cloud bills, is not needed.
 */
const WRITTEN_WITHIN_MS = 50;

/**
 * Writes a submit's answer into the ledger. When that takes long, or fails, the Temporal server is given the answer, as soon as the SDK
 * lets a heartbeat go: should this worker end, or the ledger stay away, the next attempt writes it instead of having to look for the task.
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
 * Writes the answer that an attempt before this one heard. What the ledger says against it stands: the decision that
 * follows is made from the ledger alone.
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
