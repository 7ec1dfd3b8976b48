import type {
  WorkflowExecutionDescription,
  WorkflowExecutionInfo,
  WorkflowExecutionStatusName,
} from '@temporalio/client';
import { ACTIVITY_ID, MEMO, PHASE, type Phase, QUERY } from '../contract/names.js';
import type { EraseFailureDetails, EraseRequest, EraseResult, EraseStatus, ReviewStatus } from '../contract/request.js';
import { readable } from '../contract/unreadable.js';
import { EraseError } from '../errors.js';
import { searchAttribute, taskIdOf } from '../temporal/run-failure.js';
import type { Session } from './session.js';

/** How long a worker has to answer the query before the description has to do, in milliseconds. */
const QUERY_TIMEOUT_MS = 5_000;
/** `TASK_QUEUE_TYPE_WORKFLOW` in the server's enum TaskQueueType. */
const WORKFLOW_QUEUE = 1;

/** States in which a run still has something to do. */
export const OPEN: ReadonlySet<WorkflowExecutionStatusName> = new Set(['RUNNING', 'PAUSED']);

/** How the run stands in Temporal, in lower case. */
export type ExecutionStatus = Lowercase<WorkflowExecutionStatusName>;

/** Where an erase is: what the run says of itself, with what Temporal knows of it. */
export interface EraseRunStatus extends EraseStatus {
  /** `erase/…` */
  workflowId: string;
  /** Temporal's id of this one run. */
  runId: string;
  /** How the run stands in Temporal. */
  execution: ExecutionStatus;
  /** The request as it was asked; null when it cannot be known without the history. */
  request: EraseRequest | null;
  /** False when no worker answered: the rest is then what Temporal itself knows, and may lag behind. */
  live: boolean;
  /** ISO 8601. */
  startedAt: string;
  /** ISO 8601; null while it runs. */
  closedAt: string | null;
  /** Set on a run that failed or was cancelled. */
  failure: EraseFailureDetails | null;
  /** Set on a run that succeeded. */
  result: EraseResult | null;
}

/** What is known without asking a worker. */
export function statusFromDescription(description: WorkflowExecutionDescription): EraseRunStatus {
  const request = (readable(description.memo?.[MEMO.request]) as EraseRequest | undefined) ?? null;
  const taskId = taskIdOf(description);
  return {
    workflowId: description.workflowId,
    runId: description.runId,
    execution: description.status.name.toLowerCase() as ExecutionStatus,
    request,
    live: false,
    startedAt: description.startTime.toISOString(),
    closedAt: description.closeTime?.toISOString() ?? null,
    failure: null,
    result: null,
    phase: phaseOf(description),
    fileId: searchAttribute(description, 'fileId') ?? request?.fileId ?? null,
    taskId,
    resultFileId: null,
    waitingFor: description.status.name === 'RUNNING' ? 'a worker: none has answered' : null,
    ...waitingFor(description),
    submittedAt: null,
    deadlineAt: null,
    reused: false,
    moneySpent: taskId !== null,
  };
}

/** What a run that is open tells of its hold or review in the memo. A run that was terminated waits for nobody any more. */
export function waitingFor({
  status,
  memo,
  runId,
}: Pick<WorkflowExecutionInfo, 'status' | 'memo' | 'runId'>): Pick<EraseStatus, 'held' | 'review'> {
  if (!OPEN.has(status.name)) return { held: null, review: null };
  return ofRun(runId, {
    held: (readable(memo?.[MEMO.hold]) as EraseStatus['held'] | undefined) ?? null,
    review: (readable(memo?.[MEMO.review]) as ReviewStatus | undefined) ?? null,
  });
}

/** A memo that was written before a reset names the run of then. */
export function ofRun(runId: string, { held, review }: Pick<EraseStatus, 'held' | 'review'>) {
  return {
    held: held && { ...held, requestId: held.requestId ?? null, submission: held.submission ?? null, runId },
    review: review && { ...review, runId },
  };
}

function phaseOf(description: WorkflowExecutionDescription): Phase {
  const { name } = description.status;
  if (!OPEN.has(name)) return endedPhase(name);
  return (searchAttribute(description, 'phase') as Phase | null) ?? phaseOfActivities(description);
}

/** A run that was terminated keeps, in its search attribute, the phase in which that happened. */
export function endedPhase(status: WorkflowExecutionStatusName): Phase {
  if (status === 'COMPLETED') return PHASE.succeeded;
  return status === 'CANCELLED' ? PHASE.cancelled : PHASE.failed;
}

const PHASE_OF_ACTIVITY: Readonly<Record<string, Phase>> = {
  [ACTIVITY_ID.awaitTask]: PHASE.waiting,
  [ACTIVITY_ID.fetchResult]: PHASE.fetching,
  [ACTIVITY_ID.publish]: PHASE.publishing,
};

/** Where search attributes are not registered, the activity that is pending tells the phase. */
function phaseOfActivities(description: WorkflowExecutionDescription): Phase {
  for (const { activityId } of description.raw.pendingActivities ?? []) {
    const phase = PHASE_OF_ACTIVITY[activityId ?? ''];
    if (phase !== undefined) return phase;
  }
  return PHASE.submitting;
}

/** Asks the run itself; undefined when there is no worker to answer for it. */
export async function queryStatus(
  session: Session,
  execution: { workflowId: string; runId: string },
): Promise<EraseStatus | undefined> {
  if (!(await hasWorker(session))) return undefined;
  const { client } = session;
  try {
    return await client.connection.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
      client.workflow.getHandle(execution.workflowId, execution.runId).query<EraseStatus>(QUERY.status),
    );
  } catch {
    // Slow, stopping, or of a version that has no such query: what Temporal knows has to do.
    return undefined;
  }
}

async function hasWorker({ client, namespace, names }: Session): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: names.queue.main },
    taskQueueType: WORKFLOW_QUEUE,
  });
  return pollers.length > 0;
}

/**
 * The same for a run that has ended. Its result says whether this run paid; whether a run of this workflow before it did, the run
 * itself knows.
 */
export async function endedStatus(
  session: Session,
  status: EraseRunStatus,
  outcome: EraseResult | EraseError,
): Promise<EraseRunStatus> {
  const ended = withOutcome(status, outcome);
  if (!ended.reused) return ended;
  const told = await session.call(() => queryStatus(session, status)).catch(() => undefined);
  return { ...ended, moneySpent: told?.moneySpent ?? ended.moneySpent };
}

/** Adds what a run that has ended left behind: its result, or why there is none. */
function withOutcome(status: EraseRunStatus, outcome: EraseResult | EraseError): EraseRunStatus {
  if (!(outcome instanceof EraseError)) {
    return {
      ...status,
      result: outcome,
      taskId: outcome.taskId ?? status.taskId,
      resultFileId: outcome.resultFileId ?? null,
      submittedAt: outcome.submittedAt ?? null,
      reused: outcome.reused ?? false,
      moneySpent: !outcome.reused,
    };
  }
  const { taskId, moneySpent, resultFileId } = outcome;
  const { workflowId: _workflowId, advice: _advice, ...failure } = outcome.toJSON();
  return {
    ...status,
    failure,
    taskId: taskId ?? status.taskId,
    resultFileId,
    moneySpent,
  };
}
