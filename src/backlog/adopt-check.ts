import type { Recipe } from '../contract/recipes.js';
import { makesVideo } from '../contract/recipes.js';
import { MAX_FILE_IDS, NOT_FOUND_CODE } from '../contract/vendor-limits.js';
import type { AdoptedItem } from '../ledger/batches/batch-adopt.js';
import type { RowProblem } from '../ledger/batches/batch-staging.js';
import { inputMatches } from '../tencent-vod/input-match.js';
import { judgeTask } from '../tencent-vod/task-verdict.js';
import type { TaskDetail, VodApi } from '../tencent-vod/vod-api.js';
import { VodError } from '../tencent-vod/vod-error.js';
import { type ClaimedTask, deadlineFor } from './adopt-file.js';
import { retriedRead } from './retried-read.js';
import { subAppRefusal } from './sub-app-refusal.js';

type Vod = Pick<VodApi, 'describeTask' | 'listTasks' | 'describeMedia'>;

export interface CheckOptions {
  /** Accept tasks that do not echo their input, without comparing it with the recipe. */
  unverified: boolean;
  signal?: AbortSignal;
  /** Number of rows checked so far. */
  onProgress?: (rows: number) => void;
}

/** Rows checked concurrently. Ours: at a response time of a fifth of a second, this keeps up with the read rate. */
const AT_ONCE = 32;
/** Maximum difference between a listed time and that of the detail, in milliseconds: lists have whole seconds. */
const LIST_MARGIN_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * Checks each row with the vendor: a ProcessMediaByMPS task of this file with the recipe's input exists, or its result does. Only
 * reads.
 * @throws VodError when the vendor is unavailable or refuses the reads
 */
export async function checkClaims(
  vod: Vod,
  claims: readonly ClaimedTask[],
  options: CheckOptions,
): Promise<{ items: AdoptedItem[]; problems: RowProblem[] }> {
  // A single wrong sub-application is one error, instead of one per row.
  const several = new Set(claims.map(({ request }) => request.subAppId)).size > 1;
  const checked: (AdoptedItem | RowProblem)[] = [];
  for (let at = 0; at < claims.length; at += AT_ONCE) {
    options.signal?.throwIfAborted();
    const group = claims.slice(at, at + AT_ONCE);
    const refused = (claim: ClaimedTask, error: unknown): RowProblem => {
      const { fileId, subAppId } = claim.request;
      const refusal = several ? subAppRefusal(subAppId, error) : null;
      if (refusal === null) throw error;
      return { row: claim.row, fileId, problem: refusal };
    };
    const media = existing(vod, group, options.signal);
    checked.push(
      ...(await Promise.all(
        group.map((claim) => checkOne(vod, claim, media, options).catch((error: unknown) => refused(claim, error))),
      )),
    );
    options.onProgress?.(checked.length);
  }
  const items: AdoptedItem[] = [];
  const problems: RowProblem[] = [];
  for (const one of checked) {
    if ('problem' in one) problems.push(one);
    else items.push(one);
  }
  return { items, problems };
}

async function checkOne(
  vod: Vod,
  claim: ClaimedTask,
  media: (subAppId: number) => Promise<ReadonlySet<string>>,
  options: CheckOptions,
): Promise<AdoptedItem | RowProblem> {
  const { fileId, subAppId } = claim.request;
  const problem = (text: string): RowProblem => ({ row: claim.row, fileId, problem: text });
  if (claim.taskId !== null) {
    const detail = await detailOf(vod, subAppId, claim.taskId, options.signal);
    if (detail !== null) return await checkTask(vod, claim, detail, options);
    if (claim.resultFileId === null) {
      return problem(
        `task ${claim.taskId} is not known to the vendor (any more): it forgets tasks after 72 hours. Give its resultFileId.`,
      );
    }
  }
  return checkResult(claim, await media(subAppId));
}

function checkResult(claim: ClaimedTask, media: ReadonlySet<string>): AdoptedItem | RowProblem {
  const { request, row, resultFileId } = claim;
  const problem = (text: string): RowProblem => ({ row, fileId: request.fileId, problem: text });
  if (resultFileId === null) return problem('has no resultFileId.');
  const recipe = request.recipe as Recipe;
  if (!makesVideo(recipe))
    return problem(`the recipe ${recipe.name} makes no video, so there is no resultFileId of it.`);
  if (!media.has(resultFileId)) return problem(`the result ${resultFileId} is not in the library.`);
  return {
    ...claim,
    // A result without a known task gets a TaskId made of its FileId, so that only one erase can claim it.
    taskId: claim.taskId ?? `adopted-result/${resultFileId}`,
    placeAt: claim.submittedAt,
    resultFileId,
  };
}

