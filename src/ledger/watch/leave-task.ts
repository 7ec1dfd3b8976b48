import { type Kysely, sql } from 'kysely';
import type { LedgerDatabase } from '../db/schema.js';

/** A run that waits for a task which another run may end. */
export interface OtherWaiter {
  /** Temporal's. */
  namespace: string;
  workflowId: string;
  runId: string;
}

/**
 * What a run that no longer waits for a task may do with it.
 * - `mayEnd`: end it. It is this workflow's, or was given up to the runs that wait for it, and no other run waits
 * - `waitedFor`: other runs wait for it. If it is this workflow's, it is theirs from now on
 * - `another`: another workflow paid for it, and has not given it up
 */
export type LeftTask =
  | { kind: 'mayEnd'; isOwn: boolean }
  | { kind: 'waitedFor'; isOwn: boolean; others: OtherWaiter[] }
  | { kind: 'another' };

export async function otherWaiters(
  db: Kysely<LedgerDatabase>,
  namespace: string,
  taskId: string,
  workflowId: string,
): Promise<OtherWaiter[]> {
  const { rows } = await sql<OtherWaiter>`
    select namespace, workflow_id as "workflowId", run_id as "runId" from waiter
    where task_id = ${taskId} and (namespace <> ${namespace} or workflow_id <> ${workflowId}) order by workflow_id`.execute(
    db,
  );
  return rows;
}

/** A run that was found not to wait for it any more. One that has taken its place is another, and stays. */
export async function forgetWaiter(
  db: Kysely<LedgerDatabase>,
  taskId: string,
  { namespace, workflowId, runId }: OtherWaiter,
): Promise<void> {
  await sql`
    delete from waiter where task_id = ${taskId} and namespace = ${namespace} and workflow_id = ${workflowId}
      and run_id = ${runId}`.execute(db);
}

/** Repeating it gives the same, unless others came or went meanwhile. */
export async function leaveTask(
  db: Kysely<LedgerDatabase>,
  namespace: string,
  taskId: string,
  workflowId: string,
): Promise<LeftTask> {
  return await db.transaction().execute(async (trx) => {
    // Locked: each of several runs that unsubscribe at once sees the ones before it, so exactly the last may end the task.
    const { rows } = await sql<{ own: boolean; left: boolean }>`
      select workflow_id = ${workflowId} and namespace = ${namespace} as own, left_to_others_at is not null as left
      from submission where task_id = ${taskId} for update`.execute(trx);
    const [submission] = rows;
    await sql`delete from waiter where task_id = ${taskId} and namespace = ${namespace} and workflow_id = ${workflowId}`.execute(
      trx,
    );
    if (submission === undefined || (!submission.own && !submission.left)) return { kind: 'another' };
    const { own: isOwn } = submission;
    const others = await otherWaiters(trx, namespace, taskId, workflowId);
    if (others.length === 0) return { kind: 'mayEnd', isOwn };
    if (isOwn) {
      await sql`update submission set left_to_others_at = coalesce(left_to_others_at, clock_timestamp())
        where task_id = ${taskId} and outcome is null`.execute(trx);
    }
    return { kind: 'waitedFor', isOwn, others };
  });
}
