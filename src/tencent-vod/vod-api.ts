/**
 * The vendor's API for the rest of the program: one interface over the SDK, with validated responses. Every method throws only
 * {@link VodError}, except for an aborted call, which throws its signal's reason.
 */
import type { Unfit } from './fitness.js';

/** ProcessMediaByMPS parameters made from a recipe. */
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
  /** Null for a task of another kind, or while the vendor does not provide it. */
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
  /** Null while the task is unfinished, whatever the vendor reports. */
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
  /** Why the file cannot be erased; absent where no reason is known. */
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
  /** A query reaches at most 5,000 results (offset + limit). */
  limit?: number;
}

/** Options of a call that can be aborted. The paid call has none, since an abort would only hide its outcome. */
export interface CallOptions {
  signal?: AbortSignal;
}

/** A connection opened ahead for one submit, so that the request is written without delay. */
export interface SubmitConnection {
  /** Whether a request can still be written to it. */
  isOpen(): boolean;
  /** For an unused connection. */
  close(): void;
}

export interface SubmitOptions {
  /** Used if it is still open; otherwise the call opens its own. */
  connection?: SubmitConnection | undefined;
  /**
   * Called immediately before the request is written. An error it throws cancels the call with nothing sent, and is rethrown
   * unchanged.
   */
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
  /** Only possible while the task is WAITING. */
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
  /** `sessionId` (at most 50 characters) makes it safe to repeat: the vendor refuses a repeated one for 7 days. */
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
