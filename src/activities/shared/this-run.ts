import { Context } from '@temporalio/activity';

export interface RunKey {
  /** Temporal's: the same workflow id in another namespace is another workflow. */
  namespace: string;
  workflowId: string;
  runId: string;
}

/** The workflow run that scheduled this activity. */
export function thisRun(): RunKey {
  const { namespace, workflowExecution } = Context.current().info;
  if (workflowExecution === undefined) throw new Error('This activity runs only inside a workflow.');
  return { namespace, workflowId: workflowExecution.workflowId, runId: workflowExecution.runId };
}

/** Whether that run wrote, and so paid for, the submission. */
export function isRunOf(record: RunKey, run: RunKey): boolean {
  return isOfWorkflow(record, run) && record.runId === run.runId;
}

/** The same for any run of its workflow. */
export function isOfWorkflow(record: RunKey, run: RunKey): boolean {
  return record.namespace === run.namespace && record.workflowId === run.workflowId;
}

/** How an operator finds the run that wrote a submission. */
export function whereRunIs(record: RunKey, here: RunKey): string {
  const { namespace, workflowId } = record;
  return namespace === here.namespace ? workflowId : `${workflowId} in the namespace ${namespace}`;
}

/** Whether this workflow paid for it, in any of its runs. A submission adopted from another program has no run. */
export function isPaidBy(record: RunKey, run: RunKey): boolean {
  return isOfWorkflow(record, run) && record.runId !== '';
}
