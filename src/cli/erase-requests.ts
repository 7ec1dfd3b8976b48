import { pastedId } from '../contract/pasted.js';
import type {
  EraseRequest,
  PublishRequest,
  RecipeRequest,
  ReviewRequest,
  WebhookRequest,
} from '../contract/request.js';
import { shown } from '../contract/visible.js';
import { InvalidRequestError } from '../errors.js';
import { UsageError } from './exit.js';
import { jsonArgument } from './json-argument.js';
import { mustSayWho } from './who-and-why.js';

export interface StartOptions {
  recipe?: string;
  recipeJson?: string;
  publish?: string;
  review?: string;
  webhook?: string;
  key?: string;
  subAppId?: number;
  requestedBy?: string;
  deadlineHours?: number;
  payAgain?: string;
  reason?: string;
  wait?: boolean;
}

/**
 * One validated request for each FileId; all problems are reported before any start.
 * @throws UsageError, InvalidRequestError
 */
export async function requestsOf(fileIds: readonly string[], options: StartOptions): Promise<EraseRequest[]> {
  const shared = sharedPart(options);
  if (options.key !== undefined && fileIds.length > 1) {
    throw new UsageError('--key names one erase, but there are several FileIds.', 'Start them one by one.');
  }
  await refuseUnlessAllowed(shared.subAppId);
  const { validRequest } = await import('../client/validate.js');
  const problems = new Set<string>();
  const requests: EraseRequest[] = [];
  for (const fileId of new Set(fileIds.map(pastedId))) {
    const request = { ...shared, fileId };
    try {
      validRequest(request);
      requests.push(request);
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      for (const problem of error.problems) {
        problems.add(problem.startsWith('fileId') ? `${shown(fileId)}: ${problem}` : problem);
      }
    }
  }
  if (problems.size > 0) throw new InvalidRequestError([...problems]);
  return requests;
}

/** Checked before a run starts; the workers would refuse it later. @throws InvalidRequestError, ConfigurationError */
async function refuseUnlessAllowed(subAppId: number): Promise<void> {
  if (!process.env.VOD_ALLOWED_SUB_APP_IDS) return;
  const { loadSettings } = await import('../config/settings.js');
  const { SUB_APP_NOT_ALLOWED, subAppProblem } = await import('../config/allowed-sub-apps.js');
  const problem = subAppProblem(subAppId, loadSettings(process.env, { need: ['vendor'] }).vendor.allowedSubAppIds);
  if (problem !== null) throw new InvalidRequestError([problem], { code: SUB_APP_NOT_ALLOWED });
}

function sharedPart(options: StartOptions): Omit<EraseRequest, 'fileId'> {
  const recipe = recipeOf(options);
  const subAppId = options.subAppId ?? subAppIdFromEnvironment();
  const { key, deadlineHours, payAgain: token, reason } = options;
  if (token !== undefined && reason === undefined) {
    throw new UsageError('--pay-again needs --reason: paying twice needs one.');
  }
  const requestedBy = mustSayWho(options.requestedBy, 'asks', '--requested-by');
  return {
    subAppId,
    recipe,
    ...(options.publish === undefined ? {} : { publish: jsonArgument('--publish', options.publish) as PublishRequest }),
    ...(options.review === undefined
      ? {}
      : { review: jsonArgument('--review', options.review) as unknown as ReviewRequest }),
    ...(options.webhook === undefined
      ? {}
      : { webhook: jsonArgument('--webhook', options.webhook) as unknown as WebhookRequest }),
    ...(key === undefined ? {} : { key }),
    requestedBy,
    ...(deadlineHours === undefined ? {} : { deadlineHours }),
    ...whyOf(token, reason),
  };
}

/** The reason goes with the pay-again token where there is one; else into the request itself. */
function whyOf(token: string | undefined, reason: string | undefined): Pick<EraseRequest, 'payAgain' | 'reason'> {
  if (reason === undefined) return {};
  return token === undefined ? { reason } : { payAgain: { token, reason } };
}

/** @param option the option that names the recipe @throws UsageError */
export function recipeOf(
  { recipe: name, recipeJson }: Pick<StartOptions, 'recipe' | 'recipeJson'>,
  option = '--recipe',
): RecipeRequest {
  const given = recipeJson === undefined ? {} : jsonArgument('--recipe-json', recipeJson);
  if (name === undefined && given.name === undefined) {
    throw new UsageError(`No recipe: say what to erase with ${option} NAME.`, 'See `smart-erase recipes`.');
  }
  if (name !== undefined && given.name !== undefined && given.name !== name) {
    throw new UsageError(`${option} is ${name}, but --recipe-json says ${JSON.stringify(given.name)}.`);
  }
  return { ...given, name: name ?? (given.name as string) };
}

function subAppIdFromEnvironment(): number {
  const text = process.env.VOD_SUB_APP_ID ?? '';
  if (!/^\d+$/.test(text)) {
    throw new UsageError(
      text === '' ? 'No sub-application.' : `VOD_SUB_APP_ID is "${text}", which is not a number.`,
      'Give --sub-app-id NUMBER, or set VOD_SUB_APP_ID.',
    );
  }
  return Number(text);
}
