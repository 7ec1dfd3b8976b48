import { Context } from '@temporalio/activity';
import { LONGEST_NAME, LONGEST_REASON, shortText } from '../../../contract/text.js';
import type { RunKey } from '../../shared/this-run.js';

/** The newest events, among which the request is looked for: it is one of the last. */
const EVENTS = 50;

export interface CancelReason {
  /** Who asked: the identity that the request carries, such as `alice` or that of a program. */
  by: string | null;
  reason: string | null;
}

/**
 * Who asked to cancel a run, and why, from its history. Any client may have written any text, so it is cut; unknown where it
 * cannot be read, since a cancel goes on all the same.
 */
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
    return {
      by: shortText(identity ?? '', LONGEST_NAME) || null,
      reason: shortText(cause ?? '', LONGEST_REASON) || null,
    };
  } catch {
    return { by: null, reason: null };
  }
}
