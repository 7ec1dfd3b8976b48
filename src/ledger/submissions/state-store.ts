import { type Kysely, sql } from 'kysely';
import type { BatchItemState } from '../../contract/batch.js';
import { guarded } from '../db/ledger-error.js';
import { namespacesIn } from '../db/migrate.js';
import type { BatchState, BatchWaitingFor, LatePhase, LedgerDatabase, SubmissionOutcome } from '../db/schema.js';

/**
 * The ledger's current state: numbers only, no name of a file, a task or a run. Breakers, spending, caps and throttling cover the
 * account; all else is about runs and tasks of this namespace.
 */
export interface LedgerState {
  /** By the database's clock. */
  asOf: Date;
  /** Open breakers, by what they cover. */
  breakers: { scope: 'account' | 'sub-app'; count: number }[];
  /** Runs that wait for an operator. */
  holds: { class: string; count: number; oldestSeconds: number }[];
  /** Intents whose outcome is not known: scheduled, in flight, or lost. */
  sending: { count: number; oldestSeconds: number };
  /** Paid tasks whose outcome is missing, and that the vendor still knows. */
  unread: { count: number; oldestSeconds: number };
  /** Runs that are past their task. */
  latePhases: { phase: Exclude<LatePhase, 'toReview'>; count: number }[];
  /** Paid tasks that the vendor has forgotten before their outcome was read. */
  forgotten: number;
  /** Tasks that ended, in all time. */
  outcomes: { outcome: SubmissionOutcome; count: number }[];
  /** Estimated, USD, from the counters that enforce the caps. */
  spentUsd: { day: number; total: number };
  /** For each kind of cap that is set, the most used one. */
  caps: { scope: 'all' | 'sub-app'; period: 'day' | 'total'; limitUsd: number; usedRatio: number }[];
  /** Where runs wait for tasks: seconds since the last complete read of the list of finished tasks; else 0. */
  watchAgeSeconds: number;
  /** Seconds for which every submit was throttled, with none accepted in between; 0 when that is not so. */
  throttledSeconds: number;
  /** Batches that have not ended. */
  batches: { state: BatchState; waitingFor: BatchWaitingFor | null; count: number }[];
  /** Items of those batches. */
  batchItems: { state: BatchItemState; count: number }[];
}

export interface StateStore {
  /**
   * @param vendorMemorySeconds for how long after its submit the vendor knows a task
   * @throws LedgerError
   */
  read(vendorMemorySeconds: number): Promise<LedgerState>;
  /** Temporal namespaces that have rows in the ledger. @throws LedgerError */
  namespaces(): Promise<string[]>;
}

export function openStateStore(db: Kysely<LedgerDatabase>, namespace: string): StateStore {
  return {
    read: (memorySeconds) => guarded('read how the ledger stands', () => readState(db, namespace, memorySeconds)),
    namespaces: () => guarded('read the namespaces of the ledger', () => namespacesIn(db)),
  };
}

/** One statement, so that all numbers are of one moment. */
async function readState(
  db: Kysely<LedgerDatabase>,
  namespace: string,
  vendorMemorySeconds: number,
): Promise<LedgerState> {
  const { rows } = await sql<{ state: LedgerState & { asOf: string } }>`
    with moment as (select clock_timestamp() as now, clock_timestamp() - make_interval(secs => ${vendorMemorySeconds}) as memory)
    select json_build_object(
      'asOf', now,
      'breakers', (${list(sql`
        select split_part(scope, '/', 1) as scope, count(*) as count from breaker group by 1`)}),
      'holds', (${list(sql`
        select error_class as class, count(*) as count, ${ageOf(sql`min(since)`)} as "oldestSeconds"
        from hold where ended_at is null and namespace = ${namespace} group by 1`)}),
      'sending', (
        select json_build_object('count', count(*), 'oldestSeconds', ${ageOf(sql`min(place_at)`)})
        from submission where state = 'sending' and namespace = ${namespace}),
      'unread', (
        select json_build_object('count', count(*), 'oldestSeconds', ${ageOf(sql`min(place_at)`)})
        from submission where state = 'accepted' and outcome is null and place_at > memory and namespace = ${namespace}),
      'latePhases', (${list(sql`
        select phase, count(*) as count from run_phase where phase <> 'toReview' and namespace = ${namespace} group by 1`)}),
      'forgotten', (
        select count(*) from submission
        where state = 'accepted' and outcome is null and place_at <= memory and namespace = ${namespace}),
      'outcomes', (${list(sql`
        select outcome, count(*) as count from submission
        where outcome is not null and namespace = ${namespace} group by 1`)}),
      'spentUsd', (
        select json_build_object(
          'day', coalesce(sum(spent_usd) filter (where period = 'day' and day = (now at time zone 'UTC')::date), 0),
          'total', coalesce(sum(spent_usd) filter (where period = 'total'), 0))
        from cap where scope = 'all'),
      'caps', (${list(sql`
        select distinct on (1, 2) split_part(scope, '/', 1) as scope, period, limit_usd as "limitUsd",
          case when limit_usd = 0 then 1
            when period = 'day' and day < (now at time zone 'UTC')::date then 0
            else spent_usd / limit_usd end as "usedRatio"
        from cap where limit_usd is not null and scope not like 'batch/%' order by 1, 2, 4 desc`)}),
      'watchAgeSeconds', (
        select coalesce(max(${ageOf(sql`coalesce(watch.good_at, (
          select min(place_at) from submission
            where state = 'accepted' and outcome is null and namespace = ${namespace}))`)}), 0)
        from (select distinct sub_app_id from waiter where watched and namespace = ${namespace}) as waited
        left join watch on watch.namespace = ${namespace} and watch.sub_app_id = waited.sub_app_id),
      'throttledSeconds', (select coalesce(max(${ageOf(sql`refused_since`)}), 0) from rate_limit),
      'batches', (${list(sql`
        select state, waiting_for as "waitingFor", count(*) as count from batch
        where state <> 'ended' and namespace = ${namespace} group by 1, 2`)}),
      'batchItems', (${list(sql`
        select item.state, count(*) as count from batch_item as item join batch on batch.id = item.batch_id
        where batch.state <> 'ended' and batch.namespace = ${namespace} group by 1`)})
    ) as state from moment`.execute(db);
  const state = rows[0]?.state;
  if (state === undefined) throw new Error('The ledger gave no answer about itself.');
  return { ...state, asOf: new Date(state.asOf) };
}

/** Seconds since a time; 0 when it is missing, or in the future, as a scheduled call may be. */
function ageOf(time: ReturnType<typeof sql>) {
  return sql`greatest(0, coalesce(extract(epoch from now - ${time}), 0))::double precision`;
}

function list(rows: ReturnType<typeof sql>) {
  return sql`select coalesce(json_agg(each), '[]') from (${rows}) as each`;
}
