import type { WorkflowExecutionInfo } from '@temporalio/client';
import { filterEquals, filterLiteral } from '../contract/list-filter.js';
import { MEMO, type Names, PHASE, type Phase, WORKFLOW } from '../contract/names.js';
import type { EraseRequest, EraseStatus, ReviewStatus } from '../contract/request.js';
import { readable } from '../contract/unreadable.js';
import { InvalidRequestError } from '../errors.js';
import { searchAttribute } from '../temporal/run-failure.js';
import { GRPC, grpcCode } from '../temporal/service-errors.js';
import type { Session } from './session.js';
import { type ExecutionStatus, endedPhase, OPEN, waitingFor } from './status.js';

/** Execution statuses: the caller's word, and its spelling in Temporal's list filter. */
const STATUS_IN_FILTER = {
  running: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Canceled',
  terminated: 'Terminated',
  timed_out: 'TimedOut',
} as const;

/** A run's status in Temporal, for {@link ListOptions}. */
export type ListedStatus = keyof typeof STATUS_IN_FILTER;
export const LISTED_STATUSES = Object.keys(STATUS_IN_FILTER) as ListedStatus[];

/** Phases of a run that ended by itself. */
const ENDED: ReadonlySet<Phase> = new Set([PHASE.succeeded, PHASE.failed, PHASE.cancelled]);

/** Filters of a list; omitted ones match everything. */
export interface ListOptions {
  /** Only erases in this phase, and running unless `status` is set. Needs the search attribute `ErasePhase`. */
  phase?: Phase;
  /** Only runs with this status. */
  status?: ListedStatus;
  /** Only erases of this batch. Needs the search attribute `EraseBatchId`. */
  batchId?: string;
  /** Maximum number. Default: all. */
  limit?: number;
}

/** An erase in Temporal's list, without a query of its run. */
export interface ListedErase {
  /** `erase/…` */
  workflowId: string;
  /** Temporal's run id. */
  runId: string;
  /** The run's status in Temporal. */
  execution: ExecutionStatus;
  /** Null where the search attribute is not registered. */
  phase: Phase | null;
  /** The source media, if search attributes or the memo have it. */
  fileId: string | null;
  /** Name of the recipe; null when another client started it. */
  recipe: string | null;
  /** The vendor's task; null before the submit, and where the search attribute is not registered. */
  taskId: string | null;
  /** The batch of the erase. */
  batchId: string | null;
  /** Why it waits for an operator; null unless it is held. `requestId` is null here: the status has it. */
  held: EraseStatus['held'];
  /** Data for a reviewer; null unless it is in review. */
  review: ReviewStatus | null;
  /** ISO 8601. */
  startedAt: string;
  /** ISO 8601; null while it runs. */
  closedAt: string | null;
}

/**
 * Erases by visibility, newest first; changes of the last second may be missing.
 * @throws InvalidRequestError for a filter by a search attribute that the namespace does not have
 */
export async function* listErases(session: Session, options: ListOptions = {}): AsyncGenerator<ListedErase> {
  const { limit = Number.POSITIVE_INFINITY } = options;
  const runs = session.client.workflow.list({
    query: filterOf(options, session.names),
    pageSize: Math.min(limit, 1_000),
  });
  const iterator = runs[Symbol.asyncIterator]();
  for (let given = 0; given < limit; ) {
    const next = await session.call(() => iterator.next()).catch((error: unknown) => Promise.reject(explained(error)));
    if (next.done) return;
    const erase = listed(next.value);
    // For an id with a quote, the filter may match others too.
    if (options.batchId !== undefined && erase.batchId !== options.batchId) continue;
    given += 1;
    yield erase;
  }
}

/** Also filters by queue, since other programs in the namespace may have workflows of this type. */
function filterOf({ phase, status, batchId }: ListOptions, { queue, searchAttribute: attribute }: Names): string {
  const terms = [`WorkflowType = '${WORKFLOW.erase}'`, `TaskQueue = ${filterLiteral(queue.main)}`];
  // A terminated or reset run keeps its last phase in the search attribute.
  const open = phase !== undefined && !ENDED.has(phase) ? 'running' : undefined;
  const wanted = status ?? open;
  if (wanted !== undefined) terms.push(`ExecutionStatus = '${STATUS_IN_FILTER[wanted]}'`);
  if (phase !== undefined) terms.push(`${attribute.phase} = ${filterLiteral(phase)}`);
  if (batchId !== undefined) terms.push(filterEquals(attribute.batchId, batchId));
  return terms.join(' AND ');
}

function explained(error: unknown): unknown {
  if (grpcCode(error) !== GRPC.invalidArgument) return error;
  return new InvalidRequestError(['This namespace does not have the search attribute that the filter needs.'], {
    code: 'SearchAttributeMissing',
    advice: 'Register it with `smart-erase setup`, or list without --phase and --batch.',
    cause: error,
  });
}

function listed(info: WorkflowExecutionInfo): ListedErase {
  const request = readable(info.memo?.[MEMO.request]) as Partial<EraseRequest> | undefined;
  const phase = searchAttribute(info, 'phase') as Phase | null;
  const isOver = !OPEN.has(info.status.name);
  return {
    workflowId: info.workflowId,
    runId: info.runId,
    execution: info.status.name.toLowerCase() as ExecutionStatus,
    phase: phase !== null && isOver ? endedPhase(info.status.name) : phase,
    fileId: searchAttribute(info, 'fileId') ?? request?.fileId ?? null,
    recipe: request?.recipe?.name ?? null,
    taskId: searchAttribute(info, 'taskId'),
    batchId: searchAttribute(info, 'batchId') ?? request?.batchId ?? null,
    ...waitingFor(info),
    startedAt: info.startTime.toISOString(),
    closedAt: info.closeTime?.toISOString() ?? null,
  };
}
