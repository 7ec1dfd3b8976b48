import { type Kysely, sql } from 'kysely';
import type { LedgerDatabase } from '../db/schema.js';
import { ITEM_IDENTITY } from './item-identity.js';

type Db = Kysely<LedgerDatabase>;

/**
 * Seconds of outcomes that are read again each time: an outcome is committed after its timestamp, by the ledger's statement
 * timeout at most.
 */
const OUTCOME_OVERLAP_SECONDS = 15;

/** Copies from the submissions and holds to the items of a batch: which were submitted, whose tasks ended, which are held. */
export async function noteBatchProgress(db: Db, batchId: string): Promise<void> {
  await noteSubmits(db, batchId);
  await noteOutcomes(db, batchId);
  await noteOutcomesOfOthers(db, batchId);
  await noteHolds(db, batchId);
}

/**
 * The item no longer waits for its turn, whichever run paid. A task that failed before the item was started is not its own: its
 * own submit follows.
 */
async function noteSubmits(db: Db, batchId: string): Promise<void> {
  await sql`
    update batch_item item set submitted_at = greatest(found.place_at, item.started_at), task_ended_at = found.outcome_at
    from (
      select item.number, latest.place_at, latest.outcome_at
      from batch_item item cross join lateral (
        select submission.place_at, submission.outcome_at
        from erase join submission on submission.erase_id = erase.id
        where ${ITEM_IDENTITY} and submission.state = 'accepted'
          and (submission.outcome is null or submission.outcome = 'succeeded' or submission.place_at > item.started_at)
        order by submission.number desc limit 1
      ) latest
      where item.batch_id = ${batchId} and item.state in ('running', 'held') and item.submitted_at is null
    ) found
    where item.batch_id = ${batchId} and item.number = found.number`.execute(db);
}

async function noteOutcomes(db: Db, batchId: string): Promise<void> {
  await sql`
    with batch_row as (
      update batch set outcomes_until = clock_timestamp() where id = ${batchId}
      returning (select coalesce(outcomes_until, created_at) from batch where id = ${batchId}) as since
    )
    update batch_item item set task_ended_at = submission.outcome_at
    from submission, batch_row
    where submission.batch_id = ${batchId}
      and submission.outcome_at > batch_row.since - make_interval(secs => ${OUTCOME_OVERLAP_SECONDS})
      and item.batch_id = ${batchId} and item.workflow_id = submission.workflow_id
      and item.state in ('running', 'held') and item.submitted_at is not null
      and (item.task_ended_at is null or item.task_ended_at < submission.outcome_at)`.execute(db);
}

/** Items that wait for a task submitted by another run: the oldest, since they stop a batch. */
const OTHERS_LOOKED_AT = 20;

/** The same for tasks of other runs, including adopted ones: their rows do not name this batch. */
async function noteOutcomesOfOthers(db: Db, batchId: string): Promise<void> {
  await sql`
    update batch_item item set task_ended_at = found.outcome_at
    from (
      select item.number, latest.outcome_at
      from (
        select * from batch_item
        where batch_id = ${batchId} and state in ('running', 'held') and submitted_at is not null and task_ended_at is null
        order by submitted_at limit ${OTHERS_LOOKED_AT}
      ) item cross join lateral (
        select submission.outcome_at, submission.batch_id
        from erase join submission on submission.erase_id = erase.id
        where ${ITEM_IDENTITY} and submission.state = 'accepted'
        order by submission.number desc limit 1
      ) latest
      where latest.outcome_at is not null and latest.batch_id is distinct from ${batchId}
    ) found
    where item.batch_id = ${batchId} and item.number = found.number`.execute(db);
}

async function noteHolds(db: Db, batchId: string): Promise<void> {
  await sql`
    update batch_item item set state = 'held' from batch, hold
    where batch.id = ${batchId} and hold.ended_at is null and item.batch_id = batch.id and hold.namespace = batch.namespace
      and item.workflow_id = hold.workflow_id
      and item.run_id = hold.run_id and item.state = 'running'`.execute(db);
  await sql`
    update batch_item item set state = 'running'
    where item.batch_id = ${batchId} and item.state = 'held' and not exists (
      select 1 from hold where hold.namespace = (select namespace from batch where id = ${batchId})
        and hold.workflow_id = item.workflow_id and hold.run_id = item.run_id and hold.ended_at is null
    )`.execute(db);
}
