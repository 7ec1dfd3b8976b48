/** An accepted key pair; with `token`, a temporary one that requires its token. */
export interface SimulatorCredential {
  secretId: string;
  secretKey: string;
  token?: string;
}

export interface Range {
  minMs: number;
  maxMs: number;
}

export interface SimulatorOptions {
  /** Default 127.0.0.1. The admin API has no password: only listen elsewhere on a network that you trust. */
  host?: string;
  /** Default 0: any free port. A port in use rejects with `code: 'EADDRINUSE'`. */
  port?: number;
  /** Base of every media URL, as reachable for clients. Default: `http://` with the host and port, loopback for 0.0.0.0. */
  publicUrl?: string;
  /** Default one pair: `AKIDsimulator` / `simulator`. All pairs belong to one account and share its rates. */
  credentials?: SimulatorCredential[];
  /** Default `[1500000001]`. Any other is refused with `InvalidParameterValue.SubAppId`. */
  subAppIds?: number[];
  /** ProcessMediaByMPS calls in any sliding second, refused ones not counted. Default 20; 0 lifts the limit. */
  submitsPerSecond?: number;
  /** Calls in any sliding second for each reading API and ModifyMediaInfo. Default 100; 0 lifts the limit. */
  readsPerSecond?: number;
  /** Calls in any sliding second for ManageTask, PushUrlCache and ProcessMediaByProcedure each. Default 20; 0 lifts it. */
  writesPerSecond?: number;
  /** How long a task is processed. Default 2000; a range is uniform, and the same for the same `seed`. */
  taskDurationMs?: number | Range;
  /** How long a task stays WAITING even where a slot is free. Default 0. */
  taskWaitMs?: number;
  /** Tasks processed at once, the rest stay WAITING in order. Default: no limit. */
  maxConcurrentTasks?: number;
  /** How long tasks can be read. Default 72. */
  retentionHours?: number;
  /** The same in milliseconds; wins over `retentionHours`. */
  retentionMs?: number;
  /** Delay of every request before it is counted. Default 0. */
  requestDelayMs?: number | Range;
  /** Delay of every answer after its request was counted and executed. Default 0. */
  answerDelayMs?: number | Range;
  /** How far the vendor's clock is ahead of this machine's (behind, when negative). Default 0. */
  clockSkewMs?: number;
  /** A file that keeps tasks, media and calls over restarts. Default: memory only. */
  stateFile?: string;
  /** Seed of task durations, request delays and answer delays. Default 1. */
  seed?: number;
  /** Accept any well-formed FileId as an existing file. Default false, like the vendor. */
  acceptUnknownFiles?: boolean;
  /** The names of existing task flows. Default: every name exists. */
  procedures?: string[];
}

export type ResolvedOptions = Required<
  Omit<SimulatorOptions, 'retentionHours' | 'stateFile' | 'maxConcurrentTasks' | 'procedures' | 'publicUrl'>
> &
  Pick<SimulatorOptions, 'stateFile' | 'procedures' | 'publicUrl'> & { maxConcurrentTasks: number };

/** Documented: at most 20 ProcessMediaByMPS, ManageTask and PushUrlCache calls a second (API documents, "request rate"). */
export const DOCUMENTED_WRITES_PER_SECOND = 20;
/** Documented: at most 100 calls a second for each Describe* API and ModifyMediaInfo. */
export const DOCUMENTED_READS_PER_SECOND = 100;
/** Documented: tasks submitted in the last 3 days can be read. */
export const DOCUMENTED_RETENTION_HOURS = 72;

export const DEFAULT_CREDENTIAL: SimulatorCredential = { secretId: 'AKIDsimulator', secretKey: 'simulator' };
export const DEFAULT_SUB_APP_ID = 1500000001;

export function resolveOptions(options: SimulatorOptions): ResolvedOptions {
  const resolved: ResolvedOptions = {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    publicUrl: options.publicUrl?.replace(/\/+$/, ''),
    credentials: options.credentials ?? [DEFAULT_CREDENTIAL],
    subAppIds: options.subAppIds ?? [DEFAULT_SUB_APP_ID],
    submitsPerSecond: options.submitsPerSecond ?? DOCUMENTED_WRITES_PER_SECOND,
    readsPerSecond: options.readsPerSecond ?? DOCUMENTED_READS_PER_SECOND,
    writesPerSecond: options.writesPerSecond ?? DOCUMENTED_WRITES_PER_SECOND,
    taskDurationMs: options.taskDurationMs ?? 2000,
    taskWaitMs: options.taskWaitMs ?? 0,
    maxConcurrentTasks: options.maxConcurrentTasks ?? Number.POSITIVE_INFINITY,
    retentionMs: options.retentionMs ?? (options.retentionHours ?? DOCUMENTED_RETENTION_HOURS) * 3_600_000,
    requestDelayMs: options.requestDelayMs ?? 0,
    answerDelayMs: options.answerDelayMs ?? 0,
    clockSkewMs: options.clockSkewMs ?? 0,
    stateFile: options.stateFile,
    seed: options.seed ?? 1,
    acceptUnknownFiles: options.acceptUnknownFiles ?? false,
    procedures: options.procedures,
  };
  assertSensible(resolved);
  return resolved;
}

function assertSensible(options: ResolvedOptions): void {
  const problems: string[] = [];
  const nonNegative = (name: string, value: number) => {
    if (!(value >= 0)) problems.push(`${name} must be 0 or more, not ${value}`);
  };
  const span = (name: string, value: number | Range) => {
    const { minMs, maxMs } = typeof value === 'number' ? { minMs: value, maxMs: value } : value;
    if (!(minMs >= 0 && maxMs >= minMs && Number.isFinite(maxMs)))
      problems.push(`${name} must be a time of 0 ms or more, or a range from small to large`);
  };
  nonNegative('submitsPerSecond', options.submitsPerSecond);
  nonNegative('readsPerSecond', options.readsPerSecond);
  nonNegative('writesPerSecond', options.writesPerSecond);
  nonNegative('taskWaitMs', options.taskWaitMs);
  if (!Number.isFinite(options.clockSkewMs)) problems.push('clockSkewMs must be a number of milliseconds');
  span('taskDurationMs', options.taskDurationMs);
  span('requestDelayMs', options.requestDelayMs);
  span('answerDelayMs', options.answerDelayMs);
  if (!(options.maxConcurrentTasks >= 1)) problems.push('maxConcurrentTasks must be 1 or more');
  if (!(options.retentionMs > 0)) problems.push('the retention must be longer than 0');
  if (options.credentials.length === 0) problems.push('at least one credential is needed');
  if (options.subAppIds.length === 0) problems.push('at least one sub-application is needed');
  if (problems.length > 0) throw new Error(`The simulator cannot start: ${problems.join('; ')}.`);
}
