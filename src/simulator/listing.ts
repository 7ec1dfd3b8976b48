import { createHash } from 'node:crypto';
import type { Task, TaskStatus } from './task.js';
import { endMs, type TaskScheduler } from './task-scheduler.js';

/** A validated DescribeTasks request. Times are simulated times truncated to whole seconds, as the API shows them. */
export interface TaskQuery {
  subAppId: number;
  status?: TaskStatus;
  fileId?: string;
  createdFromMs: number;
  createdBeforeMs: number;
  /** Undefined: includes unfinished tasks. */
  finished?: { fromMs: number; beforeMs: number };
  sortBy: 'CreateTime' | 'FinishTime';
  descending: boolean;
  limit: number;
  scrollToken: string;
}

export interface TaskPage {
  tasks: Task[];
  /** Empty at the end. */
  scrollToken: string;
}

/** Tasks sorted by a key, so that a page starts by binary search. */
interface Lane {
  tasks: readonly Task[];
  key(task: Task): number;
}

/** Undefined when the ScrollToken is invalid or belongs to another query. */
export function listTasks(scheduler: TaskScheduler, query: TaskQuery, nowMs: number): TaskPage | undefined {
  const lane = laneFor(scheduler, query);
  const step = query.descending ? -1 : 1;
  let at = query.descending ? lane.tasks.length - 1 : 0;
  if (query.scrollToken !== '') {
    const key = readToken(query.scrollToken, query);
    if (key === undefined) return undefined;
    at = query.descending
      ? lowerBound(lane.tasks, (task) => lane.key(task) > key) - 1
      : lowerBound(lane.tasks, (task) => lane.key(task) >= key);
  } else if (lane.key === byCreation) {
    // Without a token, a binary search finds the first task in the range.
    at = query.descending
      ? lowerBound(lane.tasks, (task) => task.createdMs >= query.createdBeforeMs) - 1
      : lowerBound(lane.tasks, (task) => task.createdMs >= query.createdFromMs);
  } else if (query.finished) {
    const { fromMs, beforeMs } = query.finished;
    at = query.descending
      ? lowerBound(lane.tasks, (task) => (endMs(task) ?? 0) >= beforeMs) - 1
      : lowerBound(lane.tasks, (task) => (endMs(task) ?? 0) >= fromMs);
  }
  const tasks: Task[] = [];
  for (; at >= 0 && at < lane.tasks.length; at += step) {
    const task = lane.tasks[at] as Task;
    if (beyond(task, lane, query)) break;
    if (!fits(task, scheduler, query, nowMs)) continue;
    if (tasks.length === query.limit) return { tasks, scrollToken: writeToken(lane.key(task), query) };
    tasks.push(task);
  }
  return { tasks, scrollToken: '' };
}

const byCreation = (task: Task) => task.seq;
/** The end of an unfinished task is the zero time, so these tasks come first. */
const byEnd = (task: Task) => task.endSeq ?? task.seq - Number.MAX_SAFE_INTEGER;

function laneFor(scheduler: TaskScheduler, query: TaskQuery): Lane {
  const index = scheduler.indexOf(query.subAppId);
  if (query.fileId !== undefined) {
    const tasks = index.byFile.get(query.fileId) ?? [];
    if (query.sortBy === 'CreateTime') return { tasks, key: byCreation };
    return { tasks: [...tasks].sort((a, b) => byEnd(a) - byEnd(b)), key: byEnd };
  }
  if (query.status === 'WAITING' || query.status === 'PROCESSING') return { tasks: [...index.open], key: byCreation };
  if (query.sortBy === 'CreateTime') return { tasks: index.created, key: byCreation };
  if (query.status === 'FINISH' || query.finished) return { tasks: index.ended, key: byEnd };
  return { tasks: [...index.open, ...index.ended], key: byEnd };
}

/** True when no later task can match, since the list is ordered by the exceeded time. */
function beyond(task: Task, lane: Lane, query: TaskQuery): boolean {
  if (lane.key === byCreation)
    return query.descending ? task.createdMs < query.createdFromMs : task.createdMs >= query.createdBeforeMs;
  const ended = endMs(task);
  if (!query.finished || ended === undefined) return false;
  return query.descending ? ended < query.finished.fromMs : ended >= query.finished.beforeMs;
}

function fits(task: Task, scheduler: TaskScheduler, query: TaskQuery, nowMs: number): boolean {
  if (task.listedMs > nowMs) return false;
  if (task.createdMs < query.createdFromMs || task.createdMs >= query.createdBeforeMs) return false;
  if (query.status !== undefined && scheduler.status(task) !== query.status) return false;
  if (!query.finished) return true;
  const ended = endMs(task);
  return ended !== undefined && ended >= query.finished.fromMs && ended < query.finished.beforeMs;
}

/** The first index where `holds` is true; it must be false before it and true from there on. */
function lowerBound(tasks: readonly Task[], holds: (task: Task) => boolean): number {
  let low = 0;
  let high = tasks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(tasks[middle] as Task)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function fingerprint(query: TaskQuery): string {
  const { subAppId, status, fileId, sortBy, descending } = query;
  return createHash('sha256')
    .update(JSON.stringify([subAppId, status, fileId, sortBy, descending]))
    .digest('hex')
    .slice(0, 12);
}

function writeToken(key: number, query: TaskQuery): string {
  return Buffer.from(`${fingerprint(query)}:${key}`).toString('base64url');
}

function readToken(token: string, query: TaskQuery): number | undefined {
  const [print, key, ...rest] = Buffer.from(token, 'base64url').toString().split(':');
  if (print !== fingerprint(query) || rest.length > 0 || !/^-?\d+$/.test(key ?? '')) return undefined;
  return Number(key);
}
