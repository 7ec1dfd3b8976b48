import type { Client, WorkflowExecutionDescription } from '@temporalio/client';

/** Resets of resets that are followed one by one. Ours: further than any operator goes. */
const MAX_STEPS = 100;

/**
 * Where the run of that id is now: itself, or the run in which it goes on. A reset run goes on in the run that the reset made. One
 * that was terminated while a later run of its workflow id exists goes on in that one: it was replaced by the start of another.
 *
 * A run that ended by itself is followed nowhere, as its own end is what counts. What comes after it is somebody else's wish.
 * @throws WorkflowNotFoundError when the server has it no more
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

/** Whether a run still has something to do. */
export function isOpen({ status }: Pick<WorkflowExecutionDescription, 'status'>): boolean {
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}
