import type { CallDetail } from './call-log.js';
import { SimulatedClock } from './clock.js';
import { Faults } from './faults.js';
import { type Media, MediaLibrary, NEVER_EXPIRES } from './media-library.js';
import type { ResolvedOptions } from './options.js';
import { newFileId, newTaskId, pick } from './random.js';
import type { StateStore } from './state-file.js';
import type { SubTask, Task } from './task.js';
import { TaskScheduler } from './task-scheduler.js';

export interface TaskRequest {
  kind: Task['kind'];
  subAppId: number;
  fileId: string;
  requestId: string;
  subTasks: SubTask[];
  procedureName?: string;
  sessionId?: string;
  sessionContext?: string;
}

/** The vendor's name of each kind of task within its TaskId. */
const TASK_ID_WORDS: Record<Task['kind'], string> = {
  ProcessMediaByMPS: 'ProcessMediaByMPS',
  Procedure: 'procedurev2',
};

/** State of the simulated account: tasks, media, calls and pending faults. */
export class SimulatedAccount {
  readonly clock: SimulatedClock;
  readonly tasks: TaskScheduler;
  readonly media: MediaLibrary;
  readonly faults = new Faults();
  readonly calls: CallDetail[];
  /** Set once the port is known; every URL in an answer starts with it. */
  baseUrl = '';
  readonly #sessions = new Map<string, Task>();

  constructor(
    readonly options: ResolvedOptions,
    readonly store: StateStore,
  ) {
    const saved = store.load();
    this.clock = new SimulatedClock(saved.ageMs, options.clockSkewMs);
    this.calls = saved.calls;
    this.media = new MediaLibrary(this.clock);
    for (const media of saved.media) this.media.put(media);
    this.tasks = new TaskScheduler(this.clock, options.maxConcurrentTasks, {
      started: (task) => store.saveTask(task),
      ended: (task) => this.#taskEnded(task),
    });
    for (const task of saved.tasks) if (task.sessionId) this.#sessions.set(sessionKey(task), task);
    this.tasks.restore(saved.tasks);
    if (this.media.size === 0) this.addMedia(sampleLibrary(options.subAppIds[0] as number, this.clock.now()));
  }

  addMedia(media: Media[]): void {
    for (const item of media) this.media.put(item);
    this.store.saveMedia(media);
  }

  removeMedia(subAppId: number, fileId: string): boolean {
    this.store.deleteMedia(subAppId, fileId);
    return this.media.remove(subAppId, fileId);
  }

  age(ms: number): void {
    this.clock.age(ms);
    this.store.saveAge(this.clock.ageMs);
    this.tasks.advance();
  }

  /** Lets the tasks of a file that faults keep or hide continue and be listed. */
  release(subAppId: number, fileId: string): void {
    const now = this.clock.now();
    for (const task of this.tasks.indexOf(subAppId).byFile.get(fileId) ?? []) {
      task.listedMs = Math.min(task.listedMs, now);
      this.tasks.release(task);
      this.store.saveTask(task);
    }
  }

  /** The task, while it is within its retention. */
  readableTask(taskId: string, subAppId: number): Task | undefined {
    this.tasks.advance();
    const task = this.tasks.get(taskId);
    if (!task || task.subAppId !== subAppId || task.createdMs < this.retentionStartMs()) return undefined;
    return task;
  }

  retentionStartMs(): number {
    return this.clock.now() - this.options.retentionMs;
  }

