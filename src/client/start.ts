import { RequestConflictError } from '../errors.js';
import { startRun } from '../temporal/start-run.js';
import type { Session } from './session.js';
import { validRequest } from './validate.js';

export interface StartedRun {
  workflowId: string;
  runId: string;
  /** False when the run already existed, running or ended. */
  started: boolean;
}

/** Starts the run, or finds an existing one that does what is requested. */
export async function startErase(session: Session, input: unknown): Promise<StartedRun> {
  const request = validRequest(input);
  return session.call(async () => {
    const run = await startRun(session, request);
    if (run.kind === 'conflict') throw new RequestConflictError(run.difference, { workflowId: run.workflowId });
    const { workflowId, runId, started } = run;
    return { workflowId, runId, started };
  });
}
