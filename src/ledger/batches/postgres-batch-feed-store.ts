import { type Kysely, type Selectable, sql } from 'kysely';
import { NOT_STARTED } from '../../contract/batch.js';
import { writeAudit } from '../audit/audit.js';
import { guarded } from '../db/ledger-error.js';
import { jsonText } from '../db/parameters.js';
import type { BatchEndedAs, BatchTable, BatchWaitingFor, LedgerDatabase } from '../db/schema.js';
import { batchScope } from '../money/cap.js';
import { backingOff } from './backing-off.js';
import type { BatchFacts, BatchFeedStore, ClaimedItem, ClaimWanted, ItemEnd, OpenItem } from './batch-feed-store.js';
import { noteBatchProgress } from './batch-progress.js';
import { subAppsOf } from './batch-snapshot.js';
import { ITEM_IDENTITY } from './item-identity.js';
import { toBatch } from './postgres-batch-store.js';

type Db = Kysely<LedgerDatabase>;

/** An item that was claimed this many seconds ago without a run: the dispatcher that claimed it is gone. */
const UNCONFIRMED_SECONDS = 15;

/** Shortest time between two sweeping reads of one run, in seconds. */
const SWEEP_SECONDS = 10;

export class PostgresBatchFeedStore implements BatchFeedStore {
  constructor(private readonly db: Db) {}

  async noteProgress(batchId: string): Promise<void> {
    await guarded('note the progress of a batch', async () => {
      await noteBatchProgress(this.db, batchId);
    });
  }

  async facts(batchId: string): Promise<BatchFacts | null> {
    return await guarded('read how a batch stands', async () => {
      const { rows } = await sql<Selectable<BatchTable> & FactsRow>`
        select batch.*, clock_timestamp() as now, open.*,
          exists (select 1 from batch_item where batch_id = batch.id and state = 'pending') as has_pending,
          case when batch.source->>'kind' <> 'adopted' then (
            select estimated_usd from batch_item
            where batch_id = batch.id and state = 'pending' and may_pay order by number limit 1
          ) end as next_usd,
          exists (select 1 from batch_item where batch_id = batch.id and state = 'pending' and not may_pay) as has_pending_free,
          (select count(*)::integer from batch_item item
             join run_phase on run_phase.namespace = batch.namespace and run_phase.workflow_id = item.workflow_id
             where item.batch_id = batch.id and item.state = 'running' and phase = 'review') as in_review,
          (select count(*)::integer from batch other where other.state = 'running' and other.waiting_for is null
             and exists (select 1 from batch_item where batch_id = other.id and state = 'pending')) as feeders
        from batch, lateral (
          select count(*) filter (where item.state = 'running')::integer as running,
            count(*) filter (where item.state = 'held')::integer as held,
            count(*) filter (where item.state = 'running' and submitted_at is null)::integer as unsubmitted,
            coalesce(sum(item.estimated_usd) filter (where item.state = 'running' and submitted_at is null), 0)
              as unsubmitted_usd,
            extract(epoch from clock_timestamp() - min(submitted_at) filter (where task_ended_at is null))
              ::double precision * 1000 as oldest_ms
          from batch_item item where item.batch_id = batch.id and item.state in ('running', 'held')
        ) open
        where batch.id = ${batchId}`.execute(this.db);
      const row = rows[0];
      if (row === undefined) return null;
      return {
        ...(await backingOff(this.db, batchId, row.unsubmitted)),
        batch: toBatch(row),
        now: row.now,
        hasPending: row.has_pending,
        running: row.running,
        held: row.held,
        inReview: row.in_review,
        unsubmitted: row.unsubmitted,
        unsubmittedUsd: Number(row.unsubmitted_usd),
        oldestTaskAgeMs: row.oldest_ms,
        feeders: row.feeders,
        nextUsd: Number(row.next_usd ?? 0),
        hasPendingFree: row.has_pending_free,
      };
    });
  }

  async subAppIds(batchId: string): Promise<number[]> {
    return await guarded('read the sub-applications of a batch', () => subAppsOf(this.db, batchId));
  }

  async committedUsd(batchId: string): Promise<number> {
    return await guarded('add up what a batch costs', async () => {
      const { rows } = await sql<{ usd: string | null }>`
        select (select spent_usd from cap where scope = ${batchScope(batchId)} and period = 'total') + coalesce(sum(estimated_usd), 0) as usd
        from batch_item item
        where batch_id = ${batchId} and state in ('running', 'held') and may_pay and not exists (
          select from submission where submission.workflow_id = item.workflow_id and submission.batch_id = item.batch_id
            and cost_day is not null)`.execute(this.db);
      return Number(rows[0]?.usd ?? 0);
    });
  }

