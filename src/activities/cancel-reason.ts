import { Context } from '@temporalio/activity';
import type { RunKey } from './this-run.js';

/** Events in which the request is looked for, newest first: it is one of the last. */
const EVENTS = 50;

export interface CancelReason {
  /** Who asked: the identity that the request carries, such as `alice` or that of a program. */
  by: string | null;
  reason: string | null;
}

/** Who asked to cancel a run, and why, as its history has it. Unknown where it cannot be read: a cancel goes on all the same. */
export async function cancelReasonOf({ workflowId, runId }: RunKey): Promise<CancelReason> {
  try {
    const { client, info } = Context.current();
    const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
      namespace: info.workflowNamespace,
      execution: { workflowId, runId },
      maximumPageSize: EVENTS,
    });
    const asked = history?.events?.find((event) => event.workflowExecutionCancelRequestedEventAttributes);
    const { cause, identity } = asked?.workflowExecutionCancelRequestedEventAttributes ?? {};
    return { by: identity || null, reason: cause || null };
  } catch {
    return { by: null, reason: null };
  }
}
