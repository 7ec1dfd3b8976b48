import type { EraseResult, NormalizedEraseRequest } from '../../../contract/request.js';
import type { SubmissionRecord } from '../../../ledger/submissions/submission.js';
import type { ActivityDependencies } from '../../dependencies.js';
import { rejectedBefore } from './rejected-before.js';

/**
 * Checks whether a paid result is still in the vendor's library, and records a change in the ledger. False when it has no file
 * there.
 *
 * @throws VodError; LedgerError
 */
export async function isResultDeleted(
  { vod, ledger }: Pick<ActivityDependencies, 'vod' | 'ledger'>,
  { identity, resultFileId, taskId, resultGoneAt }: SubmissionRecord,
  signal: AbortSignal,
): Promise<boolean> {
  if (resultFileId === null || taskId === null) return false;
  const { missing } = await vod.describeMedia({ subAppId: identity.subAppId, fileIds: [resultFileId] }, { signal });
  const isGone = missing.includes(resultFileId);
  if (isGone !== (resultGoneAt !== null)) await ledger.submissions.recordResultGone(taskId, isGone);
  return isGone;
}

/**
 * The result that was paid for before.
 *
 * @throws ApplicationFailure when a review rejected it, and this request has none
 */
export function reusedResult(
  record: SubmissionRecord,
  { subAppId, fileId, recipe, review }: NormalizedEraseRequest,
): EraseResult {
  const rejected = review === undefined ? rejectedBefore(record) : null;
  if (rejected !== null) throw rejected;
  const { resultFileId, taskId, result, requestId, scheduledAt, identity } = record;
  return {
    status: 'succeeded',
    reused: true,
    subAppId,
    sourceFileId: fileId,
    resultFileId,
    taskId: taskId ?? '',
    files: result?.files ?? [],
    requestId: result?.requestId ?? requestId,
    recipe,
    recipeHash: identity.recipeHash,
    submittedAt: scheduledAt.toISOString(),
    finishedAt: result?.finishedAt ?? null,
    published: null,
  };
}