  async startedCount(batchId: string): Promise<number> {
    return await guarded('count the started items of a batch', async () => {
      const { rows } = await sql<{ count: string }>`
        select count(*) as count from batch_item where batch_id = ${batchId} and started_at is not null`.execute(
        this.db,
      );
      return Number(rows[0]?.count ?? 0);
    });
  }

  async claim(batchId: string, { limit, roomUsd, blockedSubApps, onlyFree }: ClaimWanted): Promise<ClaimedItem[]> {
    return await guarded('claim items of a batch', async () => {
      // By an array of numbers, since a join is planned badly while the table's statistics are new.
      const { rows } = await sql<ItemRow>`
        with candidate as materialized (
          select number, sum(coalesce(estimated_usd, 0)) over (order by number) as upto
          from (
            select number, estimated_usd from batch_item
            where batch_id = ${batchId} and state = 'pending' and not sub_app_id = any(${[...blockedSubApps]}::bigint[])
              and not (${onlyFree} and may_pay)
            order by number limit ${limit}
          ) next
        )
        update batch_item item set state = 'running', started_at = clock_timestamp()
        where item.batch_id = ${batchId} and item.state = 'pending' and item.number = any(array(
            select number from candidate where ${roomUsd}::numeric is null or upto <= ${roomUsd}::numeric
          ))
          and exists (select 1 from batch where id = ${batchId} and state = 'running')
        returning item.number, item.workflow_id, item.request, item.started_at::text as claimed_at`.execute(this.db);
      return rows.map(toClaimed).sort((a, b) => a.number - b.number);
    });
  }

  async confirm(batchId: string, runs: readonly { number: number; runId: string }[]): Promise<void> {
    await this.setRuns(batchId, runs, 'note the runs of a batch', false);
  }

  async looked(batchId: string, seen: readonly { number: number; runId: string }[]): Promise<void> {
    await this.setRuns(batchId, seen, 'note which runs were looked at', true);
  }

  async releaseClaim(batchId: string, items: readonly Pick<ClaimedItem, 'number' | 'claimedAt'>[]): Promise<void> {
    if (items.length === 0) return;
    const numbers = items.map(({ number }) => number);
    const claims = items.map(({ claimedAt }) => claimedAt);
    await guarded('give back items of a batch', () =>
      sql`update batch_item item set state = 'pending', started_at = null, checked_at = null
          from unnest(${numbers}::integer[], ${claims}::timestamptz[]) as claim(number, claimed_at)
          where item.batch_id = ${batchId} and item.number = claim.number and item.started_at = claim.claimed_at
            and item.number = any(${numbers}::integer[]) and item.state = 'running' and item.run_id is null`.execute(
        this.db,
      ),
    );
  }

  async requeue(batchId: string, items: readonly { number: number; runId: string }[]): Promise<void> {
    if (items.length === 0) return;
    const numbers = items.map(({ number }) => number);
    const runIds = items.map(({ runId }) => runId);
    await guarded('start items of a batch anew', () =>
      sql`update batch_item item set state = 'pending', started_at = null, checked_at = null, run_id = null,
            submitted_at = null, task_ended_at = null
          from unnest(${numbers}::integer[], ${runIds}::text[]) as waited(number, run_id)
          where item.batch_id = ${batchId} and item.number = waited.number and item.run_id = waited.run_id
            and item.number = any(${numbers}::integer[]) and item.state in ('running', 'held')`.execute(this.db),
    );
  }

  async dueForLook(batchId: string, { due, sweep }: { due: number; sweep: number }): Promise<OpenItem[]> {
    return await guarded('find runs that are worth a look', async () => {
      const { rows } = await sql<ItemRow & OpenRow>`
        with open as materialized (
          select number, workflow_id, run_id, cancel_asked_at, checked_at, clock_timestamp() - coalesce(checked_at, started_at) as ago,
            case
              when run_id is null then
                case when clock_timestamp() - started_at < make_interval(secs => ${UNCONFIRMED_SECONDS}) then null
                else interval '2 seconds' end
              when cancel_asked_at is not null then ${backOff('cancel_asked_at', 0.5, 30)}
              when task_ended_at is not null then ${backOff('task_ended_at', 0.5, 60)}
              when submitted_at is null and state = 'running' then ${backOff('started_at', 5, 30)}
            end as every
          from batch_item where batch_id = ${batchId} and state in ('running', 'held')
        ), chosen as (
          (select number from open where every is not null and ago >= every
           order by checked_at nulls first, number limit ${due})
          union
          (select number from open where run_id is not null and ago > make_interval(secs => ${SWEEP_SECONDS})
           order by ago desc, number limit ${sweep})
        )
        select item.number, item.workflow_id, item.request, item.started_at::text as claimed_at, item.run_id, item.cancel_asked_at
        from batch_item item join chosen on chosen.number = item.number where item.batch_id = ${batchId}
        order by item.checked_at nulls first, item.number`.execute(this.db);
      return rows.map(toOpen);
    });
  }

