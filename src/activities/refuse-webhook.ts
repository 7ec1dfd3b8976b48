import { WEBHOOK_UNUSABLE } from '../contract/erase-event.js';
import { recipeHash } from '../contract/identity.js';
import type { NormalizedEraseRequest } from '../contract/request.js';
import type { ActivityDependencies } from './dependencies.js';
import { finalFailure, readFailure } from './failures.js';
import { isRunOf, thisRun } from './this-run.js';

/**
 * Refuses a request whose webhook this worker cannot use, before anything is paid. A run that has submitted already goes
 * on: its money is spent, and the webhook is tried for a day all the same.
 */
export async function refuseUnusableWebhook(
  { webhooks, ledger }: Pick<ActivityDependencies, 'webhooks' | 'ledger'>,
  { webhook, subAppId, fileId, recipe, payAgain }: NormalizedEraseRequest,
  attempt: number,
): Promise<void> {
  const problem = webhook === undefined ? null : webhooks.problemWith(webhook);
  if (problem === null) return;
  const identity = { subAppId, fileId, recipeHash: recipeHash(recipe), payToken: payAgain?.token ?? '' };
  const record = await ledger.findLatest(identity).catch((error: unknown) => {
    throw readFailure(error, attempt);
  });
  if (record !== null && isRunOf(record, thisRun())) return;
  throw finalFailure('input', { code: WEBHOOK_UNUSABLE, message: `The request is not valid: ${problem}` });
}
