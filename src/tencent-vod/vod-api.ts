/**
 * The vendor's side as the rest of the program sees it: one interface over the SDK, with answers that were checked and
 * put into one form. Every method throws a {@link VodError} and nothing else, but for a call that was given up: that throws the
 * reason of its signal.
 */
import type { Unfit } from './fitness.js';

/** The parameters of ProcessMediaByMPS that a recipe turns into. */
export interface MpsParams {
  /** JSON text for `MPSProcessMediaParams`; null for the typed route. */
  mpsProcessMediaParams: string | null;
  /** The typed `SmartEraseTask`; null for the default route. */
  smartEraseTask: Record<string, unknown> | null;
}

export type TaskStatus = 'WAITING' | 'PROCESSING' | 'FINISH' | 'ABORTED';

export interface OutputFile {
  type: string;
  storageMode: string | null;
  fileId: string | null;
  url: string | null;
  /** Seconds. */
  expiresInSeconds: number | null;
}

export interface SubTask {
  type: string;
  status: string;
  /** `"0"` is ok. */
  errCode: string;
  message: string;
  /** The task's input as the vendor echoes it, parsed; null when absent or not JSON. */
  input: unknown;
  /** Empty when the vendor gave null. */
  outputFiles: OutputFile[];
}

export interface TaskDetail {
  taskId: string;
  /** True for a task made by ProcessMediaByMPS. */
  isMps: boolean;
  status: TaskStatus;
  createTime: string | null;
  finishTime: string | null;
  /** Null for a task of another kind, or where the vendor does not give it yet. */
  mps: {
    /** `"0"` is ok, a number or a word. */ errCode: string;
    message: string;
    status: string | null;
    subTasks: SubTask[];
  } | null;
  requestId: string;
}

export interface TaskSummary {
  taskId: string;
  isMps: boolean;
  status: TaskStatus;
  fileId: string | null;
  createTime: string | null;
  /** Null while the task is unfinished, whatever the vendor puts there. */
  finishTime: string | null;
}

export interface ListTasksQuery {
  subAppId: number;
  status?: TaskStatus;
  fileId?: string;
  /** ISO 8601, inclusive. */
  createdFrom?: string;
  createdTo?: string;
  finishedFrom?: string;
  finishedTo?: string;
  sort?: { field: 'CreateTime' | 'FinishTime'; order: 'Asc' | 'Desc' };
  /** 1 to 100, default 100. */
  limit?: number;
  scrollToken?: string;
}

export interface MediaInfo {
  fileId: string;
  name: string | null;
  description: string | null;
  classId: number | null;
  tags: string[];
  coverUrl: string | null;
  mediaUrl: string | null;
  /** ISO 8601; the vendor writes 9999-12-31T23:59:59Z for never. */
  expireTime: string | null;
  createTime: string | null;
  /** Seconds. */
  durationSeconds: number | null;
  width: number | null;
  height: number | null;
  /** Why nothing can be erased from it; absent where nothing speaks against it. */
  unfit?: Unfit;
}

export interface MediaChange {
  name?: string;
  description?: string;
  classId?: number;
  addTags?: string[];
  expireTime?: string;
  /** Base64 of a gif, jpeg or png. */
  coverData?: string;
}

export interface SearchMediaQuery {
  subAppId: number;
  classIds?: number[];
  tags?: string[];
  names?: string[];
  /** Kinds of files; default all. */
  categories?: ('Video' | 'Audio' | 'Image')[];
  /** ISO 8601. */
  createdFrom?: string;
  createdTo?: string;
  offset?: number;
  /** At most 5,000 results can be reached by one query (offset + limit). */
  limit?: number;
}

/** Options of a call that may be given up. The paid call takes none: giving it up would only hide its outcome. */
export interface CallOptions {
  signal?: AbortSignal;
}

/** A connection opened ahead for one submit: at its moment it has nothing left to wait for. */
export interface SubmitConnection {
  /** Whether a request can still be written to it. */
  isOpen(): boolean;
  /** For one that was not used. */
  close(): void;
}

export interface SubmitOptions {
  /** Used if it is still open; otherwise the call opens its own. */
  connection?: SubmitConnection | undefined;
  /** Called right before the request is written. What it throws ends the call with nothing sent, and is thrown as it is. */
  leaving?: () => void;
}

export interface VodApi {
  /** The paid call. Made once, never retried here. Resolves only with a TaskId. */
  submit(
    call: { subAppId: number; fileId: string; params: MpsParams },
    options?: SubmitOptions,
  ): Promise<{ taskId: string; requestId: string }>;
  describeTask(call: { subAppId: number; taskId: string }, options?: CallOptions): Promise<TaskDetail>;
  listTasks(
    query: ListTasksQuery,
    options?: CallOptions,
  ): Promise<{ tasks: TaskSummary[]; scrollToken: string | null; requestId: string }>;
  /** Works only while the task is WAITING. */
  abortTask(call: { subAppId: number; taskId: string }, options?: CallOptions): Promise<{ requestId: string }>;
  /** At most 20 FileIds. */
  describeMedia(
    call: { subAppId: number; fileIds: string[] },
    options?: CallOptions,
  ): Promise<{ media: MediaInfo[]; missing: string[]; requestId: string }>;
  modifyMedia(
    call: { subAppId: number; fileId: string; change: MediaChange },
    options?: CallOptions,
  ): Promise<{ requestId: string }>;
  /** `sessionId` (at most 50 characters) makes it safe to repeat: the vendor refuses the same one for 7 days. */
  runProcedure(
    call: { subAppId: number; fileId: string; procedure: string; sessionId: string },
    options?: CallOptions,
  ): Promise<{ taskId: string | null; requestId: string }>;
  /** At most 20 URLs. */
  prefetchUrls(call: { subAppId: number; urls: string[] }, options?: CallOptions): Promise<{ requestId: string }>;
  searchMedia(
    query: SearchMediaQuery,
    options?: CallOptions,
  ): Promise<{ media: MediaInfo[]; totalCount: number; requestId: string }>;
}