  async settle(batchId: string, ends: readonly ItemEnd[]): Promise<number> {
    if (ends.length === 0) return 0;
    return await guarded('settle items of a batch', async () => {
      const { numAffectedRows } = await sql`
        with ended as (
          select * from jsonb_to_recordset(${jsonText(ends)}::jsonb) as e(number integer, state text, "runId" text,
            "endedAt" timestamptz, "taskId" text, "resultFileId" text, "errorClass" text, "errorCode" text,
            "errorMessage" text, "requestId" text)
        ), known as (
          select ended.*, own.attempts, own.cost, own.task_id as own_task, paid.task_id as paid_task,
            paid.result_file_id as paid_result, paid.request_id as paid_request,
            coalesce(paid.batch_id = item.batch_id, own.task_id is not null) as paid_here
          from ended join batch_item item on item.batch_id = ${batchId} and item.number = ended.number
          left join lateral (
            select sum(arms)::integer as attempts, sum(cost_usd) filter (where cost_day is not null) as cost,
              (array_agg(task_id order by number desc) filter (where task_id is not null))[1] as task_id
            from submission
            where submission.workflow_id = item.workflow_id and submission.batch_id = item.batch_id
              and submission.namespace = (select namespace from batch where id = ${batchId})
          ) own on true
          left join lateral (
            select task_id, result_file_id, request_id, batch_id
            from erase join submission on submission.erase_id = erase.id
            where ended.state = 'succeeded' and ${ITEM_IDENTITY} and submission.outcome = 'succeeded'
            order by submission.number desc limit 1
          ) paid on true
        )
        update batch_item item set
          state = case when known.state = 'succeeded' and not known.paid_here then 'reused' else known.state end,
          run_id = coalesce(known."runId", item.run_id),
          checked_at = clock_timestamp(),
          -- A run that was found ended, ended before its item was started.
          ended_at = greatest(coalesce(known."endedAt", clock_timestamp()), item.started_at),
          task_id = coalesce(known."taskId", known.paid_task, known.own_task),
          result_file_id = coalesce(known."resultFileId", known.paid_result),
          error_class = known."errorClass", error_code = known."errorCode", error_message = known."errorMessage",
          request_id = coalesce(known."requestId", known.paid_request),
          attempts = coalesce(known.attempts, 0),
          cost_usd = coalesce(known.cost, 0)
        from known
        where item.batch_id = ${batchId} and item.number = known.number and item.state in ('running', 'held')
          and item.number = any(${ends.map(({ number }) => number)}::integer[])`.execute(this.db);
      return Number(numAffectedRows ?? 0n);
    });
  }

  async skipPending(batchId: string, message: string, limit: number): Promise<number> {
    return await guarded('give up pending items of a batch', async () => {
      const { numAffectedRows } = await sql`
        update batch_item set state = 'skipped', ended_at = clock_timestamp(), error_class = 'skipped',
          error_code = ${NOT_STARTED}, error_message = ${message}
        where batch_id = ${batchId} and state = 'pending' and number = any(array(
          select number from batch_item where batch_id = ${batchId} and state = 'pending' order by number limit ${limit}
        ))`.execute(this.db);
      return Number(numAffectedRows ?? 0n);
    });
  }

  async toCancel(
    batchId: string,
    { unsubmitted, others }: { unsubmitted: number; others: number },
  ): Promise<OpenItem[]> {
    return await guarded('find runs to cancel', async () => {
      const { rows } = await sql<ItemRow & OpenRow>`
        (select number, workflow_id, request, started_at::text as claimed_at, run_id, cancel_asked_at from batch_item
         where batch_id = ${batchId} and state in ('running', 'held') and cancel_asked_at is null and run_id is not null
           and submitted_at is null order by number limit ${unsubmitted})
        union all
        (select number, workflow_id, request, started_at::text as claimed_at, run_id, cancel_asked_at from batch_item
         where batch_id = ${batchId} and state in ('running', 'held') and cancel_asked_at is null and run_id is not null
           and submitted_at is not null order by number limit ${others})`.execute(this.db);
      return rows.map(toOpen);
    });
  }

