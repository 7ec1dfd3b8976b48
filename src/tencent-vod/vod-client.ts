import { DOCUMENTED_RATE, MAX_FILE_IDS, MAX_URLS } from '../contract/vendor-limits.js';
import { OpenConnection } from './agents.js';
import * as answers from './answers.js';
import { vodError } from './classify.js';
import type { Credentials } from './credential-source.js';
import { type CredentialProvider, sdkCredentialChain } from './credentials.js';
import { parseEndpoint } from './endpoint.js';
import { type PacedAction, paceOf, SUBMIT_ACTION, type VodAction } from './rates.js';
import { SdkCaller } from './sdk-caller.js';
import { SlidingWindow } from './sliding-window.js';
import type {
  CallOptions,
  ListTasksQuery,
  MediaChange,
  SearchMediaQuery,
  SubmitConnection,
  SubmitOptions,
  VodApi,
} from './vod-api.js';
import { VodError } from './vod-error.js';
import { vodTime } from './vod-time.js';

/** The SDK's timeout in seconds, for the headers and again for the body of a response. Ours. */
export const DEFAULT_REQUEST_TIMEOUT_SECONDS = 20;

/** A submit always ends within this many request timeouts, credentials included. */
export const SUBMIT_WORST_CASE = { requestTimeouts: 2 } as const;

/** Maximum time from calling `submit` to its outcome, in milliseconds. */
export function submitWorstCaseMs(requestTimeoutSeconds: number = DEFAULT_REQUEST_TIMEOUT_SECONDS): number {
  return requestTimeoutSeconds * SUBMIT_WORST_CASE.requestTimeouts * 1_000;
}

/**
 * A submit without its opened connection opens one within this time, in milliseconds, or is not sent. Ours: the call then arrives
 * within the five seconds that the rate limiter assumes.
 */
const CONNECT_WITHIN_MS = 2_000;

/** Entries of one DescribeTasks page. Source: its API document. */
const MAX_TASKS = 100;

/** The parts of a media description that are read; the others can be long. */
const MEDIA_FILTERS = ['basicInfo', 'metaData'];

export interface VodClientOptions {
  /** Host or URL without path. */
  endpoint: string;
  /** Keys, a provider called before every call, or undefined for the SDK's own chain. */
  credentials?: Credentials | CredentialProvider | undefined;
  /** Default 20. A call may take twice that: headers and body have this timeout each. */
  requestTimeoutSeconds?: number;
  /** Overrides the rate of single actions; default: 80% of the documented rate. */
  readsPerSecond?: Partial<Record<PacedAction, number>>;
  /** Language of the vendor's messages. Default `en-US`. */
  language?: 'en-US' | 'zh-CN';
  /** Additional headers of each call, such as its trace context. Default: none. */
  headers?: (() => Record<string, string>) | undefined;
}

export type VodClient = VodApi & {
  /**
   * Null on a failure that the call itself will report.
   * @throws VodError `connect-timeout` when the vendor does not answer within the request timeout
   */
  connectForSubmit(): Promise<SubmitConnection | null>;
  /** Closes kept connections. */
  close(): void;
};

/**
 * The vendor through its SDK. It retries only a read whose signature was refused as too old, once. Reads wait for their rate
 * limit; the paid call does not, since its caller has a slot of the rate limiter.
 */
export function createVodClient(options: VodClientOptions): VodClient {
  const requestTimeoutSeconds = options.requestTimeoutSeconds ?? DEFAULT_REQUEST_TIMEOUT_SECONDS;
  const shared = {
    endpoint: parseEndpoint(options.endpoint),
    credentials: asProvider(options.credentials),
    requestTimeoutSeconds,
    language: options.language ?? 'en-US',
    headers: options.headers,
  };
  const reads = new SdkCaller({ ...shared, keepAlive: true, signsAgain: true });
  // A kept connection may be closed by the vendor just as a submit is sent: a reset with an unknown outcome.
  const submits = new SdkCaller({
    ...shared,
    keepAlive: false,
    signsAgain: false,
    connectWithinMs: CONNECT_WITHIN_MS,
  });
  const paces = pacesOf(options.readsPerSecond ?? {});

  const read = async (action: PacedAction, request: Record<string, unknown>, { signal }: CallOptions = {}) => {
    await paces[action].take(signal);
    return reads.call(action, request, signal);
  };

  return {
    submit({ subAppId, fileId, params }, options) {
      const request = {
        FileId: fileId,
        SubAppId: subAppId,
        // Never both: the vendor ignores the typed task when the text is present.
        ...(params.mpsProcessMediaParams === null
          ? { SmartEraseTask: params.smartEraseTask }
          : { MPSProcessMediaParams: params.mpsProcessMediaParams }),
      };
      return submitWithin(submitWorstCaseMs(requestTimeoutSeconds), submits, request, options);
    },

    async connectForSubmit() {
      const signal = AbortSignal.timeout(requestTimeoutSeconds * 1_000);
      try {
        return await submits.connect(signal);
      } catch {
        // A call would wait as long again, and be sent whenever the network returns.
        if (signal.aborted) throw vodError({ action: SUBMIT_ACTION, code: 'connect-timeout' });
        return null;
      }
    },

    async describeTask({ subAppId, taskId }, call) {
      const action = 'DescribeTaskDetail';
      return answers.readTaskDetail(action, await read(action, { TaskId: taskId, SubAppId: subAppId }, call), taskId);
    },

    async listTasks(query, call) {
      const action = 'DescribeTasks';
      return answers.readTaskList(action, await read(action, listTasksRequest(query), call));
    },

    async abortTask({ subAppId, taskId }, call) {
      const action = 'ManageTask';
      const request = { TaskId: taskId, OperationType: 'Abort', SubAppId: subAppId };
      return answers.readRequestId(action, await read(action, request, call));
    },

    async describeMedia({ subAppId, fileIds }, call) {
      const action = 'DescribeMediaInfos';
      atMost(MAX_FILE_IDS, fileIds, 'FileIds', action);
      const request = { FileIds: fileIds, SubAppId: subAppId, Filters: MEDIA_FILTERS };
      return answers.readMediaInfos(action, await read(action, request, call));
    },

    async modifyMedia({ subAppId, fileId, change }, call) {
      const action = 'ModifyMediaInfo';
      const request = { FileId: fileId, SubAppId: subAppId, ...mediaChange(change) };
      return answers.readRequestId(action, await read(action, request, call));
    },

    async runProcedure({ subAppId, fileId, procedure, sessionId }, call) {
      const action = 'ProcessMediaByProcedure';
      const request = { FileId: fileId, ProcedureName: procedure, SessionId: sessionId, SubAppId: subAppId };
      return answers.readProcedure(action, await read(action, request, call));
    },

    async prefetchUrls({ subAppId, urls }, call) {
      const action = 'PushUrlCache';
      atMost(MAX_URLS, urls, 'URLs', action);
      return answers.readRequestId(action, await read(action, { Urls: urls, SubAppId: subAppId }, call));
    },

    async searchMedia(query, call) {
      const action = 'SearchMedia';
      return answers.readMediaSearch(action, await read(action, searchRequest(query), call));
    },

    close() {
      reads.close();
      submits.close();
    },
  };
}

