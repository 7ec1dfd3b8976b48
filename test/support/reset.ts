import { randomUUID } from 'node:crypto';
import type { EraseStack } from './erase-stack.js';

/**
 * Resets the latest run of an id, as `temporal workflow reset` does: to its first workflow task, or to its last one, with which it
 * goes on where it stands.
 *
 * @returns the id of the new run
 */
export async function resetRun(stack: EraseStack, workflowId: string, to: 'first' | 'last' = 'first'): Promise<string> {
  const handle = stack.temporal.workflow.getHandle(workflowId);
  const { runId } = await handle.describe();
  const { events } = await handle.fetchHistory();
  const done = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
  const { runId: newRunId } = await stack.temporal.workflowService.resetWorkflowExecution({
    namespace: stack.env.TEMPORAL_NAMESPACE,
    workflowExecution: { workflowId, runId },
    reason: 'a test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: (to === 'first' ? done.at(0) : done.at(-1))?.eventId,
  });
  return newRunId;
}