  async cancelAsked(batchId: string, numbers: readonly number[]): Promise<void> {
    if (numbers.length === 0) return;
    await guarded('note which runs were cancelled', () =>
      sql`update batch_item set cancel_asked_at = coalesce(cancel_asked_at, clock_timestamp())
          where batch_id = ${batchId} and number = any(${[...numbers]}::integer[])`.execute(this.db),
    );
  }

  async setWaiting(batchId: string, waitingFor: BatchWaitingFor | null, detail: string | null): Promise<void> {
    await guarded('say what a batch waits for', () =>
      sql`update batch set waiting_for = ${waitingFor}, waiting_detail = ${detail}
          where id = ${batchId} and state <> 'ended'
            and (waiting_for is distinct from ${waitingFor} or waiting_detail is distinct from ${detail})`.execute(
        this.db,
      ),
    );
  }

  async setWindow(batchId: string, window: number): Promise<void> {
    await guarded('widen the window of a batch', () =>
      sql`update batch set "window" = ${window} where id = ${batchId} and "window" <> ${window}`.execute(this.db),
    );
  }

  async end(batchId: string, endedAs: BatchEndedAs): Promise<boolean> {
    return await guarded('end a batch', () =>
      this.db.transaction().execute(async (trx) => {
        // Locked first: an item that joins meanwhile is seen by the next statement, or finds the batch ended.
        await sql`select from batch where id = ${batchId} for update`.execute(trx);
        const { rows } = await sql<{ workflow_id: string }>`
          update batch set state = 'ended', ended_as = ${endedAs}, ended_at = clock_timestamp(), waiting_for = null,
            waiting_detail = case when ${endedAs} = 'failed' then waiting_detail end
          where id = ${batchId} and state <> 'ended' and not exists (
            select 1 from batch_item where batch_id = ${batchId} and state in ('pending', 'running', 'held')
          ) returning workflow_id`.execute(trx);
        const subject = rows[0]?.workflow_id;
        if (subject === undefined) return false;
        await writeAudit(trx, { action: 'batch-ended', subject, by: null, reason: null, details: { as: endedAs } });
        return true;
      }),
    );
  }

  private async setRuns(
    batchId: string,
    runs: readonly { number: number; runId: string }[],
    doing: string,
    checked: boolean,
  ): Promise<void> {
    if (runs.length === 0) return;
    const numbers = runs.map(({ number }) => number);
    const runIds = runs.map(({ runId }) => runId);
    await guarded(doing, () =>
      sql`update batch_item item set run_id = run.id,
            -- The run that was asked to end went on as another one.
            cancel_asked_at = case when run_id is not distinct from run.id then cancel_asked_at end,
            checked_at = case when ${checked} then clock_timestamp() else checked_at end
          from unnest(${numbers}::integer[], ${runIds}::text[]) as run(number, id)
          where item.batch_id = ${batchId} and item.number = run.number and item.state in ('running', 'held')
            and item.number = any(${numbers}::integer[])`.execute(this.db),
    );
  }
}

interface FactsRow {
  now: Date;
  running: number;
  held: number;
  in_review: number;
  unsubmitted: number;
  unsubmitted_usd: string;
  oldest_ms: number | null;
  has_pending: boolean;
  next_usd: string | null;
  has_pending_free: boolean;
  feeders: number;
}

interface ItemRow {
  number: number;
  workflow_id: string;
  request: unknown;
  claimed_at: string;
}

interface OpenRow {
  run_id: string | null;
  cancel_asked_at: Date | null;
}

function toClaimed(row: ItemRow): ClaimedItem {
  return { number: row.number, workflowId: row.workflow_id, request: row.request, claimedAt: row.claimed_at };
}

function toOpen(row: ItemRow & OpenRow): OpenItem {
  return { ...toClaimed(row), runId: row.run_id, cancelAsked: row.cancel_asked_at !== null };
}

/** A quarter of the time since `column`, within bounds of seconds: frequent after a recent event, later rare. */
function backOff(column: string, least: number, most: number) {
  return sql`least(greatest((clock_timestamp() - ${sql.ref(column)}) / 4, make_interval(secs => ${least})),
    make_interval(secs => ${most}))`;
}
