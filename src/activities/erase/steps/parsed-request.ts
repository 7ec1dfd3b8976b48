import { ApplicationFailure } from '@temporalio/activity';
import { parseEraseRequest } from '../../../contract/request-schema.js';
import type { ActivityDependencies } from '../../dependencies.js';
import type { FailedSubmit, SubmitInput } from './submit-outcome.js';

export function parsedRequest({ request, unfit }: SubmitInput): ReturnType<typeof parseEraseRequest> {
  return unfit === undefined ? parseEraseRequest(request) : { ok: false, problems: [{ path: '', message: unfit }] };
}

/** Without them a run that failed here could not be found by its phase. */
export async function withSearchAttributes(
  deps: Pick<ActivityDependencies, 'registeredSearchAttributes'>,
  error: unknown,
  valid: boolean,
): Promise<unknown> {
  if (!(error instanceof ApplicationFailure) || error.nonRetryable !== true) return error;
  // An error while building the report must not hide the failure.
  const registered = await deps.registeredSearchAttributes().catch(() => []);
  const report: FailedSubmit = { searchAttributes: valid ? registered : registered.filter((key) => key === 'phase') };
  return ApplicationFailure.create({
    type: error.type ?? 'unexpected',
    message: error.message,
    nonRetryable: true,
    details: [error.details?.[0], report],
  });
}
