import type { Client, WorkflowHandle } from '@temporalio/client';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
export type HistoryEvent = NonNullable<History['events']>[number];

/** What one run cost, counted from its history. */
export interface RunCost {
  events: number;
  /** Billable actions; see {@link billableActions}. */
  actions: number;
  /** Of these, attempts of activities beyond the first. */
  retriedAttempts: number;
}

/**
 * Billable actions of a run, as Temporal Cloud's list names them (docs.temporal.io/cloud/actions): the start; each activity,
 * once for each attempt; timers; upserts of search attributes; signals; updates; a start of a child, which is the child's
 * own start. Not in a history, and not counted: heartbeats (the cloud counts those that reach it; ours last too short for
 * more than one), queries, and the action of the caller's start, which is the same one as the run's. An attempt that an outside
 * completion ended before it began is not counted: it never ran.
 */
export function costOf(events: readonly HistoryEvent[]): RunCost {
  let actions = 0;
  let retriedAttempts = 0;
  for (const event of events) {
    const attempt = startedAttempts(event, events);
    if (attempt > 0) {
      actions += attempt;
      retriedAttempts += attempt - 1;
    } else if (isAction(event)) actions += 1;
  }
  return { events: events.length, actions, retriedAttempts };
}

function isAction(event: HistoryEvent): boolean {
  return (
    event.workflowExecutionStartedEventAttributes != null ||
    event.timerStartedEventAttributes != null ||
    event.upsertWorkflowSearchAttributesEventAttributes != null ||
    event.workflowExecutionSignaledEventAttributes != null ||
    event.workflowExecutionUpdateAcceptedEventAttributes != null ||
    event.startChildWorkflowExecutionInitiatedEventAttributes != null ||
    event.signalExternalWorkflowExecutionInitiatedEventAttributes != null
  );
}

/** Attempts that an activity's "started" event stands for; 0 for any other event. */
function startedAttempts(event: HistoryEvent, events: readonly HistoryEvent[]): number {
  const started = event.activityTaskStartedEventAttributes;
  if (started == null) return 0;
  const attempt = started.attempt ?? 1;
  return attempt > 1 && neverRan(event, events) ? attempt - 1 : attempt;
}

/**
 * Less than a worker needs to get a task and answer it, in milliseconds. A completion from outside of an attempt that had not
 * begun makes the server write its "started" event in the same moment: 8 µs before, as measured; a real attempt takes a
 * way to the worker and back, a hundred times that.
 */
const NO_TIME_AT_ALL_MS = 0.2;

function neverRan(started: HistoryEvent, events: readonly HistoryEvent[]): boolean {
  const id = started.eventId?.toString();
  const completed = events.find(
    (event) => event.activityTaskCompletedEventAttributes?.startedEventId?.toString() === id,
  );
  return completed !== undefined && millisecondsOf(completed) - millisecondsOf(started) < NO_TIME_AT_ALL_MS;
}

/** Since the epoch. */
function millisecondsOf({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1_000 + (eventTime?.nanos ?? 0) / 1e6;
}

/** When the run noticed that the task was over: its `await-task` completed. Milliseconds since the epoch. */
export function noticedAtMs(events: readonly HistoryEvent[], activityId: string): number | undefined {
  const scheduled = events.find((event) => event.activityTaskScheduledEventAttributes?.activityId === activityId);
  const completed = events.find(
    (event) =>
      scheduled !== undefined &&
      event.activityTaskCompletedEventAttributes?.scheduledEventId?.toString() === scheduled.eventId?.toString(),
  );
  return completed === undefined ? undefined : millisecondsOf(completed);
}

/** When the server gave the run's first activity of this type to a worker. Milliseconds since the epoch. */
export function begunAtMs(events: readonly HistoryEvent[], activityType: string): number | undefined {
  const scheduled = events.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activityType,
  );
  const started = events.find(
    (event) =>
      scheduled !== undefined &&
      event.activityTaskStartedEventAttributes?.scheduledEventId?.toString() === scheduled.eventId?.toString(),
  );
  return started === undefined ? undefined : millisecondsOf(started);
}

/** Histories of many runs, some at a time. */
export async function* histories(client: Client, workflowIds: readonly string[]): AsyncGenerator<HistoryEvent[]> {
  const AT_A_TIME = 20;
  for (let from = 0; from < workflowIds.length; from += AT_A_TIME) {
    const some = workflowIds.slice(from, from + AT_A_TIME);
    yield* await Promise.all(some.map(async (id) => (await client.workflow.getHandle(id).fetchHistory()).events ?? []));
  }
}
