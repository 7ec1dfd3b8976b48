import { AsyncLocalStorage } from 'node:async_hooks';
import type { ConnectionLike, StartWorkflowExecutionRequest } from '@temporalio/client';

/** Answers that are kept to tell a run that was begun from one that was there; the oldest are forgotten. */
const REMEMBERED_STARTS = 10_000;

export interface ObservedStarts {
  connection: ConnectionLike;
  /** Whether the run was begun by a start on this connection; undefined for a run never started here. */
  startedHere(runId: string): boolean | undefined;
  /** The starts within `work` carry this request id: the server takes a second one with it for a repetition of the first. */
  withRequestId<T>(requestId: string, work: () => Promise<T>): Promise<T>;
}

/**
 * The server says in its answer to a start whether it began a run or gave the one that exists; the SDK drops that
 * field. So the service is watched here, and one more call for each start is spared.
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
