import { CLOCK_SKEW_MS, VENDOR_MEMORY_MS } from '../../contract/vendor-limits.js';
import type { ProbeTask, WatchState } from '../../ledger/watch/watch-store.js';
import type { TaskSummary, VodApi } from '../../tencent-vod/vod-api.js';
import { VodError } from '../../tencent-vod/vod-error.js';

/** After this many pages without a task, a list is treated as endless. */
const MAX_EMPTY_PAGES = 20;

/**
 * The earliest end of a task not listed yet, in the vendor's time: where the last list ended, less an overlap. Limited by the
 * submit of the oldest awaited task, and by how far back the vendor lists.
 */
export function listFrom({ listedUntil, oldestMs }: WatchState, overlapMs: number, nowMs: number): Date {
  // By this process's clock, which the vendor requires to be within five minutes of its own.
  const oldest = nowMs - (oldestMs ?? 0) - CLOCK_SKEW_MS;
  const reached = listedUntil === null ? Number.NEGATIVE_INFINITY : listedUntil.getTime() - overlapMs;
  return new Date(Math.max(reached, oldest, nowMs - VENDOR_MEMORY_MS));
}

/**
 * How far a page of finished tasks advances the list. A time in the future beyond the clock tolerance is ignored: nothing that
 * ends before it would be listed again.
 */
export function listedUntil(tasks: readonly TaskSummary[], nowMs: number): Date | null {
  const times = tasks
    .map((task) => Date.parse(task.finishTime ?? ''))
    .filter((time) => !Number.isNaN(time) && time <= nowMs + CLOCK_SKEW_MS);
  return times.length === 0 ? null : new Date(times.reduce((latest, time) => Math.max(latest, time)));
}

/**
 * Whether the vendor lists a task that is known to exist. Its documentation does not name ProcessMediaByMPS among the listed
 * types, so polls go on until one was listed there.
 *
 * @throws VodError
 */
export async function isListed(
  vod: Pick<VodApi, 'listTasks'>,
  subAppId: number,
  { taskId, fileId, ageMs }: ProbeTask,
  signal: AbortSignal,
): Promise<boolean> {
  const createdFrom = new Date(Date.now() - ageMs - CLOCK_SKEW_MS).toISOString();
  const { tasks } = await vod.listTasks({ subAppId, fileId, createdFrom }, { signal });
  return tasks.some((task) => task.taskId === taskId);
}

/**
 * The tasks of a sub-application that ended at that time or later, in the order in which they ended, page by page.
 *
 * @throws VodError
 */
export async function* listFinished(
  vod: Pick<VodApi, 'listTasks'>,
  { subAppId, from }: { subAppId: number; from: Date },
  signal: AbortSignal,
): AsyncGenerator<TaskSummary[]> {
  let scrollToken: string | undefined;
  let emptyPages = 0;
  do {
    const page = await vod.listTasks(
      {
        subAppId,
        status: 'FINISH',
        finishedFrom: from.toISOString(),
        sort: { field: 'FinishTime', order: 'Asc' },
        scrollToken,
      },
      { signal },
    );
    yield page.tasks;
    emptyPages = page.tasks.length === 0 ? emptyPages + 1 : 0;
    const next = page.scrollToken ?? undefined;
    if (next !== undefined && (next === scrollToken || emptyPages > MAX_EMPTY_PAGES)) {
      throw new VodError({
        class: 'badAnswer',
        action: 'DescribeTasks',
        code: 'endless-list',
        message: `DescribeTasks: the list of finished tasks of sub-application ${subAppId} has no end. RequestId ${page.requestId}.`,
        requestId: page.requestId,
      });
    }
    scrollToken = next;
  } while (scrollToken !== undefined);
}
