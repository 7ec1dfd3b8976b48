import type { EraseStack } from './erase-stack.js';

/** Resets the newest run of a workflow to its first task, as `temporal workflow reset` does. Gives the id of the new run. */
export async function resetToFirstTask(stack: EraseStack, workflowId: string): Promise<string> {
  const handle = stack.temporal.workflow.getHandle(workflowId);
  const { runId } = await handle.describe();
  const { events } = await stack.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
  const first = events?.find((event) => event.workflowTaskCompletedEventAttributes);
  const reset = await stack.temporal.workflowService.resetWorkflowExecution({
    namespace: stack.env.TEMPORAL_NAMESPACE,
    workflowExecution: { workflowId, runId },
    reason: 'test',
    requestId: `reset-${runId}`,
    workflowTaskFinishEventId: first?.eventId,
  });
  return reset.runId;
}
