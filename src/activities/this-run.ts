import { Context } from '@temporalio/activity';

export interface RunKey {
  workflowId: string;
  runId: string;
}

/** The workflow run that asked for this activity. */
export function thisRun(): RunKey {
  const { workflowExecution } = Context.current().info;
  if (workflowExecution === undefined) throw new Error('This activity runs only inside a workflow.');
  return { workflowId: workflowExecution.workflowId, runId: workflowExecution.runId };
}

/** Whether the submission was written, and so paid for, by that run. */
export function isRunOf(record: RunKey, run: RunKey): boolean {
  return record.workflowId === run.workflowId && record.runId === run.runId;
}

/** Whether this workflow paid for it, by whichever of its runs. What was adopted from another program has no run. */
export function isPaidBy(record: RunKey, { workflowId }: RunKey): boolean {
  return record.workflowId === workflowId && record.runId !== '';
}
