import type { ErrorClass } from '../../../contract/error-classes.js';
import type { Recipe } from '../../../contract/recipes.js';
import { CLOCK_SKEW_MS, NOT_FOUND_CODE } from '../../../contract/vendor-limits.js';
import type { SubmissionRecord } from '../../../ledger/submissions/submission.js';
import { inputMatches } from '../../../tencent-vod/input-match.js';
import type { VodApi } from '../../../tencent-vod/vod-api.js';
import { VodError } from '../../../tencent-vod/vod-error.js';
import type { ActivityDependencies } from '../../dependencies.js';

/** Classes of answers that do not change when the call is repeated. */
const UNREADABLE: ReadonlySet<ErrorClass> = new Set<ErrorClass>(['badAnswer', 'input']);

/** Pages of 100 tasks for one file: more cannot be the list of one file's tasks. */
const MAX_PAGES = 50;

export type SearchVerdict =
  | { kind: 'found'; taskId: string }
  | { kind: 'none' }
  /** Several tasks match, or the match is uncertain. */
  | { kind: 'unclear'; why: string };

/**
 * Finds the task of an unresolved submission among the vendor's tasks for the file: made since the intent, by ProcessMediaByMPS,
 * with the input that we sent, and not recorded for another submission.
 *
 * @throws VodError, LedgerError
 */
export async function findSubmittedTask(
  { vod, ledger }: Pick<ActivityDependencies, 'vod' | 'ledger'>,
  record: SubmissionRecord,
  signal: AbortSignal,
): Promise<SearchVerdict> {
  const { subAppId } = record.identity;
  const recipe = record.recipe as Recipe;
  const listed = await tasksOfFile(vod, record, signal);
  if (listed.kind === 'unreadable') return { kind: 'unclear', why: listed.why };
  const candidates = listed.answer;
  const known = await ledger.submissions.knownTasks(candidates);
  const ours: string[] = [];
  let unreadable = 0;
  for (const taskId of new Set(candidates)) {
    if (known.has(taskId)) continue;
    const detail = await readable(() => vod.describeTask({ subAppId, taskId }, { signal }));
    if (detail.kind === 'unreadable') {
      unreadable += 1;
      continue;
    }
    const matches = (detail.answer.mps?.subTasks ?? []).map((t) => inputMatches(recipe, t.input));
    if (matches.includes('same')) ours.push(taskId);
    else if (matches.length === 0 || matches.includes('unreadable')) unreadable += 1;
  }
  if (unreadable > 0) {
    return { kind: 'unclear', why: `${unreadable} task(s) for this file do not tell their input yet` };
  }
  if (ours.length > 1) {
    return {
      kind: 'unclear',
      why: `${ours.length} tasks for this file and recipe are in no ledger: ${ours.join(', ')}`,
    };
  }
  return ours[0] === undefined ? { kind: 'none' } : { kind: 'found', taskId: ours[0] };
}

type Readable<T> = { kind: 'read'; answer: T } | { kind: 'unreadable'; why: string };

/** ProcessMediaByMPS tasks of the submission's file that the vendor lists, made since the submission. */
export async function tasksOfFile(
  vod: Pick<VodApi, 'listTasks'>,
  { identity: { subAppId, fileId }, scheduledAtHere }: Pick<SubmissionRecord, 'identity' | 'scheduledAtHere'>,
  signal: AbortSignal,
): Promise<Readable<string[]>> {
  const taskIds: string[] = [];
  const createdFrom = new Date(scheduledAtHere.getTime() - CLOCK_SKEW_MS).toISOString();
  let scrollToken: string | undefined;
  let pages = 0;
  do {
    const query = { subAppId, fileId, createdFrom, ...(scrollToken === undefined ? {} : { scrollToken }) };
    const page = await readable(() => vod.listTasks(query, { signal }));
    if (page.kind === 'unreadable') return { ...page, why: `the list of its tasks cannot be read: ${page.why}` };
    pages += 1;
    if (pages > MAX_PAGES) {
      return { kind: 'unreadable', why: `the list of its tasks has no end after ${MAX_PAGES} pages` };
    }
    // The query is for this file already; a list that omits the FileId must not hide our task.
    const { tasks } = page.answer;
    taskIds.push(...tasks.filter((t) => t.isMps && (t.fileId ?? fileId) === fileId).map((t) => t.taskId));
    scrollToken = page.answer.scrollToken ?? undefined;
  } while (scrollToken !== undefined);
  return { kind: 'read', answer: taskIds };
}

/** An answer that stays unreadable when repeated becomes a hold for an operator, instead of endless retries. */
export async function readable<T>(read: () => Promise<T>): Promise<Readable<T>> {
  try {
    return { kind: 'read', answer: await read() };
  } catch (error) {
    if (error instanceof VodError && (UNREADABLE.has(error.class) || error.code === NOT_FOUND_CODE)) {
      return { kind: 'unreadable', why: error.message };
    }
    throw error;
  }
}
