/** What DescribeTasks and DescribeTaskDetail call the state of a task. */
export type TaskStatus = 'WAITING' | 'PROCESSING' | 'FINISH' | 'ABORTED';

export type TaskKind = 'ProcessMediaByMPS' | 'Procedure';

/** Output file of a sub-task. */
export type OutputKind = 'Video' | 'OriginSubtitle' | 'TranslateSubtitle';

export interface SubTask {
  /** For example `AiAnalysis.DeLogo`; its files are called `<taskType>.Video` and so on. */
  taskType: string;
  /** What was asked for, echoed as a JSON string. */
  input: string;
  outputs: OutputKind[];
}

/** A success that is none: what a finished task says when a silent-success fault was set. */
export const SILENT_SHAPES = ['same-file', 'no-video', 'null-list', 'temporary-only'] as const;
export type SilentShape = (typeof SILENT_SHAPES)[number];

export interface TaskFailure {
  code: string;
  message: string;
  /** `subtask`: in the sub-task's ErrCode, a string; `task`: in the task's own ErrCode, a number. */
  level: 'subtask' | 'task';
}

/** Every time is on the simulated clock, in milliseconds. */
export interface Task {
  /** Position in creation order, over all sub-applications and restarts. */
  seq: number;
  taskId: string;
  kind: TaskKind;
  subAppId: number;
  fileId: string;
  requestId: string;
  createdMs: number;
  /** Not before this does it leave WAITING. */
  eligibleMs: number;
  durationMs: number;
  startedMs: number | null;
  finishMs: number | null;
  abortedMs: number | null;
  /** Position in the order of ends; null while it has not ended. */
  endSeq: number | null;
  /** Not before this does DescribeTasks show it. */
  listedMs: number;
  subTasks: SubTask[];
  /** The FileId that a video output of sub-task `i` has, once finished. */
  resultFileIds: (string | null)[];
  failure: TaskFailure | null;
  silent: SilentShape | null;
  procedureName: string | null;
  sessionId: string;
  sessionContext: string;
}