async function checkTask(
  vod: Vod,
  claim: ClaimedTask,
  detail: TaskDetail,
  { unverified, signal }: CheckOptions,
): Promise<AdoptedItem | RowProblem> {
  const { request, row, resultFileId } = claim;
  const { taskId } = detail;
  const recipe = request.recipe as Recipe;
  const problem = (text: string): RowProblem => ({ row, fileId: request.fileId, problem: text });
  if (!detail.isMps) return problem(`task ${taskId} is no task of ProcessMediaByMPS.`);
  const matches = (detail.mps?.subTasks ?? []).map((subTask) => inputMatches(recipe, subTask.input));
  if (!matches.includes('same')) {
    if (matches.length > 0 && !matches.includes('unreadable')) {
      return problem(`task ${taskId} has another input than the recipe ${recipe.name} makes.`);
    }
    if (!unverified) {
      return problem(
        `task ${taskId} does not tell its input, so whether it is of the recipe cannot be seen (--unverified takes it).`,
      );
    }
  }
  if (!(await isTaskOf(vod, claim, detail, signal))) {
    return problem(`task ${taskId} is not among the vendor's tasks for this file.`);
  }
  const verdict = judgeTask(detail, { sourceFileId: request.fileId, makesVideo: makesVideo(recipe) });
  if (verdict.kind === 'failed' && verdict.class === 'aborted') {
    return problem(`task ${taskId} was aborted before it ran: there is nothing to adopt.`);
  }
  if (verdict.kind === 'succeeded' && resultFileId !== null && verdict.resultFileId !== resultFileId) {
    return problem(`task ${taskId} made ${verdict.resultFileId ?? 'no file'}, not ${resultFileId}.`);
  }
  const placeAt = detail.createTime ?? claim.submittedAt;
  const ageHours = placeAt === null ? 0 : (Date.now() - Date.parse(placeAt)) / HOUR_MS;
  const open = verdict.kind === 'unfinished';
  const deadlineHours = open ? deadlineFor(request.deadlineHours, ageHours) : request.deadlineHours;
  return { ...claim, request: { ...request, deadlineHours }, taskId, placeAt, resultFileId: null };
}

async function detailOf(
  vod: Vod,
  subAppId: number,
  taskId: string,
  signal: AbortSignal | undefined,
): Promise<TaskDetail | null> {
  try {
    return await retriedRead(() => vod.describeTask({ subAppId, taskId }, { signal }), signal);
  } catch (error) {
    if (error instanceof VodError && (error.code === NOT_FOUND_CODE || error.class === 'input')) return null;
    throw error;
  }
}

/** A task's detail does not name its file, but the task list of the file does. */
async function isTaskOf(
  vod: Vod,
  { request: { subAppId, fileId } }: ClaimedTask,
  { taskId, createTime }: TaskDetail,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const created = createTime === null ? Number.NaN : Date.parse(createTime);
  const times = Number.isNaN(created)
    ? {}
    : {
        createdFrom: new Date(created - LIST_MARGIN_MS).toISOString(),
        createdTo: new Date(created + LIST_MARGIN_MS).toISOString(),
      };
  let scrollToken: string | undefined;
  do {
    const query = { subAppId, fileId, ...times, ...(scrollToken === undefined ? {} : { scrollToken }) };
    const page = await retriedRead(() => vod.listTasks(query, { signal }), signal);
    if (page.tasks.some((task) => task.taskId === taskId && (task.fileId ?? fileId) === fileId)) return true;
    scrollToken = page.scrollToken ?? undefined;
  } while (scrollToken !== undefined);
  return false;
}

/** The named results that exist in the library; queried once for each sub-application. */
function existing(
  vod: Vod,
  claims: readonly ClaimedTask[],
  signal: AbortSignal | undefined,
): (subAppId: number) => Promise<ReadonlySet<string>> {
  const asked = new Map<number, Promise<ReadonlySet<string>>>();
  return (subAppId) => {
    const named = claims.filter(({ request }) => request.subAppId === subAppId);
    const before = asked.get(subAppId) ?? inLibrary(vod, subAppId, named, signal);
    asked.set(subAppId, before);
    return before;
  };
}

async function inLibrary(
  vod: Vod,
  subAppId: number,
  claims: readonly ClaimedTask[],
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const all = [...new Set(claims.flatMap(({ resultFileId }) => resultFileId ?? []))];
  const found = new Set<string>();
  for (let at = 0; at < all.length; at += MAX_FILE_IDS) {
    const fileIds = all.slice(at, at + MAX_FILE_IDS);
    const { media } = await retriedRead(() => vod.describeMedia({ subAppId, fileIds }, { signal }), signal);
    for (const { fileId } of media) found.add(fileId);
  }
  return found;
}
