import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { describeDifference, eraseWorkflowId } from '../contract/identity.js';
import { MEMO, WORKFLOW } from '../contract/names.js';
import type { NormalizedEraseRequest } from '../contract/request.js';
import { InvalidRequestError, RequestConflictError } from '../errors.js';
import { startOptions } from '../temporal/erase-start.js';
import type { Session } from './session.js';
import { validRequest } from './validate.js';

export interface StartedRun {
  workflowId: string;
  runId: string;
  /** False when the run existed already: running, or done. */
  started: boolean;
}

/** Starts the run, or finds the one that exists and makes sure that it does what is asked. */
export async function startErase(session: Session, input: unknown): Promise<StartedRun> {
  const request = validRequest(input);
  const workflowId = eraseWorkflowId(request, session.names.prefix);
  const { workflow } = session.client;
  return session.call(async () => {
    let runId: string;
    try {
      const handle = await workflow.start(WORKFLOW.erase, startOptions(request, session.names));
      runId = handle.firstExecutionRunId;
      if (session.startedHere(runId) === true) return { workflowId, runId, started: true };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      runId = '';
    }
    const existing = await workflow.getHandle(workflowId, runId === '' ? undefined : runId).describe();
    const difference = await differenceFrom(session, existing, request);
    if (difference.length > 0) throw new RequestConflictError(difference, { workflowId });
    return { workflowId, runId: existing.runId, started: false };
  });
}

async function differenceFrom(
  session: Session,
  existing: WorkflowExecutionDescription,
  asked: NormalizedEraseRequest,
): Promise<string[]> {
  if (existing.type !== WORKFLOW.erase) return [`the workflow type (it is ${existing.type})`];
  const given = existing.memo?.[MEMO.request] ?? (await inputOf(session, existing));
  let request: NormalizedEraseRequest;
  try {
    request = validRequest(given);
  } catch (error) {
    if (error instanceof InvalidRequestError) return ['its input, which is not valid'];
    throw error;
  }
  return describeDifference(request, asked);
}

/** Input of a run that was started without our client, as plain JSON: it stands in the first event only. */
async function inputOf(session: Session, { workflowId, runId }: WorkflowExecutionDescription): Promise<unknown> {
  const { history } = await session.client.workflowService.getWorkflowExecutionHistory({
    namespace: session.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
}
