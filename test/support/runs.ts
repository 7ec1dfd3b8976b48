import { randomUUID } from 'node:crypto';
import type { EraseStack } from './erase-stack.js';

/** Resets a run to its first workflow task, as an operator would; returns the run that continues. */
export async function resetRun(stack: EraseStack, workflowId: string, runId?: string): Promise<string> {
  const { client, namespace } = { client: stack.temporal, namespace: stack.temporal.options.namespace };
  const run = client.workflow.getHandle(workflowId, runId);
  const { events } = await run.fetchHistory();
  const first = events?.find(({ workflowTaskCompletedEventAttributes }) => workflowTaskCompletedEventAttributes);
  const scheduled = events?.find(({ workflowTaskScheduledEventAttributes }) => workflowTaskScheduledEventAttributes);
  if (first?.eventId === undefined && scheduled?.eventId === undefined)
    throw new Error(`${workflowId} has no task yet`);
  const answer = await client.workflowService.resetWorkflowExecution({
    namespace,
    workflowExecution: { workflowId, runId: runId ?? (await run.describe()).runId },
    reason: 'by a test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: first?.eventId ?? scheduled?.eventId ?? null,
  });
  return answer.runId;
}

/** A start by an unrelated client: no memo, and a running workflow is replaced. */
export async function replaceRun(stack: EraseStack, workflowId: string, request: unknown): Promise<string> {
  const { firstExecutionRunId } = await stack.temporal.workflow.start('erase', {
    workflowId,
    taskQueue: 'smart-erase',
    args: [request],
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
  });
  return firstExecutionRunId;
}
