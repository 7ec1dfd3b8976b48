import {
  Client,
  type ConnectionLike,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
} from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common';
import { describeDifference, eraseWorkflowId } from '../contract/identity.js';
import { MEMO, type Names, WORKFLOW } from '../contract/names.js';
import type { EraseFailureDetails, EraseResult, NormalizedEraseRequest } from '../contract/request.js';
import { LONGEST_NAME, LONGEST_REASON, shortText } from '../contract/text.js';
import { startOptions } from './erase-start.js';
import { observeStarts } from './observed-starts.js';
import { failureOf } from './run-failure.js';
import { GRPC, grpcCode, grpcMessage } from './service-errors.js';

/** Runs of erases, as a feeder of many handles them. Methods throw what the Temporal client throws when it cannot be reached. */
export interface EraseRuns {
  start(request: NormalizedEraseRequest): Promise<StartOutcome>;
  /** That run of the id; by default its latest. */
  look(workflowId: string, runId?: string): Promise<RunSeen>;
  /** Asks a run to end; it tells later what became of it. Nothing happens when it has ended. */
  cancel(workflowId: string, asked: { reason: string; by: string | null }): Promise<void>;
}

export type StartOutcome =
  /** It runs: begun now, or found running for the same request. */
  | { kind: 'runs'; runId: string }
  /** It ran before, and succeeded. */
  | { kind: 'ended' }
  /** A run with this id does something else. */
  | { kind: 'conflict'; message: string }
  /** Temporal will never take it. */
  | { kind: 'refused'; message: string };

export type RunSeen =
  | { kind: 'gone' }
  | { kind: 'open'; runId: string; batchId: string | null }
  | {
      kind: 'ended';
      runId: string;
      batchId: string | null;
      /** ISO 8601. */
      closedAt: string | null;
      result: Pick<EraseResult, 'taskId' | 'resultFileId' | 'requestId'> | null;
      /** Null for one that succeeded. */
      failure: EraseFailureDetails | null;
    };

export function createEraseRuns(connection: ConnectionLike, namespace: string, names: Names): EraseRuns {
  const observed = observeStarts(connection);
  const client = new Client({ connection: observed.connection, namespace });

  return {
    async start(request) {
      const workflowId = eraseWorkflowId(request, names.prefix);
      try {
        const { firstExecutionRunId: runId } = await client.workflow.start(
          WORKFLOW.erase,
          startOptions(request, names),
        );
        if (observed.startedHere(runId) === true) return { kind: 'runs', runId };
      } catch (error) {
        if (grpcCode(error) === GRPC.invalidArgument) return { kind: 'refused', message: grpcMessage(error) };
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
      const existing = await client.workflow.getHandle(workflowId).describe();
      const difference = differenceFrom(existing, request);
      if (difference.length > 0) {
        return {
          kind: 'conflict',
          message: `${workflowId} exists already, for a request that differs in ${difference.join(', ')}.`,
        };
      }
      return isOpen(existing) ? { kind: 'runs', runId: existing.runId } : { kind: 'ended' };
    },

    async look(workflowId, wantedRunId) {
      let described: WorkflowExecutionDescription;
      try {
        described = await client.workflow.getHandle(workflowId, wantedRunId).describe();
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return { kind: 'gone' };
        throw error;
      }
      const { runId } = described;
      const batchId = requestOf(described)?.batchId ?? null;
      if (isOpen(described)) return { kind: 'open', runId, batchId };
      const closedAt = described.closeTime?.toISOString() ?? null;
      const ended = { kind: 'ended' as const, runId, batchId, closedAt };
      // What a run that succeeded made stands in the ledger: its history need not be read.
      if (described.status.name === 'COMPLETED') return { ...ended, result: null, failure: null };
      try {
        const result = await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
        return { ...ended, result: result as EraseResult, failure: null };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return { kind: 'gone' };
        if (!(error instanceof WorkflowFailedError)) throw error;
        return { ...ended, result: null, failure: failureOf(error, workflowId, described).toJSON() };
      }
    },

    async cancel(workflowId, { reason, by }) {
      try {
        // The SDK's own cancel() sends no reason.
        await client.workflowService.requestCancelWorkflowExecution({
          namespace,
          workflowExecution: { workflowId },
          reason: shortText(reason, LONGEST_REASON),
          identity: by === null ? client.options.identity : shortText(by, LONGEST_NAME),
        });
      } catch (error) {
        if (grpcCode(error) !== GRPC.notFound) throw error;
      }
    },
  };
}

function isOpen({ status }: WorkflowExecutionDescription): boolean {
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}

function requestOf(described: WorkflowExecutionDescription): NormalizedEraseRequest | undefined {
  return described.memo?.[MEMO.request] as NormalizedEraseRequest | undefined;
}

function differenceFrom(existing: WorkflowExecutionDescription, asked: NormalizedEraseRequest): string[] {
  if (existing.type !== WORKFLOW.erase) return [`the workflow type (it is ${existing.type})`];
  const given = requestOf(existing);
  // A run that was started without our client keeps its input in its history only; the ledger knows what it paid.
  return given === undefined ? [] : describeDifference(given, asked);
}
