import { AsyncLocalStorage } from 'node:async_hooks';
import type { ConnectionLike, StartWorkflowExecutionRequest } from '@temporalio/client';

/** Recorded answers, which distinguish a new run from an existing one; the oldest are dropped. */
const REMEMBERED_STARTS = 10_000;

export interface ObservedStarts {
  connection: ConnectionLike;
  /** Whether the run was begun by a start on this connection; undefined for a run never started here. */
  startedHere(runId: string): boolean | undefined;
  /** Starts within `work` have this request id: the server treats a second one with it as a repetition. */
  withRequestId<T>(requestId: string, work: () => Promise<T>): Promise<T>;
}

/**
 * The server's answer to a start says whether the run is new, but the SDK drops that field. It is read here, which saves a call
 * for each start.
 */
export function observeStarts(connection: ConnectionLike): ObservedStarts {
  const starts = new Map<string, boolean>();
  const requestIds = new AsyncLocalStorage<string>();
  const service = connection.workflowService;
  const watched: typeof service = Object.create(service, {
    startWorkflowExecution: {
      value: async (request: StartWorkflowExecutionRequest) => {
        const requestId = requestIds.getStore() ?? request.requestId;
        const answer = await service.startWorkflowExecution({ ...request, requestId });
        starts.set(answer.runId, answer.started);
        for (const runId of starts.keys()) {
          if (starts.size <= REMEMBERED_STARTS) break;
          starts.delete(runId);
        }
        return answer;
      },
    },
  });
  return {
    connection: Object.create(connection, { workflowService: { value: watched } }),
    startedHere: (runId) => starts.get(runId),
    withRequestId: (requestId, work) => requestIds.run(requestId, work),
  };
}
