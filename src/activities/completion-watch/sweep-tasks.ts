import { makesVideo, type Recipe } from '../../contract/recipes.js';
import { MAX_DEADLINE_HOURS, NOT_FOUND_CODE, VENDOR_MEMORY_MS } from '../../contract/vendor-limits.js';
import type { OpenTask } from '../../ledger/watch/watch-store.js';
import { judgeTask } from '../../tencent-vod/task-verdict.js';
import type { TaskDetail, VodApi } from '../../tencent-vod/vod-api.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import type { ActivityDependencies } from '../dependencies.js';
import { INCOMPLETE } from '../erase/fetch-result.js';
import { recordTaskOutcome } from '../erase/steps/record-task-outcome.js';
import { forEach } from '../shared/for-each.js';
import { type CompleteDependencies, completeWaitingActivities } from './complete-waiting-activities.js';
import type { WatchTimings } from './timings.js';

/** Tasks that are read in one sweep: with a sweep every five seconds, four calls a second. */
const AT_MOST = 20;
/** Concurrent reads: a vendor that takes a second for each must not delay the next list by twenty. */
const AT_ONCE = 5;
/** The last read that still finds the task, before the last moment at which a run would wait for it. Milliseconds. */
const LAST_LOOK_MS = (MAX_DEADLINE_HOURS - 0.5) * 3_600_000;
/** After the vendor's memory has ended, allowing for clock skew between vendor and database. Milliseconds. */
const FORGOTTEN_MS = VENDOR_MEMORY_MS + 10 * 60_000;
/** After a failed read, in milliseconds. */
const AFTER_FAILURE_MS = 5 * 60_000;

type SweepTimings = Pick<WatchTimings, 'sweepFirstMs' | 'sweepMaxMs' | 'notifiedGraceMs' | 'missedAfterMs'>;

export interface SweepDependencies extends CompleteDependencies {
  ledger: ActivityDependencies['ledger'];
  vod: Pick<VodApi, 'describeTask'>;
  timings: SweepTimings;
  /** Called with a task that had ended, and that no list has shown. */
  onMissed: (taskId: string) => Promise<void>;
}

/**
 * Reads accepted tasks without an outcome that no run may read: aborted in the console, or of a run that was terminated or
 * reached its deadline. Runs that wait are notified; without any, the outcome is recorded, and the next start of that erase finds
 * its result without paying.
 *
 * @throws VodError after a failed read: the rest waits for the next sweep. LedgerError
 */
export async function sweepTasks(deps: SweepDependencies, subAppId: number, signal: AbortSignal): Promise<void> {
  const { ledger, timings } = deps;
  const due = await ledger.watch.dueTasks(subAppId, { firstMs: timings.sweepFirstMs, limit: AT_MOST });
  await forEach(due, { atOnce: AT_ONCE }, async (task) => {
    if (signal.aborted) return;
    try {
      await look(deps, subAppId, task, signal);
    } catch (error) {
      if (!(error instanceof VodError)) throw error;
      await ledger.watch.lookAgain([task.taskId], AFTER_FAILURE_MS);
      throw error;
    }
  });
}

async function look(deps: SweepDependencies, subAppId: number, task: OpenTask, signal: AbortSignal): Promise<void> {
  const { ledger, vod, timings } = deps;
  const { taskId, ageMs } = task;
  const detail = await detailOf(ageMs, () => vod.describeTask({ subAppId, taskId }, { signal }));
  if (detail instanceof VodError) {
    if (ageMs < FORGOTTEN_MS) return await ledger.watch.lookAgain([taskId], nextSweepMs(ageMs, timings));
    await bookExpired(deps, taskId, detail);
    return await completeWaitingActivities(deps, task.waiters);
  }
  const verdict = judgeTask(detail, { sourceFileId: task.fileId, makesVideo: makesVideo(task.recipe as Recipe) });
  if (verdict.kind === 'unfinished') return await ledger.watch.lookAgain([taskId], nextSweepMs(ageMs, timings));
  const endedForMs = Date.now() - Date.parse(detail.finishTime ?? '');
  // A submission that was just reconciled: its task was listed before its owner was known.
  const known = task.knownForMs > timings.missedAfterMs;
  const missed = known && detail.status === 'FINISH' && task.overForMs === null && endedForMs > timings.missedAfterMs;
  if (missed) await deps.onMissed(taskId);
  if (task.waiters.length > 0) {
    await ledger.watch.markOver([taskId], { notifiedMs: timings.notifiedGraceMs, unownedMs: deps.unownedGraceMs });
    await ledger.watch.lookAgain([taskId], timings.notifiedGraceMs);
    return await completeWaitingActivities(deps, task.waiters);
  }
  // A missing part of the detail may come a moment later, but not after that time.
  const mayBecomeWhole = verdict.kind === 'failed' && INCOMPLETE.has(verdict.code);
  if (mayBecomeWhole && (task.overForMs ?? 0) < timings.notifiedGraceMs) {
    await ledger.watch.markOver([taskId], { notifiedMs: timings.notifiedGraceMs, unownedMs: deps.unownedGraceMs });
    return await ledger.watch.lookAgain([taskId], timings.notifiedGraceMs);
  }
  await recordTaskOutcome(ledger, taskId, verdict, detail);
}

/** Once the vendor must have forgotten a task, a permanent refusal adds no information: its sub-application may be gone. */
async function detailOf(ageMs: number, read: () => Promise<TaskDetail>): Promise<TaskDetail | VodError> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof VodError)) throw error;
    if (error.code === NOT_FOUND_CODE || (ageMs >= FORGOTTEN_MS && error.class === 'input')) return error;
    throw error;
  }
}

async function bookExpired({ ledger }: SweepDependencies, taskId: string, error: VodError): Promise<void> {
  const { code, message } = error;
  await ledger.submissions.recordOutcome(taskId, {
    outcome: 'expired',
    code,
    message,
    resultFileId: null,
    result: null,
  });
}

/**
 * Until the next read of a task of that age, in milliseconds: equal to its age, within bounds. The last two reads come just
 * before and just after the vendor forgets the task.
 */
export function nextSweepMs(
  ageMs: number,
  { sweepFirstMs, sweepMaxMs }: Pick<SweepTimings, 'sweepFirstMs' | 'sweepMaxMs'>,
): number {
  const next = Math.min(Math.max(ageMs, sweepFirstMs), sweepMaxMs);
  if (ageMs < LAST_LOOK_MS) return Math.min(next, LAST_LOOK_MS - ageMs);
  if (ageMs < FORGOTTEN_MS) return FORGOTTEN_MS - ageMs;
  return next;
}
