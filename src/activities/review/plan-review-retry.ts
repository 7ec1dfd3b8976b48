import { Context } from '@temporalio/activity';
import { eraseWorkflowId, recipeHash } from '../../contract/identity.js';
import { namesOfQueue } from '../../contract/names.js';
import type { Problem } from '../../contract/problem.js';
import type { NormalizedEraseRequest } from '../../contract/request.js';
import { parseEraseRequest, problemsText } from '../../contract/request-schema.js';
import { LONGEST_MESSAGE, shortText } from '../../contract/text.js';
import { thisRun } from '../shared/this-run.js';

export interface PlanReviewRetryInput {
  /** The request whose result is rejected. */
  request: NormalizedEraseRequest;
  /** The other recipe, as the reviewer entered it. */
  retryWith: unknown;
}

export type PlannedReviewRetry =
  | { ok: true; workflowId: string; request: NormalizedEraseRequest }
  | { ok: false; problem: string };

/**
 * Builds the request for the same file and another recipe, and its workflow id, since workflow code must not hash. It has no key,
 * which belongs to the first request, and no `payAgain`, which approved the first recipe.
 */
export function createPlanReviewRetry() {
  return async function planReviewRetry({ request, retryWith }: PlanReviewRetryInput): Promise<PlannedReviewRetry> {
    const { key: _key, payAgain: _payAgain, neverPay: _neverPay, ...rest } = request;
    const parsed = parseEraseRequest({ ...rest, recipe: retryWith, rejectedFrom: thisRun().workflowId });
    if (!parsed.ok) return { ok: false, problem: shortText(whyNot(parsed.problems), LONGEST_MESSAGE) };
    if (recipeHash(parsed.request.recipe) === recipeHash(request.recipe)) {
      const problem = 'retryWith is the recipe that this result was made by: it would give the same file again.';
      return { ok: false, problem };
    }
    const { prefix } = namesOfQueue(Context.current().info.taskQueue);
    return { ok: true, workflowId: eraseWorkflowId(parsed.request, prefix), request: parsed.request };
  };
}

/** The rest of the request was valid before: an error in it now is not caused by the reviewer's recipe. */
function whyNot(problems: Problem[]): string {
  const isOfRecipe = problems.some(({ path }) => /^recipe(?![^.[])/.test(path));
  const what = isOfRecipe ? 'retryWith is not a recipe' : 'An erase by that recipe cannot be asked for';
  return `${what}: ${problemsText(problems)}`;
}
