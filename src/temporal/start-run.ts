import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { describeDifference, eraseWorkflowId } from '../contract/identity.js';
import { MEMO, type Names, WORKFLOW } from '../contract/names.js';
import { payloadConverter } from '../contract/payload-converter.js';
import type { NormalizedEraseRequest } from '../contract/request.js';
import { parseEraseRequest } from '../contract/request-schema.js';
import { readable } from '../contract/unreadable.js';
import { startOptions } from './erase-start.js';
import { describeRun, isOpen } from './follow-run.js';
import type { ObservedStarts } from './observed-starts.js';

export interface StartParts {
  /** Uses the connection of `starts`. */
  client: Client;
  namespace: string;
  names: Names;
  starts: Pick<ObservedStarts, 'startedHere' | 'withRequestId'>;
}

export type RunStarted =
  /** It runs, or an earlier run is the result. `started`: it is new. */
  | { kind: 'runs' | 'ended'; workflowId: string; runId: string; started: boolean }
  /** A run with this id has another request: the fields that differ. */
  | { kind: 'conflict'; workflowId: string; difference: string[] };

/** Attempts when concurrent starts of the same erase intervene. */
const ROUNDS = 5;
/** Fields about the use of a result: a change of them needs a new run, but no payment. */
const WISHES: ReadonlySet<string> = new Set(['publish', 'review', 'webhook', 'deadlineHours']);

/**
 * Starts the run of a request, or finds an existing one with the same request. If a successful run differs only in the use of its
 * result, a new run reuses it without a payment.
 *
 * A `key` identifies one request, so another request with it is a conflict.
 *
 * @throws the Temporal client's errors
 */
export async function startRun(parts: StartParts, request: NormalizedEraseRequest): Promise<RunStarted> {
  const { client, names, starts } = parts;
  const workflowId = eraseWorkflowId(request, names.prefix);
  let difference: string[] = [];
  let after: string | null = null;
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun: string | null = await begin(parts, request, after);
    const startedHere = begun !== null && starts.startedHere(begun) === true;
    if (startedHere && after === null) return { kind: 'runs', workflowId, runId: begun, started: true };
    const existing = await describeRun(client, workflowId);
    difference = await differenceFrom(parts, existing, request);
    const open = isOpen(existing);
    const asked = open ? difference : difference.filter((path) => isAskedFor(path, request));
    if (asked.length === 0) {
      const { runId } = existing;
      return { kind: open ? 'runs' : 'ended', workflowId, runId, started: startedHere && runId === begun };
    }
    if (open || request.key !== undefined || !asked.every(isWish)) break;
    after = existing.status.name === 'COMPLETED' ? existing.runId : null;
  }
  return { kind: 'conflict', workflowId, difference };
}

/**
 * The run id that the server returns for a start; null where it refuses. With `after`, a successful run, concurrent starts share
 * one request id and so one new run; each caller then compares its request.
 */
async function begin(
  { client, names, starts }: StartParts,
  request: NormalizedEraseRequest,
  after: string | null,
): Promise<string | null> {
  const options = startOptions(request, names);
  const start = (policy = options.workflowIdReusePolicy) =>
    client.workflow.start(WORKFLOW.erase, { ...options, workflowIdReusePolicy: policy });
  try {
    const { firstExecutionRunId } = await (after === null
      ? start()
      : starts.withRequestId(`after-${after}`, () => start('ALLOW_DUPLICATE')));
    return firstExecutionRunId;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    throw error;
  }
}

function fieldOf(path: string): string {
  return path.split(/[.[]/, 1)[0] ?? '';
}

function isWish(path: string): boolean {
  return WISHES.has(fieldOf(path));
}

/** Fields that the new request omits, and the reason for another payment, do not require a new run. */
function isAskedFor(path: string, asked: NormalizedEraseRequest): boolean {
  if (path === 'payAgain.reason') return false;
  return !isWish(path) || asked[fieldOf(path) as keyof NormalizedEraseRequest] !== undefined;
}

async function differenceFrom(
  parts: StartParts,
  existing: WorkflowExecutionDescription,
  asked: NormalizedEraseRequest,
): Promise<string[]> {
  if (existing.type !== WORKFLOW.erase) return [`the workflow type (it is ${existing.type})`];
  const parsed = parseEraseRequest(readable(existing.memo?.[MEMO.request]) ?? (await inputOf(parts, existing)));
  if (!parsed.ok) return ['its input, which is not valid'];
  return describeDifference(parsed.request, asked);
}

/** Input of a run started by another client, as plain JSON; only its first event has it. */
async function inputOf(
  { client, namespace }: StartParts,
  { workflowId, runId }: WorkflowExecutionDescription,
): Promise<unknown> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return payload ? payloadConverter.fromPayload(payload) : undefined;
}
