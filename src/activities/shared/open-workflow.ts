import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';

/** A workflow that a row of the ledger names. */
interface Named {
  /** Temporal's. */
  namespace: string;
  workflowId: string;
}

/** `leaving`: a cancel was requested. `unknown`: it is of another namespace, which this worker cannot query. */
type Standing = 'open' | 'leaving' | 'closed' | 'unknown';

/**
 * The state of a workflow's newest run, which may differ from the row's: after a reset another run continues, and the row is
 * rewritten a moment later.
 *
 * @throws any other error of the Temporal server
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
