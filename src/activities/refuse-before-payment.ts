import { SUB_APP_NOT_ALLOWED, subAppProblem } from '../config/allowed-sub-apps.js';
import { WEBHOOK_UNUSABLE } from '../contract/erase-event.js';
import type { NormalizedEraseRequest } from '../contract/request.js';
import type { ActivityDependencies } from './dependencies.js';
import { finalFailure, readFailure } from './failures.js';
import { paymentIdentityOf } from './payment-identity.js';
import { expiresBefore } from './publish-result.js';
import { isRunOf, thisRun } from './this-run.js';

type Dependencies = Pick<ActivityDependencies, 'webhooks' | 'ledger' | 'allowedSubAppIds'>;

/**
 * Refuses what only a worker can see is wrong, before anything is paid: a sub-application that it may not submit for, a
 * webhook that it cannot use, an expiry that is past.
 * A run that has submitted already goes on, since its money is spent: the webhook is tried for a day all the same, and the
 * publish says what it refuses.
 */
export async function refuseBeforePayment(
  deps: Dependencies,
  request: NormalizedEraseRequest,
  attempt: number,
): Promise<void> {
  const problem = problemWith(deps, request);
  if (problem === null) return;
  const record = await deps.ledger.findLatest(paymentIdentityOf(request)).catch((error: unknown) => {
    throw readFailure(error, attempt);
  });
  if (record !== null && isRunOf(record, thisRun())) return;
  throw finalFailure('input', { code: problem.code, message: `The request is not valid: ${problem.message}` });
}

function problemWith(
  { webhooks, allowedSubAppIds }: Dependencies,
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