  start(request: TaskRequest): Task {
    const seq = this.tasks.nextSeq;
    const createdMs = this.clock.now();
    const isErase = request.kind === 'ProcessMediaByMPS';
    const hidden = isErase ? this.faults.forTask('late-listing', request.fileId) : undefined;
    const failure = isErase ? this.faults.forTask('task-failure', request.fileId) : undefined;
    const silent = isErase && !failure ? this.faults.forTask('silent-success', request.fileId) : undefined;
    const waits = isErase && this.faults.forTask('stays-waiting', request.fileId) !== undefined;
    const runsOn = isErase && !waits && this.faults.forTask('stays-processing', request.fileId) !== undefined;
    const task: Task = {
      seq,
      taskId: newTaskId(request.subAppId, TASK_ID_WORDS[request.kind]),
      kind: request.kind,
      subAppId: request.subAppId,
      fileId: request.fileId,
      requestId: request.requestId,
      createdMs,
      eligibleMs: createdMs + this.options.taskWaitMs,
      durationMs: pick(this.options.taskDurationMs, this.options.seed, `task ${seq}`),
      startedMs: null,
      finishMs: null,
      abortedMs: null,
      endSeq: null,
      listedMs: createdMs + (hidden?.ms ?? 0),
      subTasks: request.subTasks,
      resultFileIds: request.subTasks.map(({ outputs }) =>
        outputs.includes('Video') && !failure && !silent ? this.#unusedFileId(request.subAppId) : null,
      ),
      failure: failure
        ? { code: failure.code ?? '', message: failure.message ?? 'task failed', level: failure.level ?? 'subtask' }
        : null,
      silent: silent ? (silent.shape ?? 'same-file') : null,
      procedureName: request.procedureName ?? null,
      sessionId: request.sessionId ?? '',
      sessionContext: request.sessionContext ?? '',
    };
    if (task.sessionId) this.#sessions.set(sessionKey(task), task);
    this.store.saveTask(task);
    if (waits || runsOn) this.tasks.keep(task, waits ? 'WAITING' : 'PROCESSING');
    else this.tasks.submit(task);
    return task;
  }

  /** The newest task with this SessionId. */
  taskOfSession(subAppId: number, sessionId: string): Task | undefined {
    return this.#sessions.get(sessionKey({ subAppId, sessionId }));
  }

  #taskEnded(task: Task): void {
    this.store.saveTask(task);
    if (task.abortedMs !== null || task.failure) return;
    const results = task.resultFileIds.filter((fileId) => fileId !== null);
    if (results.length === 0) return;
    const source = this.media.get(task.subAppId, task.fileId);
    this.addMedia(results.map((fileId) => resultMedia(fileId, task, source)));
  }

  #unusedFileId(subAppId: number): string {
    for (;;) {
      const fileId = newFileId();
      if (!this.media.get(subAppId, fileId)) return fileId;
    }
  }
}

const sessionKey = ({ subAppId, sessionId }: Pick<Task, 'subAppId' | 'sessionId'>) => `${subAppId}/${sessionId}`;

/** A result has the dimensions of its source, but no description: publishing is the caller's task. */
function resultMedia(fileId: string, task: Task, source: Media | undefined): Media {
  const createdMs = task.finishMs ?? task.createdMs;
  return {
    fileId,
    subAppId: task.subAppId,
    name: `${source?.name ?? task.fileId}_erased`,
    description: '',
    createdMs,
    updatedMs: createdMs,
    expireTime: NEVER_EXPIRES,
    classId: 0,
    tags: [],
    coverUrl: '',
    duration: source?.duration ?? 10,
    width: source?.width ?? 1280,
    height: source?.height ?? 720,
    resultOf: task.fileId,
  };
}

/** Sample files in the sizes that have different prices. */
function sampleLibrary(subAppId: number, nowMs: number): Media[] {
  const samples: [fileId: string, name: string, duration: number, width: number, height: number][] = [
    ['5285485487985271487', 'Product film with subtitles', 90, 1920, 1080],
    ['5285485487985271488', 'Interview with a station logo', 600, 1280, 720],
    ['5285485487985271489', 'Street scene with faces and plates', 45.5, 3840, 2160],
    ['5285485487985271490', 'Upright clip', 15, 720, 1280],
    ['5285485487985271491', 'Lecture', 3600, 2560, 1440],
    ['5285485487985271492', 'Trailer', 30, 1280, 720],
  ];
  return samples.map(([fileId, name, duration, width, height]) => ({
    fileId,
    subAppId,
    name,
    description: 'A sample of the simulator.',
    createdMs: nowMs,
    updatedMs: nowMs,
    expireTime: NEVER_EXPIRES,
    classId: 0,
    tags: ['sample'],
    coverUrl: '',
    duration,
    width,
    height,
    resultOf: null,
  }));
}
