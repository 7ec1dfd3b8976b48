import type { ConnectionLike, StartWorkflowExecutionRequest } from '@temporalio/client';

/** Answers that are kept to tell a run that was begun from one that was there; the oldest are forgotten. */
const REMEMBERED_STARTS = 10_000;

export interface ObservedStarts {
  connection: ConnectionLike;
  /** Whether the run was begun by a start on this connection; undefined for a run never started here. */
  startedHere(runId: string): boolean | undefined;
}

/**
 * The server says in its answer to a start whether it began a run or gave the one that exists; the SDK drops that
 * field. So the service is watched here, and one more call for each start is spared.
 */
export function observeStarts(connection: ConnectionLike): ObservedStarts {
  const starts = new Map<string, boolean>();
  const service = connection.workflowService;
  const watched: typeof service = Object.create(service, {
    startWorkflowExecution: {
      value: async (request: StartWorkflowExecutionRequest) => {
        const answer = await service.startWorkflowExecution(request);
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
  };
}
