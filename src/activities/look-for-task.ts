import type { Recipe } from '../contract/recipes.js';
import type { SubmissionRecord } from '../ledger/ledger.js';
import { inputMatches } from '../vod/input-match.js';
import type { ActivityDependencies } from './dependencies.js';

/**
 * How far the vendor's clock may be from the database's, in milliseconds. The vendor refuses signatures that are more
 * than 5 minutes off, so no accepted task can lie further from our clock than that.
 */
export const CLOCK_SKEW_MS = 5 * 60_000;

export type LookVerdict =
  | { kind: 'found'; taskId: string }
  | { kind: 'none' }
  /** Which task is ours cannot be told. */
  | { kind: 'unclear'; why: string };

/**
 * Looks for the task of an unresolved submission among the vendor's tasks for the file: made since the intent, by
 * ProcessMediaByMPS, with the input that we sent, and not known to belong to another submission.
 *
 * @throws VodError, LedgerError
 */
export async function lookForTask(
  { vod, ledger }: Pick<ActivityDependencies, 'vod' | 'ledger'>,
  record: SubmissionRecord,
  signal: AbortSignal,
): Promise<LookVerdict> {
  const { subAppId, fileId } = record.identity;
  const recipe = record.recipe as Recipe;
  const candidates: string[] = [];
  let scrollToken: string | undefined;
  do {
    const page = await vod.listTasks(
      {
        subAppId,
        fileId,
        createdFrom: new Date(record.placeAt.getTime() - CLOCK_SKEW_MS).toISOString(),
        ...(scrollToken === undefined ? {} : { scrollToken }),
      },
      { signal },
    );
    // The query is for this file already; a list that leaves the FileId out must not hide our task.
    candidates.push(...page.tasks.filter((t) => t.isMps && (t.fileId ?? fileId) === fileId).map((t) => t.taskId));
    scrollToken = page.scrollToken ?? undefined;
  } while (scrollToken !== undefined);

  const known = await ledger.knownTasks(candidates);
  const ours: string[] = [];
  let unreadable = 0;
  for (const taskId of new Set(candidates)) {
    if (known.has(taskId)) continue;
    const detail = await vod.describeTask({ subAppId, taskId }, { signal });
    const matches = (detail.mps?.subTasks ?? []).map((t) => inputMatches(recipe, t.input));
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
