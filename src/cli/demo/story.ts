import { type EraseClient, EraseError, type EraseRequest, type EraseResult } from '../../client.js';
import { RECIPE_NAMES, RECIPES, type RecipeName } from '../../contract/recipes.js';
import type { Output } from '../output.js';
import { type BacklogEnd, runBacklog } from './backlog.js';
import { addClips, loggedSubmits } from './simulator-admin.js';
import { type SubmitNumbers, submitNumbers } from './submit-rate.js';

const BACKLOG_FILES = 60;
/** Base of the demo's sequential FileIds; fictitious, in the vendor's format. */
const FIRST_FILE_ID = 5_285_485_400_000_000_000n;
/** Belongs to no clip, so the vendor refuses it. */
const NO_SUCH_FILE_ID = '5285485499999999999';
/** Recipes whose parameters only their caller knows. */
const NOT_SHOWN: readonly RecipeName[] = ['raw', 'smart-erase-task'];

export interface Stage {
  client: EraseClient;
  simulatorUrl: string;
  uiUrl: string;
  namespace: string;
  subAppId: number;
  env: NodeJS.ProcessEnv;
  output: Output;
  signal: AbortSignal;
}

export interface Ended {
  what: string;
  fileId: string;
  workflowId: string;
  result: EraseResult | null;
  error: EraseError | null;
}

export interface StoryEnd extends SubmitNumbers {
  ended: Ended[];
  batch: BacklogEnd;
}

/** The calls of a business service, one after another, each with an explanation. */
export async function tellStory(stage: Stage): Promise<StoryEnd> {
  const { output, simulatorUrl, signal } = stage;
  const recipes = RECIPE_NAMES.filter((name) => !NOT_SHOWN.includes(name));
  const ids = Array.from({ length: recipes.length + 1 + BACKLOG_FILES }, (_, index) =>
    String(FIRST_FILE_ID + BigInt(index)),
  );
  await addClips(simulatorUrl, ids);
  const [published = '', ...rest] = ids;
  const backlog = rest.slice(recipes.length);
  const ended: Ended[] = [];

  output.say();
  output.say(`1. One erase of each recipe, ${recipes.length} at once.`);
  const each = recipes.map((name, index) => ({ fileId: rest[index] ?? '', recipe: { name } }));
  for (const end of await Promise.all(
    each.map((request) => erase(stage, RECIPES[request.recipe.name].title, request)),
  )) {
    tell(stage, end);
    ended.push(end);
  }

  signal.throwIfAborted();
  output.say();
  output.say('2. One erase whose new file is published: a name, a tag, the tags of the source, its URL prefetched.');
  const publish = { name: 'Demo clip, without subtitles', tags: ['clean'], inherit: ['tags' as const], prefetch: true };
  const withPublish = { fileId: published, recipe: { name: 'subtitles' }, publish };
  ended.push(tell(stage, await erase(stage, 'Subtitles, then publish', withPublish)));

  signal.throwIfAborted();
  output.say();
  output.say(`3. A spreadsheet of ${BACKLOG_FILES} files, as fast as the vendor allows (20 submits in any second).`);
  const batch = await runBacklog(stage, backlog);

  signal.throwIfAborted();
  output.say();
  output.say('4. One erase that the vendor refuses: there is no such file.');
  const refused = { fileId: NO_SUCH_FILE_ID, recipe: { name: 'subtitles' } };
  ended.push(tell(stage, await erase(stage, 'A file that does not exist', refused)));

  return { ended, batch, ...submitNumbers(await loggedSubmits(simulatorUrl), new Set(backlog)) };
}

/** @param what description for a person */
async function erase(stage: Stage, what: string, request: Omit<EraseRequest, 'subAppId'>): Promise<Ended> {
  const handle = await stage.client.start({ ...request, subAppId: stage.subAppId, requestedBy: 'the demo' });
  const { workflowId } = handle;
  try {
    const result = await handle.result({ signal: stage.signal });
    return { what, fileId: request.fileId, workflowId, result, error: null };
  } catch (error) {
    // A failed erase is a valid outcome; an unavailable server is not.
    if (!(error instanceof EraseError) || error.class === 'unavailable') throw error;
    return { what, fileId: request.fileId, workflowId, result: null, error };
  }
}

/** The run's page in Temporal's UI. */
export function pageOf({ uiUrl, namespace }: Pick<Stage, 'uiUrl' | 'namespace'>, workflowId: string): string {
  return `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`;
}

function tell(stage: Stage, end: Ended): Ended {
  const { output } = stage;
  if (end.result !== null) {
    const { files, resultFileId, published } = end.result;
    const made = resultFileId === null ? `${files.length} file` : `new file ${resultFileId}`;
    output.sayStyled('green', '   ok', `      ${end.what}: ${made}`);
    if (published !== null) output.say(`           published: ${published.changed.join(', ')}`);
    for (const warning of published?.warnings ?? []) output.say(`           warning: ${warning}`);
  } else {
    const { error } = end;
    output.sayStyled('red', '   failed', `  ${end.what}: ${error?.message ?? ''}`);
    output.say(`           class ${error?.class}, code ${error?.code}, RequestId ${error?.requestId}`);
    output.say(`           what to do: ${error?.advice ?? ''}`);
  }
  output.sayStyled('dim', `           ${pageOf(stage, end.workflowId)}`);
  return end;
}