/** The SDK's timeout restarts with the body; this one does not. */
async function submitWithin(
  worstCaseMs: number,
  submits: SdkCaller,
  request: Record<string, unknown>,
  { leaving, connection }: SubmitOptions = {},
) {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), worstCaseMs);
  let sent = false;
  const onSend = () => {
    leaving?.();
    sent = true;
  };
  try {
    const ready = connection instanceof OpenConnection ? connection : undefined;
    const answer = await submits.call(SUBMIT_ACTION, request, deadline.signal, {
      onSend,
      connection: ready,
    });
    const submitted = answers.readSubmitted(SUBMIT_ACTION, answer);
    if (submitted === null) {
      throw vodError({ action: SUBMIT_ACTION, code: 'no-task-id', requestId: requestIdOf(answer) });
    }
    return submitted;
  } catch (error) {
    if (!deadline.signal.aborted || error instanceof VodError) {
      throw error;
    }
    throw vodError({ action: SUBMIT_ACTION, code: sent ? 'timeout' : 'credentials-timeout' });
  } finally {
    clearTimeout(timer);
  }
}

function requestIdOf(answer: unknown): string | null {
  try {
    return answers.readRequestId(SUBMIT_ACTION, answer).requestId || null;
  } catch {
    return null;
  }
}

function asProvider(given: VodClientOptions['credentials']): CredentialProvider {
  if (given === undefined) {
    return sdkCredentialChain();
  }
  return 'getCredential' in given ? given : { getCredential: async () => given };
}

function pacesOf(own: Partial<Record<PacedAction, number>>): Record<PacedAction, SlidingWindow> {
  const actions = Object.keys(DOCUMENTED_RATE) as PacedAction[];
  return Object.fromEntries(
    actions.map((action) => [action, new SlidingWindow({ limit: own[action] ?? paceOf(action) })]),
  ) as Record<PacedAction, SlidingWindow>;
}

function listTasksRequest(query: ListTasksQuery): Record<string, unknown> {
  return {
    SubAppId: query.subAppId,
    Status: query.status,
    FileId: query.fileId,
    CreateTime: timeRange(query.createdFrom, query.createdTo),
    FinishTime: timeRange(query.finishedFrom, query.finishedTo),
    Sort: query.sort === undefined ? undefined : { Field: query.sort.field, Order: query.sort.order },
    Limit: query.limit ?? MAX_TASKS,
    ScrollToken: query.scrollToken,
  };
}

function searchRequest(query: SearchMediaQuery): Record<string, unknown> {
  return {
    SubAppId: query.subAppId,
    ClassIds: query.classIds,
    Tags: query.tags,
    Names: query.names,
    Categories: query.categories,
    CreateTime: timeRange(query.createdFrom, query.createdTo),
    Offset: query.offset,
    Limit: query.limit,
    Filters: MEDIA_FILTERS,
  };
}

function mediaChange(change: MediaChange): Record<string, unknown> {
  return {
    Name: change.name,
    Description: change.description,
    ClassId: change.classId,
    AddTags: change.addTags,
    ExpireTime: change.expireTime === undefined ? undefined : vodTime(change.expireTime, 'nearest'),
    CoverData: change.coverData,
  };
}

/** Rounded outwards, so that the vendor's whole seconds exclude nothing at the edges. */
function timeRange(from: string | undefined, to: string | undefined): Record<string, string> | undefined {
  if (from === undefined && to === undefined) {
    return undefined;
  }
  return {
    ...(from === undefined ? {} : { After: vodTime(from, 'down') }),
    ...(to === undefined ? {} : { Before: vodTime(to, 'up') }),
  };
}

function atMost(limit: number, items: readonly unknown[], what: string, action: VodAction): void {
  if (items.length > limit) {
    throw vodError({ action, code: 'TooMany', said: `${items.length} ${what}; at most ${limit}` });
  }
}
