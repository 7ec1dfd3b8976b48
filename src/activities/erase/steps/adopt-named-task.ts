import type { Recipe } from '../../../contract/recipes.js';
import type { PaymentIdentity, SubmissionRecord } from '../../../ledger/submissions/submission.js';
import { inputMatches } from '../../../tencent-vod/input-match.js';
import type { ActivityDependencies } from '../../dependencies.js';
import { readable, tasksOfFile } from './find-submitted-task.js';
import { uncertain } from './submit-outcome.js';

/**
 * Records the task that an operator names as that of the submit whose outcome is unknown. If the vendor's answers contradict the
 * operator, the erase is held again. Null: recorded, or the outcome of every submit is known by now.
 *
 * @throws VodError, LedgerError
 */
export async function adoptNamedTask(
  { vod, ledger }: Pick<ActivityDependencies, 'vod' | 'ledger'>,
  identity: PaymentIdentity,
  { taskId, by, signal }: { taskId: string; by: string; signal: AbortSignal },
): Promise<ReturnType<typeof uncertain> | null> {
  const record = await ledger.submissions.findLatest(identity);
  if (record === null || record.taskId !== null) return null;
  const no = (why: string) => uncertain(`task ${taskId}, which ${by} named, ${why}`, record);
  const listed = await tasksOfFile(vod, record, signal);
  if (listed.kind === 'read' && !listed.answer.includes(taskId)) {
    return no(
      `is not among the vendor's tasks for this file since the submit (${listed.answer.join(', ') || 'there is none'})`,
    );
  }
  const detail = await readable(() => vod.describeTask({ subAppId: identity.subAppId, taskId }, { signal }));
  if (detail.kind === 'read') {
    if (!detail.answer.isMps) return no('was not made by ProcessMediaByMPS');
    if (isOfAnotherRecipe(record, detail.answer.mps?.subTasks ?? [])) return no('erases by another recipe');
  } else if (listed.kind === 'unreadable') {
    return no(`cannot be read, nor can the list of the file's tasks: ${detail.why}`);
  }
  const booked = await ledger.submissions.accepted(record.key, { taskId, requestId: record.requestId, adopted: true });
  return booked === 'taken' ? no('is that of another erase in the ledger') : null;
}

function isOfAnotherRecipe({ recipe }: SubmissionRecord, subTasks: readonly { input: unknown }[]): boolean {
  return subTasks.length > 0 && subTasks.every((each) => inputMatches(recipe as Recipe, each.input) === 'other');
}
