import type { Client, WorkflowExecutionDescription } from '@temporalio/client';

/** Maximum length of a chain of resets. Ours: beyond practical use. */
const MAX_STEPS = 100;

/**
 * The run of that id, or the one in which it continues: the new run of a reset, or the latest run after a termination.
 *
 * A run that ended by itself is not followed, since its own end is the outcome, and a later run is a separate request.
 * @throws WorkflowNotFoundError when the server no longer has it
 */
export async function followRun(
  client: Client,
  workflowId: string,
  runId: string,
): Promise<WorkflowExecutionDescription> {
  let described = await describeRun(client, workflowId, runId);
  for (let step = 0; step < MAX_STEPS && !isOpen(described); step += 1) {
    const { resetRunId } = described.raw.workflowExtendedInfo ?? {};
    if (resetRunId) {
      described = await describeRun(client, workflowId, resetRunId);
      continue;
    }
    if (described.status.name !== 'TERMINATED') return described;
    const latest = await describeRun(client, workflowId);
    if (latest.runId === described.runId) return described;
    described = latest;
  }
  return described;
}

/** That run of the id; by default its latest. */
export function describeRun(client: Client, workflowId: string, runId?: string): Promise<WorkflowExecutionDescription> {
  return client.workflow.getHandle(workflowId, runId).describe();
}

/** Whether a run is open. */
export function isOpen({ status }: Pick<WorkflowExecutionDescription, 'status'>): boolean {
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}
