import { type Kysely, type Selectable, sql } from 'kysely';
import {
  type BatchCounts,
  type BatchItemState,
  type BatchSettings,
  type BatchSnapshot,
  noCounts,
  shownState,
} from '../../contract/batch.js';
import type { BatchTable, LedgerDatabase } from '../db/schema.js';
import { findOpenBreaker } from '../holds/breaker-store.js';

type Db = Kysely<LedgerDatabase>;

/** Rates cover the last seconds: long enough to be stable, short enough to follow a change. */
const RATE_SECONDS = 60;
const DAY_MS = 86_400_000;
/** An end further away than this is no forecast, in days. */
const FURTHEST_ETA_DAYS = 365;

/** One statement, so one moment: an item has one state, and the numbers add up. */
export async function countItems(db: Db, batchId: string): Promise<BatchCounts> {
  const { rows } = await sql<{ state: BatchItemState; count: string }>`
    select state, count(*) as count from batch_item where batch_id = ${batchId} group by state`.execute(db);
  const counts = noCounts();
  for (const { state, count } of rows) {
    counts[state] = Number(count);
    counts.total += Number(count);
  }
  return counts;
}

/** Everything in one transaction that sees one moment. */
export async function takeSnapshot(db: Db, batchId: string): Promise<BatchSnapshot | null> {
  return await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      const { rows } = await sql<Selectable<BatchTable> & { now: Date }>`
        select *, clock_timestamp() as now from batch where id = ${batchId}`.execute(trx);
      const row = rows[0];
      if (row === undefined) return null;
      const counts = await countItems(trx, batchId);
      const recent = await recentNumbers(trx, batchId);
      const holds = await openHolds(trx, batchId);
      const breaker = row.state === 'ended' ? null : await breakerOf(trx, batchId);
      const untilMs = (row.ended_at ?? row.now).getTime();
      const seconds = Math.min(RATE_SECONDS, Math.max(1, (untilMs - row.created_at.getTime()) / 1_000));
      const endedPerSecond = row.state === 'ended' ? 0 : recent.ended / seconds;
      const left = counts.pending + counts.running;
      // Items that wait for a person have no forecast.
      const goesOn = row.state !== 'paused' && row.waiting_for === null;
      const etaMs = goesOn && endedPerSecond > 0 && left > 0 ? (left / endedPerSecond) * 1_000 : null;
      return {
        batchId,
        state: shownState(row.state, row.waiting_for),
        waitingFor: row.waiting_for,
        waitingDetail: row.waiting_detail,
        endedAs: row.ended_as,
        asOf: row.now.toISOString(),
        counts,
        window: row.window,
        settings: row.settings as BatchSettings,
        submitsPerSecond: row.state === 'ended' ? 0 : rounded(recent.submits / seconds),
        endedPerSecond: rounded(endedPerSecond),
        etaAt:
          etaMs === null || etaMs > FURTHEST_ETA_DAYS * DAY_MS
            ? null
            : new Date(row.now.getTime() + etaMs).toISOString(),
        estimatedUsd: row.estimated_usd === null ? null : Number(row.estimated_usd),
        spentUsd: recent.spentUsd,
        holds,
        inReview: recent.inReview,
        breaker,
        parentBatchId: row.parent_batch_id,
        createdAt: row.created_at.toISOString(),
        endedAt: row.ended_at?.toISOString() ?? null,
      };
    });
}

async function recentNumbers(db: Db, batchId: string) {
  const { rows } = await sql<{ submits: string; ended: string; in_review: string; spent: string | null }>`
    select
      (select count(*) from batch join batch_item as item on item.batch_id = batch.id
         join run_phase on run_phase.namespace = batch.namespace and run_phase.workflow_id = item.workflow_id
         where batch.id = ${batchId} and item.state = 'running' and phase = 'review') as in_review,
      (select count(*) from submission where batch_id = ${batchId} and state = 'accepted'
         and place_at > clock_timestamp() - make_interval(secs => ${RATE_SECONDS})) as submits,
      (select count(*) from batch_item where batch_id = ${batchId} and started_at is not null
         and ended_at > clock_timestamp() - make_interval(secs => ${RATE_SECONDS})) as ended,
      (select sum(cost_usd) from submission where batch_id = ${batchId} and cost_day is not null) as spent`.execute(db);
  const row = rows[0];
  return {
    submits: Number(row?.submits ?? 0),
    ended: Number(row?.ended ?? 0),
    inReview: Number(row?.in_review ?? 0),
    spentUsd: Number(Number(row?.spent ?? 0).toFixed(6)),
  };
}

async function openHolds(db: Db, batchId: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ error_class: string; count: string }>`
    select hold.error_class, count(*) as count from batch_item item join batch on batch.id = item.batch_id
    join hold on hold.namespace = batch.namespace and hold.workflow_id = item.workflow_id
    where item.batch_id = ${batchId} and item.state = 'held' and hold.ended_at is null
    group by hold.error_class order by hold.error_class`.execute(db);
  return Object.fromEntries(rows.map((row) => [row.error_class, Number(row.count)]));
}

async function breakerOf(db: Db, batchId: string): Promise<BatchSnapshot['breaker']> {
  const scopes = ['account' as const, ...(await subAppsOf(db, batchId)).map((id) => `sub-app/${id}` as const)];
  const open = await findOpenBreaker(db, scopes);
  return open && { scope: open.scope, state: 'open', code: open.code, message: open.message };
}

/** Sub-applications of what has not ended; most batches have one. */
export async function subAppsOf(db: Db, batchId: string): Promise<number[]> {
  const { rows } = await sql<{ sub_app_id: string }>`
    select distinct sub_app_id from batch_item
    where batch_id = ${batchId} and state in ('pending', 'running', 'held')`.execute(db);
  return rows.map((row) => Number(row.sub_app_id));
}

function rounded(perSecond: number): number {
  return Math.round(perSecond * 100) / 100;
}
