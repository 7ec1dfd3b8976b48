import { type Kysely, sql } from 'kysely';
import { guarded } from '../db/ledger-error.js';
import type { LatePhase, LedgerDatabase } from '../db/schema.js';

export interface RunKey {
  workflowId: string;
  runId: string;
}

/** A run whose review decides about a result. */
export interface Reviewer extends RunKey {
  /** Temporal's. */
  namespace: string;
}

/**
 * Which runs are in review, or will be, and which are publishing: for counts, and so that a result under review is not published
 * by another run. Every write is safe to repeat; every method throws a `LedgerError` on failure.
 */
export interface PhaseStore {
  /** `taskId`: the task whose result it concerns. */
  enter(run: RunKey, phase: LatePhase, taskId: string | null): Promise<void>;
  /** Runs of other workflows that have the result of the task in review, or will have; some may be gone. */
  reviewers(taskId: string, workflowId: string): Promise<Reviewer[]>;
  /** No effect when it is in none. */
  leave(run: RunKey): Promise<void>;
  /**
   * Runs not verified for that long, at most `limit`, for one caller: other callers do not get them until the time has passed
   * again.
   */
  unseen(forSeconds: number, limit: number): Promise<RunKey[]>;
}

export function phaseStore(db: Kysely<LedgerDatabase>, namespace: string): PhaseStore {
  return {
    async enter({ workflowId, runId }, phase, taskId) {
      await guarded('write the phase of a run', () =>
        sql`
          insert into run_phase (namespace, workflow_id, run_id, phase, task_id)
          values (${namespace}, ${workflowId}, ${runId}, ${phase}, ${taskId})
          on conflict (namespace, workflow_id) do update set run_id = excluded.run_id, phase = excluded.phase,
            task_id = excluded.task_id, seen_at = clock_timestamp(),
            since = case when (run_phase.run_id, run_phase.phase) = (excluded.run_id, excluded.phase) then run_phase.since
              else clock_timestamp() end`.execute(db),
      );
    },
    async reviewers(taskId, workflowId) {
      const { rows } = await guarded('find who reviews a result', () =>
        sql<Reviewer>`
          select namespace, workflow_id as "workflowId", run_id as "runId" from run_phase
          where task_id = ${taskId} and phase in ('toReview', 'review') and (namespace <> ${namespace} or workflow_id <> ${workflowId})
          order by since`.execute(db),
      );
      return rows;
    },
    async leave({ workflowId, runId }) {
      await guarded('write the phase of a run', () =>
        db
          .deleteFrom('run_phase')
          .where('namespace', '=', namespace)
          .where('workflow_id', '=', workflowId)
          .where('run_id', '=', runId)
          .execute(),
      );
    },
    async unseen(forSeconds, limit) {
      const { rows } = await guarded('read the phases of runs', () =>
        sql<RunKey>`
          update run_phase set seen_at = clock_timestamp() where namespace = ${namespace} and workflow_id in (
            select workflow_id from run_phase where namespace = ${namespace} and seen_at < clock_timestamp() - make_interval(secs => ${forSeconds})
            order by seen_at limit ${limit}::integer for update skip locked)
          returning workflow_id as "workflowId", run_id as "runId"`.execute(db),
      );
      return rows;
    },
  };
}
