import { ERROR_CLASSES } from '../contract/error-classes.js';
import type { DOCUMENTED_RATE } from '../contract/vendor-limits.js';
import { SUBMIT_ACTION, type VodAction } from '../tencent-vod/rates.js';
import type { VodApi } from '../tencent-vod/vod-api.js';
import { VodError } from '../tencent-vod/vod-error.js';
import type { WorkerMetrics } from './worker-metrics.js';

/** The API action behind each method. */
const ACTION: Record<keyof VodApi, VodAction> = {
  submit: SUBMIT_ACTION,
  describeTask: 'DescribeTaskDetail',
  listTasks: 'DescribeTasks',
  abortTask: 'ManageTask',
  describeMedia: 'DescribeMediaInfos',
  modifyMedia: 'ModifyMediaInfo',
  runProcedure: 'ProcessMediaByProcedure',
  prefetchUrls: 'PushUrlCache',
  searchMedia: 'SearchMedia',
} satisfies Record<string, typeof SUBMIT_ACTION | keyof typeof DOCUMENTED_RATE>;

/** Outcome of one finished call. */
export interface CallEnd {
  action: VodAction;
  seconds: number;
  requestId: string | null;
  /** Null: the call was answered. */
  error: VodError | null;
}

/** Wraps one call. */
export type CallObserver = <T>(action: VodAction, call: () => Promise<T>) => Promise<T>;

/** The same API, with every call passed through `observe`. */
export function instrumentVod<Api extends VodApi>(vod: Api, observe: CallObserver): Api {
  const instrumented: Api = Object.create(vod);
  for (const method of Object.keys(ACTION) as (keyof VodApi)[]) {
    const call = vod[method].bind(vod) as (...args: unknown[]) => Promise<unknown>;
    Object.assign(instrumented, { [method]: (...args: unknown[]) => observe(ACTION[method], () => call(...args)) });
  }
  return instrumented;
}

/** Counts and times each call. Calls that we aborted are not counted. */
export function countCalls(metrics: WorkerMetrics, onEnd: (end: CallEnd) => void = () => undefined): CallObserver {
  return async (action, call) => {
    const begunMs = performance.now();
    const end = (requestId: string | null, error: VodError | null) => {
      const seconds = (performance.now() - begunMs) / 1_000;
      metrics.called(action, seconds);
      if (error !== null) metrics.callFailed(action, error.class);
      if (action === SUBMIT_ACTION) countSubmit(metrics, error);
      onEnd({ action, seconds, requestId, error });
    };
    let answer: Awaited<ReturnType<typeof call>>;
    try {
      answer = await call();
    } catch (error) {
      if (error instanceof VodError) end(error.requestId, error);
      throw error;
    }
    end(requestIdOf(answer), null);
    return answer;
  };
}

function countSubmit(metrics: WorkerMetrics, error: VodError | null): void {
  if (error === null) metrics.submitted('accepted', 'none');
  else metrics.submitted(ERROR_CLASSES[error.class].onSubmit === 'look' ? 'unclear' : 'refused', error.class);
}

/** RequestId of a {@link VodApi} response; null where it has none. */
export function requestIdOf(answer: unknown): string | null {
  const id = (answer as { requestId?: unknown } | null | undefined)?.requestId;
  return typeof id === 'string' ? id : null;
}
