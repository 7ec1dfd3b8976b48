import type { SimulatedClock } from './clock.js';
import { Heap } from './heap.js';
import type { Task, TaskStatus } from './task.js';

/** Indexes of one sub-application's tasks, in the orders of the queries. */
export interface TaskIndex {
  /** Ascending by `seq`, and therefore by creation time. */
  created: Task[];
  /** FINISH and ABORTED ones, ascending by `endSeq`, and therefore by end time. */
  ended: Task[];
  /** WAITING and PROCESSING ones, ascending by `seq`. */
  open: Set<Task>;
  byFile: Map<string, Task[]>;
}

export interface TaskSchedulerEvents {
  started(task: Task): void;
  ended(task: Task): void;
}

/**
 * Runs tasks without timers: {@link advance} replays, in time order, every start and end since its last call. Tasks in flight
 * cost nothing between calls.
 */
export class TaskScheduler {
  readonly all: Task[] = [];
  readonly #byId = new Map<string, Task>();
  readonly #indexes = new Map<number, TaskIndex>();
  /** In order of submission, from `#nextWaiting` on; aborted ones are skipped. */
  #queue: Task[] = [];
  #nextWaiting = 0;
  readonly #running = new Heap<Task>((a, b) =>
    a.finishMs === b.finishMs ? a.seq < b.seq : (a.finishMs ?? 0) < (b.finishMs ?? 0),
  );
  /** Neither queued nor running: their state is fixed until {@link release}. */
  readonly #kept = new Set<Task>();
  #lastEventMs = 0;
  #nextEndSeq = 1;

  constructor(
    readonly clock: SimulatedClock,
    readonly maxConcurrent: number,
    readonly events: TaskSchedulerEvents,
  ) {}

  get nextSeq(): number {
    return (this.all.at(-1)?.seq ?? 0) + 1;
  }

  get(taskId: string): Task | undefined {
    return this.#byId.get(taskId);
  }

  indexOf(subAppId: number): TaskIndex {
    let index = this.#indexes.get(subAppId);
    if (!index) {
      index = { created: [], ended: [], open: new Set(), byFile: new Map() };
      this.#indexes.set(subAppId, index);
    }
    return index;
  }

  submit(task: Task): void {
    this.advance();
    this.#addToIndex(task);
    this.#queue.push(task);
    this.indexOf(task.subAppId).open.add(task);
    this.advance();
  }

  /** Adds a task whose state stays fixed until its release. */
  keep(task: Task, status: 'WAITING' | 'PROCESSING'): void {
    this.advance();
    this.#addToIndex(task);
    this.#kept.add(task);
    this.indexOf(task.subAppId).open.add(task);
    if (status === 'PROCESSING') task.startedMs = this.clock.now();
  }

  /** Releases a kept task: a waiting one starts, a processing one ends. */
  release(task: Task): void {
    if (!this.#kept.delete(task) || task.endSeq !== null) return;
    const now = this.clock.now();
    if (task.startedMs === null) {
      task.eligibleMs = now;
      this.#queue.push(task);
    } else {
      task.finishMs = now;
      this.#running.push(task);
    }
    this.advance();
  }

  /** True when it was WAITING and is now ABORTED. */
  abort(task: Task): boolean {
    this.advance();
    if (this.status(task) !== 'WAITING') return false;
    task.abortedMs = this.clock.now();
    this.#end(task);
    return true;
  }

  status(task: Task): TaskStatus {
    if (task.abortedMs !== null) return 'ABORTED';
    if (task.endSeq !== null) return 'FINISH';
    return task.startedMs === null ? 'WAITING' : 'PROCESSING';
  }

  /** Advances every task to the current time. */
  advance(): void {
    const now = this.clock.now();
    for (;;) {
      const finishing = this.#running.peek();
      const finishMs = finishing?.finishMs ?? Number.POSITIVE_INFINITY;
      const starting = this.#running.size < this.maxConcurrent ? this.#firstWaiting() : undefined;
      const startMs = starting ? Math.max(starting.eligibleMs, this.#lastEventMs) : Number.POSITIVE_INFINITY;
      const due = Math.min(finishMs, startMs);
      if (due > now) return;
      this.#lastEventMs = Math.max(this.#lastEventMs, due);
      if (finishing && finishMs <= startMs) {
        this.#running.pop();
        this.#end(finishing);
      } else if (starting) {
        this.#nextWaiting++;
        starting.startedMs = startMs;
        starting.finishMs = startMs + starting.durationMs;
        this.#running.push(starting);
        this.events.started(starting);
      }
    }
  }

  /** Restores the tasks of a state file, in creation order. */
  restore(tasks: Task[]): void {
    for (const task of tasks) this.#addToIndex(task);
    const ended = tasks.filter((task) => task.endSeq !== null);
    for (const task of ended.sort((a, b) => (a.endSeq ?? 0) - (b.endSeq ?? 0))) {
      this.indexOf(task.subAppId).ended.push(task);
      this.#nextEndSeq = (task.endSeq ?? 0) + 1;
      this.#lastEventMs = Math.max(this.#lastEventMs, endMs(task) ?? 0);
    }
    for (const task of tasks) {
      if (task.endSeq !== null) continue;
      this.indexOf(task.subAppId).open.add(task);
      if (task.startedMs === null) this.#queue.push(task);
      else this.#running.push(task);
    }
    this.advance();
  }

  #firstWaiting(): Task | undefined {
    while (this.#queue[this.#nextWaiting]?.abortedMs) this.#nextWaiting++;
    if (this.#nextWaiting > 4096) {
      this.#queue = this.#queue.slice(this.#nextWaiting);
      this.#nextWaiting = 0;
    }
    return this.#queue[this.#nextWaiting];
  }

  #addToIndex(task: Task): void {
    this.all.push(task);
    this.#byId.set(task.taskId, task);
    const index = this.indexOf(task.subAppId);
    index.created.push(task);
    const ofFile = index.byFile.get(task.fileId);
    if (ofFile) ofFile.push(task);
    else index.byFile.set(task.fileId, [task]);
  }

  #end(task: Task): void {
    task.endSeq = this.#nextEndSeq++;
    const index = this.indexOf(task.subAppId);
    index.open.delete(task);
    index.ended.push(task);
    this.events.ended(task);
  }
}

/** The task's end on the simulated clock; undefined before it. */
export function endMs(task: Task): number | undefined {
  if (task.endSeq === null) return undefined;
  return task.abortedMs ?? task.finishMs ?? undefined;
}
