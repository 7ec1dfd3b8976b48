/** Task states of DescribeTasks and DescribeTaskDetail. */
export type TaskStatus = 'WAITING' | 'PROCESSING' | 'FINISH' | 'ABORTED';

export type TaskKind = 'ProcessMediaByMPS' | 'Procedure';

/** Output file of a sub-task. */
export type OutputKind = 'Video' | 'OriginSubtitle' | 'TranslateSubtitle';

export interface SubTask {
  /** For example `AiAnalysis.DeLogo`; its files are named `<taskType>.Video` and so on. */
  taskType: string;
  /** The input, echoed as a JSON string. */
  input: string;
  outputs: OutputKind[];
}

/** A success without a new video: the shapes of a finished task with a silent-success fault. */
export const SILENT_SHAPES = ['same-file', 'no-video', 'null-list', 'temporary-only'] as const;
export type SilentShape = (typeof SILENT_SHAPES)[number];

export interface TaskFailure {
  code: string;
  message: string;
  /** `subtask`: in the sub-task's ErrCode, a string; `task`: in the task's own ErrCode, a number. */
  level: 'subtask' | 'task';
}

/** All times are on the simulated clock, in milliseconds. */
export interface Task {
  /** Position in creation order, across sub-applications and restarts. */
  seq: number;
  taskId: string;
  kind: TaskKind;
  subAppId: number;
  fileId: string;
  requestId: string;
  createdMs: number;
  /** Earliest time at which it can leave WAITING. */
  eligibleMs: number;
  durationMs: number;
  startedMs: number | null;
  finishMs: number | null;
  abortedMs: number | null;
  /** Position in the order of ends; null before its end. */
  endSeq: number | null;
  /** Earliest time at which DescribeTasks shows it. */
  listedMs: number;
  subTasks: SubTask[];
  /** The FileId of the video output of sub-task `i`, once finished. */
  resultFileIds: (string | null)[];
  failure: TaskFailure | null;
  silent: SilentShape | null;
  procedureName: string | null;
  sessionId: string;
  sessionContext: string;
}
