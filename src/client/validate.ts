import type { NormalizedEraseRequest } from '../contract/request.js';
import { parseEraseRequest } from '../contract/request-schema.js';
import { InvalidRequestError } from '../errors.js';

/**
 * Checks a request, its size included, and fills in its defaults.
 * @throws InvalidRequestError with every problem at once
 */
export function validRequest(request: unknown): NormalizedEraseRequest {
  const parsed = parseEraseRequest(request);
  if (!parsed.ok) throw new InvalidRequestError(parsed.problems.map((problem) => problem.message));
  return parsed.request;
}
