import { type Kysely, sql } from 'kysely';
import type { BatchSettings, BatchSource } from '../../contract/batch.js';
import type { ReportItem } from '../../contract/report.js';
import type { RecipeRequest } from '../../contract/request.js';
import { toLedgerError } from '../db/ledger-error.js';
import type { BatchEndedAs, BatchState, LedgerDatabase } from '../db/schema.js';

/** A batch as its report shows it. */
export interface ReportedBatch {
  batchId: string;
  workflowId: string;
  state: BatchState;
  endedAs: BatchEndedAs | null;
  settings: BatchSettings;
  source: BatchSource;
  total: number;
  estimatedUsd: number | null;
  parent: { batchId: string; relation: string } | null;
  requestedBy: string | null;
  reason: string | null;
  createdAt: Date;
  endedAt: Date | null;
  /** Now, by the database's clock. */
  now: Date;
}

/** Reads batches with their items, for reports. Writes nothing. */
export interface BatchReportStore {
  /** Null when there is no such batch. */
  batch(batchId: string): Promise<ReportedBatch | null>;
  /** Items in their order, page by page: memory does not grow with the batch. */
  items(batchId: string): AsyncGenerator<ReportItem>;
}

/** Items read at once. Ours: some hundred kilobytes. */
const PAGE = 1_000;

export function batchReportStore(db: Kysely<LedgerDatabase>): BatchReportStore {
  return {
    async batch(batchId) {
      return await guard('read a batch', () => readBatch(db, batchId));
    },
    async *items(batchId) {
      for (let after = 0; ; ) {
        const page = await guard('read the items of a batch', () => readPage(db, batchId, after));
        yield* page;
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return;
        after = last.number;
      }
    },
  };
}

async function readBatch(db: Kysely<LedgerDatabase>, batchId: string): Promise<ReportedBatch | null> {
  const row = await db
    .selectFrom('batch')
    .selectAll()
    .select(sql<Date>`clock_timestamp()`.as('now'))
    .where('id', '=', batchId)
    .executeTakeFirst();
  if (row === undefined) return null;
  return {
    batchId: row.id,
    workflowId: row.workflow_id,
    state: row.state,
    endedAs: row.ended_as,
    settings: row.settings as BatchSettings,
    source: row.source as BatchSource,
    total: row.total,
    estimatedUsd: usd(row.estimated_usd),
    parent: row.parent_batch_id === null ? null : { batchId: row.parent_batch_id, relation: row.parent_relation ?? '' },
    requestedBy: row.requested_by,
    reason: row.reason,
    createdAt: row.created_at,
    endedAt: row.ended_at,
    now: row.now,
  };
}

interface ItemRow {
  number: number;
  row: string | null;
  state: ReportItem['state'];
  file_id: string;
  sub_app_id: string;
  recipe: RecipeRequest;
  recipe_hash: string;
  workflow_id: string;
  run_id: string | null;
  task_id: string | null;
  result_file_id: string | null;
  class: string | null;
  code: string | null;
  message: string | null;
  request_id: string | null;
  attempts: number;
  estimated_usd: string | null;
  cost_usd: string | null;
  started_at: Date | null;
  ended_at: Date | null;
  requested_by: string | null;
}

async function readPage(db: Kysely<LedgerDatabase>, batchId: string, after: number): Promise<ReportItem[]> {
  // An item's hold reason comes from the hold while it is open.
  const { rows } = await sql<ItemRow>`
    select item.number, item.row, item.state, item.file_id, item.sub_app_id, item.request->'recipe' as recipe,
      item.recipe_hash, item.workflow_id, item.run_id, item.task_id, item.result_file_id,
      coalesce(item.error_class, held.error_class) as class, coalesce(item.error_code, held.error_code) as code,
      coalesce(item.error_message, held.message) as message, coalesce(item.request_id, held.request_id) as request_id,
      item.attempts, item.estimated_usd, item.cost_usd, item.started_at, item.ended_at,
      coalesce(item.request->>'requestedBy', batch.requested_by) as requested_by
    from batch_item as item
    join batch on batch.id = item.batch_id
    left join lateral (
      select error_class, error_code, message, request_id from hold
      where item.state = 'held' and hold.namespace = batch.namespace and hold.workflow_id = item.workflow_id and hold.ended_at is null
      order by hold.id desc limit 1) as held on true
    where item.batch_id = ${batchId} and item.number > ${after}::integer
    order by item.number limit ${PAGE}::integer`.execute(db);
  return rows.map((row) => ({
    number: row.number,
    row: row.row === null ? null : Number(row.row),
    state: row.state,
    fileId: row.file_id,
    subAppId: Number(row.sub_app_id),
    recipe: row.recipe,
    recipeHash: row.recipe_hash,
    workflowId: row.workflow_id,
    runId: row.run_id,
    taskId: row.task_id,
    resultFileId: row.result_file_id,
    class: row.class,
    code: row.code,
    message: row.message,
    requestId: row.request_id,
    attempts: row.attempts,
    estimatedUsd: usd(row.estimated_usd),
    costUsd: usd(row.cost_usd),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    requestedBy: row.requested_by,
    batchId,
  }));
}

function usd(value: string | number | null): number | null {
  return value === null ? null : Number(value);
}

async function guard<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toLedgerError(error, doing);
  }
}
