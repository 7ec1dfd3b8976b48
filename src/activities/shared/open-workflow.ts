import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';

/** A workflow that a row of the ledger names. */
interface Named {
  /** Temporal's. */
  namespace: string;
  workflowId: string;
}

/** `leaving`: it was asked to cancel. `unknown`: it is of another namespace, which this worker cannot ask. */
type Standing = 'open' | 'leaving' | 'closed' | 'unknown';

/**
 * How the newest run of a workflow stands. Not that of the row: a run that was reset goes on as another, and its row is
 * written again a moment later.
 *
 * @throws whatever the Temporal server answers besides
 */
export async function standingOf({ namespace, workflowId }: Named): Promise<Standing> {
  const { client, info } = Context.current();
  if (namespace !== info.namespace) return 'unknown';
  try {
    const { status, raw } = await client.workflow.getHandle(workflowId).describe();
    if (status.name !== 'RUNNING' && status.name !== 'PAUSED') return 'closed';
    return raw.workflowExtendedInfo?.cancelRequested ? 'leaving' : 'open';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'closed';
    throw error;
  }
}
