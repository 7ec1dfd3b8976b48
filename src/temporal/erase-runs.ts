import { type ConnectionLike, type WorkflowExecutionDescription, WorkflowFailedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { MEMO, type Names } from '../contract/names.js';
import type { EraseFailureDetails, EraseResult, NormalizedEraseRequest } from '../contract/request.js';
import { LONGEST_NAME, LONGEST_REASON, shortText } from '../contract/text.js';
import { readable } from '../contract/unreadable.js';
import { clientOf } from './client-of.js';
import { describeRun, followRun, isOpen } from './follow-run.js';
import { observeStarts } from './observed-starts.js';
import { failureOf } from './run-failure.js';
import { GRPC, grpcCode, grpcMessage } from './service-errors.js';
import { startRun } from './start-run.js';

/** Erase runs, for the batch dispatcher. Methods throw the Temporal client's errors when it is unavailable. */
export interface EraseRuns {
  start(request: NormalizedEraseRequest): Promise<StartOutcome>;
  /** That run of the id, or the one in which it continues after a reset or replacement. Default: the latest. */
  look(workflowId: string, runId?: string): Promise<RunSeen>;
  /** Requests a cancel, whose outcome is reported later. No effect on an ended run. */
  cancel(workflowId: string, asked: { reason: string; by: string | null }): Promise<void>;
}

export type StartOutcome =
  /** It runs: started now, or found running for the same request. */
  | { kind: 'runs'; runId: string }
  /** An earlier run is the result. */
  | { kind: 'ended'; runId: string }
  /** A run with this id has another request. */
  | { kind: 'conflict'; message: string }
  /** Temporal refuses it permanently. */
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
      /** Null for a successful run. */
      failure: EraseFailureDetails | null;
    };

export function createEraseRuns(connection: ConnectionLike, namespace: string, names: Names): EraseRuns {
  const starts = observeStarts(connection);
  const client = clientOf({ connection: starts.connection, namespace });

  return {
    async start(request) {
      try {
        const run = await startRun({ client, namespace, names, starts }, request);
        if (run.kind !== 'conflict') return { kind: run.kind, runId: run.runId };
        const { workflowId, difference } = run;
        return {
          kind: 'conflict',
          message: `${workflowId} exists already, for a request that differs in ${difference.join(', ')}.`,
        };
      } catch (error) {
        if (grpcCode(error) === GRPC.invalidArgument) return { kind: 'refused', message: grpcMessage(error) };
        throw error;
      }
    },

    async look(workflowId, wantedRunId) {
      let described: WorkflowExecutionDescription;
      try {
        described = await (wantedRunId === undefined
          ? describeRun(client, workflowId)
          : followRun(client, workflowId, wantedRunId));
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return { kind: 'gone' };
        throw error;
      }
      const { runId } = described;
      const batchId = requestOf(described)?.batchId ?? null;
      if (isOpen(described)) return { kind: 'open', runId, batchId };
      const closedAt = described.closeTime?.toISOString() ?? null;
      const ended = { kind: 'ended' as const, runId, batchId, closedAt };
      // The ledger has the result of a successful run, so its history is not read.
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

function requestOf(described: WorkflowExecutionDescription): NormalizedEraseRequest | undefined {
  return readable(described.memo?.[MEMO.request]) as NormalizedEraseRequest | undefined;
}
