import { SUB_APP_NOT_ALLOWED, subAppProblem } from '../../../config/allowed-sub-apps.js';
import { WEBHOOK_UNUSABLE } from '../../../contract/erase-event.js';
import type { NormalizedEraseRequest } from '../../../contract/request.js';
import type { SubmissionRecord } from '../../../ledger/submissions/submission.js';
import { UNFIT_MEANING, type Unfit } from '../../../tencent-vod/fitness.js';
import type { ActivityDependencies } from '../../dependencies.js';
import { finalFailure, readFailure } from '../../shared/failures.js';
import { isOfWorkflow, thisRun } from '../../shared/this-run.js';
import { expiresBefore } from '../publish-result.js';
import { paymentIdentityOf } from './payment-identity.js';

type Dependencies = Pick<ActivityDependencies, 'webhooks' | 'ledger' | 'allowedSubAppIds'>;

/**
 * Refuses what only a worker can check: a sub-application that it may not submit for, a webhook that it cannot use, a past
 * expiry. Settings and times change while a run is held or queued, so this is checked before each payment.
 *
 * @throws a final failure of class `input`, which states what this workflow has spent before
 */
export async function refuseToPay(deps: Dependencies, request: NormalizedEraseRequest, attempt: number): Promise<void> {
  const problem = problemWith(deps, request);
  if (problem === null) return;
  const spent = await spentBefore(deps, request, attempt);
  throw finalFailure(
    'input',
    { code: problem.code, message: `The request is not valid: ${problem.message}` },
    { taskId: spent?.taskId ?? null, moneySpent: spent !== null },
  );
}

/**
 * The same at the start of a submit. A workflow that has already spent goes on to read its task: the webhook is retried for a
 * day, and the publish reports what it refuses.
 */
export async function refuseUnlessPaid(
  deps: Dependencies,
  request: NormalizedEraseRequest,
  attempt: number,
): Promise<void> {
  if (problemWith(deps, request) === null) return;
  if ((await spentBefore(deps, request, attempt)) === null) await refuseToPay(deps, request, attempt);
}

/** These files can never be erased; an archived or blocked file may be restored. */
const NO_VIDEO: readonly (Unfit | null)[] = ['audio', 'image', 'noVideo'];
/** Code of what is refused for a file without moving pictures. */
const NOT_A_VIDEO = 'NotAVideo';

/** The same for a file that is not a video, checked with the description read for the estimate: the vendor may charge for it. */
export async function refuseUnlessVideo(
  deps: Dependencies & Pick<ActivityDependencies, 'unfitness'>,
  request: NormalizedEraseRequest,
  attempt: number,
): Promise<void> {
  const { subAppId, fileId } = request;
  const unfit = deps.unfitness?.({ subAppId, fileId }) ?? null;
  if (unfit === null || !NO_VIDEO.includes(unfit)) return;
  const spent = await spentBefore(deps, request, attempt);
  const message = `Nothing can be erased: file ${fileId} ${UNFIT_MEANING[unfit]}.`;
  throw finalFailure(
    'input',
    { code: NOT_A_VIDEO, message },
    { taskId: spent?.taskId ?? null, moneySpent: spent !== null },
  );
}

/** The newest submission, if this workflow made it and it may have been paid for. */
async function spentBefore(
  { ledger }: Dependencies,
  request: NormalizedEraseRequest,
  attempt: number,
): Promise<SubmissionRecord | null> {
  const record = await ledger.submissions.findLatest(paymentIdentityOf(request)).catch((error: unknown) => {
    throw readFailure(error, attempt);
  });
  return record !== null && isOfWorkflow(record, thisRun()) && mayHaveSpent(record) ? record : null;
}

/** A refused submit spent nothing, and neither did a task aborted before it ran. */
function mayHaveSpent({ state, outcome }: SubmissionRecord): boolean {
  return state !== 'refused' && outcome !== 'aborted';
}

function problemWith(
  { webhooks, allowedSubAppIds }: Omit<Dependencies, 'ledger'>,
  { subAppId, webhook, publish }: NormalizedEraseRequest,
): { code: string; message: string } | null {
  const notAllowed = subAppProblem(subAppId, allowedSubAppIds);
  if (notAllowed !== null) return { code: SUB_APP_NOT_ALLOWED, message: notAllowed };
  if (expiresBefore(publish, Date.now())) {
    const message = `publish.expireTime ${publish?.expireTime} is in the past: the vendor would delete the new file at once.`;
    return { code: 'InvalidRequest', message };
  }
  const message = webhook === undefined ? null : webhooks.problemWith(webhook);
  return message === null ? null : { code: WEBHOOK_UNUSABLE, message };
}
