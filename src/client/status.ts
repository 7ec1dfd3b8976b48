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

/** Timeout of the query, in milliseconds; after it, the description is used. */
const QUERY_TIMEOUT_MS = 5_000;
/** `TASK_QUEUE_TYPE_WORKFLOW` in the server's enum TaskQueueType. */
const WORKFLOW_QUEUE = 1;

/** Statuses of an open run. */
export const OPEN: ReadonlySet<WorkflowExecutionStatusName> = new Set(['RUNNING', 'PAUSED']);

/** The run's status in Temporal, in lower case. */
export type ExecutionStatus = Lowercase<WorkflowExecutionStatusName>;

/** Status of an erase: the run's own, and Temporal's data. */
export interface EraseRunStatus extends EraseStatus {
  /** `erase/…` */
  workflowId: string;
  /** Temporal's run id. */
  runId: string;
  /** The run's status in Temporal. */
  execution: ExecutionStatus;
  /** The request as sent; null when only the history has it. */
  request: EraseRequest | null;
  /** False when no worker answered: the other fields are what Temporal knows, and may lag behind. */
  live: boolean;
  /** ISO 8601. */
  startedAt: string;
  /** ISO 8601; null while it runs. */
  closedAt: string | null;
  /** Only on a run that failed or was cancelled. */
  failure: EraseFailureDetails | null;
  /** Only on a run that succeeded. */
  result: EraseResult | null;
}

/** The status without a query to a worker. */
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

/** The hold or review in an open run's memo. A terminated run no longer waits for a decision. */
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

/** A memo written before a reset has the earlier run's id. */
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

/** A terminated run keeps its last phase in its search attribute. */
export function endedPhase(status: WorkflowExecutionStatusName): Phase {
  if (status === 'COMPLETED') return PHASE.succeeded;
  return status === 'CANCELLED' ? PHASE.cancelled : PHASE.failed;
}

const PHASE_OF_ACTIVITY: Readonly<Record<string, Phase>> = {
  [ACTIVITY_ID.awaitTask]: PHASE.waiting,
  [ACTIVITY_ID.fetchResult]: PHASE.fetching,
  [ACTIVITY_ID.publish]: PHASE.publishing,
};

/** Without registered search attributes, the pending activity determines the phase. */
function phaseOfActivities(description: WorkflowExecutionDescription): Phase {
  for (const { activityId } of description.raw.pendingActivities ?? []) {
    const phase = PHASE_OF_ACTIVITY[activityId ?? ''];
    if (phase !== undefined) return phase;
  }
  return PHASE.submitting;
}

/** Queries the run; undefined when no worker answers. */
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
    // The worker is slow, stopping, or without this query: use what Temporal knows.
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
 * The status of an ended run. Its result shows whether this run paid; only the run knows whether an earlier run of this workflow
 * did.
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

/** Adds the result of an ended run, or its failure. */
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
