import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { BatchCounts, BatchSettings, BatchSnapshot, BatchSource } from '../../contract/batch.js';
import { batchWorkflowId } from '../../contract/batch.js';
import { writeAudit } from '../audit/audit.js';
import { guarded } from '../db/ledger-error.js';
import { jsonText } from '../db/parameters.js';
import type { BatchItemTable, BatchTable, LedgerDatabase } from '../db/schema.js';
import { setBatchBudget } from '../money/cap-store.js';
import { changeOf } from './batch-change.js';
import { type JoiningErase, joinBatch } from './batch-joining.js';
import { countItems, takeSnapshot } from './batch-snapshot.js';
import type {
  BatchChange,
  BatchChanged,
  BatchFilter,
  BatchItem,
  BatchItemPage,
  BatchRecord,
  BatchStore,
  NewBatch,
  NewBatchItem,
} from './batch-store.js';

type Db = Kysely<LedgerDatabase>;

/** Rows of one insert: well below the 65,535 parameters of a statement. */
const INSERT_ROWS = 2_000;

export class PostgresBatchStore implements BatchStore {
  constructor(
    private readonly db: Db,
    private readonly namespace: string,
  ) {}

  async create(batch: NewBatch, items: readonly NewBatchItem[]): Promise<boolean> {
    return await guarded('write a batch', () =>
      this.db.transaction().execute((trx) =>
        createBatch(trx, { ...batch, namespace: this.namespace }, async () => {
          for (let at = 0; at < items.length; at += INSERT_ROWS) {
            await insertItems(trx, batch.id, items.slice(at, at + INSERT_ROWS));
          }
        }),
      ),
    );
  }

  async join(erase: JoiningErase): Promise<boolean> {
    return await guarded('make an erase an item of its batch', () =>
      this.db.transaction().execute((trx) => joinBatch(trx, erase)),
    );
  }

  async find(batchId: string): Promise<BatchRecord | null> {
    return await guarded('read a batch', () => findBatch(this.db, batchId));
  }

  async list({ ended, limit = 50 }: BatchFilter = {}): Promise<BatchRecord[]> {
    return await guarded('list the batches', async () => {
      let query = this.db
        .selectFrom('batch')
        .selectAll()
        .where('namespace', '=', this.namespace)
        .orderBy('created_at', 'desc')
        .limit(limit);
      if (ended !== undefined) query = query.where('state', ended ? '=' : '!=', 'ended');
      return (await query.execute()).map(toBatch);
    });
  }

  async counts(batchId: string): Promise<BatchCounts | null> {
    return await guarded('count the items of a batch', async () => {
      const counts = await countItems(this.db, batchId);
      return counts.total === 0 && (await findBatch(this.db, batchId)) === null ? null : counts;
    });
  }

  async snapshot(batchId: string): Promise<BatchSnapshot | null> {
    return await guarded('read how a batch stands', () => takeSnapshot(this.db, batchId));
  }

  async change(batchId: string, change: BatchChange): Promise<BatchChanged> {
    return await guarded('change a batch', () =>
      this.db.transaction().execute(async (trx) => {
        const row = await trx.selectFrom('batch').selectAll().where('id', '=', batchId).forUpdate().executeTakeFirst();
        if (row === undefined) return { kind: 'none' };
        const batch = toBatch(row);
        if (batch.namespace !== this.namespace) return { kind: 'elsewhere', batch };
        const changed = changeOf(batch, change);
        if (typeof changed === 'string') return { kind: changed, batch };
        const { rows } = await sql<Selectable<BatchTable>>`
          update batch set state = ${changed.state}, settings = ${jsonText(changed.settings)}::jsonb,
            waiting_for = ${changed.waitingFor}, waiting_detail = ${changed.waitingFor === null ? null : batch.waitingDetail},
            sample_passed_at = ${changed.samplePassed ? sql`coalesce(sample_passed_at, clock_timestamp())` : sql`sample_passed_at`}
          where id = ${batchId} returning *`.execute(trx);
        const after = rows[0];
        if (after === undefined) return { kind: 'none' };
        await setBatchBudget(trx, batchId, changed.settings.maxCostUsd);
        await writeAudit(trx, {
          action: `batch-${change.action}`,
          subject: batch.workflowId,
          by: change.by,
          reason: change.reason,
          details: change.settings === undefined ? null : { ...change.settings },
        });
        return { kind: 'changed', batch: toBatch(after) };
      }),
    );
  }

  async items(
    batchId: string,
    { afterNumber = 0, states, errorClass, errorCode, limit }: BatchItemPage,
  ): Promise<BatchItem[]> {
    return await guarded('read the items of a batch', async () => {
      let query = this.db
        .selectFrom('batch_item')
        .selectAll()
        .where('batch_id', '=', batchId)
        .where('number', '>', afterNumber)
        .orderBy('number')
        .limit(limit);
      if (states !== undefined) query = query.where('state', 'in', [...states]);
      if (errorClass !== undefined) query = query.where('error_class', '=', errorClass);
      if (errorCode !== undefined) query = query.where('error_code', '=', errorCode);
      return (await query.execute()).map(toItem);
    });
  }
}

/**
 * Writes a batch inside the caller's transaction: `copyItems` inserts its rows into `batch_item`, and the total is the number of
 * rows inserted. False when the batch exists: `copyItems` is then not called.
 */
export async function createBatch(
  trx: Transaction<LedgerDatabase>,
  batch: NewBatch & { namespace: string },
  copyItems: () => Promise<void>,
): Promise<boolean> {
  const { rows } = await sql`
    insert into batch (id, workflow_id, settings, source, total, estimated_usd, parent_batch_id, parent_relation,
                       requested_by, reason, namespace)
    values (${batch.id}, ${batchWorkflowId(batch.id, batch.prefix)}, ${jsonText(batch.settings)}::jsonb,
            ${jsonText(batch.source)}::jsonb, 0, ${batch.estimatedUsd}::numeric, ${batch.parent?.batchId ?? null},
            ${batch.parent?.relation ?? null}, ${batch.requestedBy}, ${batch.reason}, ${batch.namespace})
    on conflict (id) do nothing returning id`.execute(trx);
  if (rows.length === 0) return false;
  await setBatchBudget(trx, batch.id, batch.settings.maxCostUsd);
  await copyItems();
  // The planner learns of so many new rows only after a minute; until then a dispatcher would use plans for an empty table.
  await sql`analyze batch_item`.execute(trx);
  const { rows: counted } = await sql<{ total: number }>`
    update batch set total = (select count(*)::integer from batch_item where batch_id = ${batch.id})
    where id = ${batch.id} returning total`.execute(trx);
  await writeAudit(trx, {
    action: 'batch-created',
    subject: batchWorkflowId(batch.id, batch.prefix),
    by: batch.requestedBy,
    reason: batch.reason,
    details: { total: counted[0]?.total ?? 0, source: batch.source, settings: batch.settings, parent: batch.parent },
  });
  return true;
}

async function insertItems(
  trx: Transaction<LedgerDatabase>,
  batchId: string,
  items: readonly NewBatchItem[],
): Promise<void> {
  await trx
    .insertInto('batch_item')
    .values(
      items.map((item) => ({
        batch_id: batchId,
        number: item.number,
        row: item.row,
        sub_app_id: String(item.subAppId),
        file_id: item.fileId,
        recipe_hash: item.recipeHash,
        workflow_id: item.workflowId,
        request: jsonText(item.request),
        estimated_usd: item.estimatedUsd,
        may_pay: item.mayPay ?? true,
        state: item.done?.state ?? 'pending',
        ended_at: item.done === undefined ? null : sql<Date>`clock_timestamp()`,
        task_id: item.done?.taskId ?? null,
        result_file_id: item.done?.resultFileId ?? null,
        error_class: item.done?.errorClass ?? null,
        error_code: item.done?.errorCode ?? null,
        error_message: item.done?.errorMessage ?? null,
      })),
    )
    .execute();
}

export async function findBatch(db: Db, batchId: string): Promise<BatchRecord | null> {
  const row = await db.selectFrom('batch').selectAll().where('id', '=', batchId).executeTakeFirst();
  return row === undefined ? null : toBatch(row);
}

export function toBatch(row: Selectable<BatchTable>): BatchRecord {
  return {
    id: row.id,
    namespace: row.namespace,
    workflowId: row.workflow_id,
    state: row.state,
    waitingFor: row.waiting_for,
    waitingDetail: row.waiting_detail,
    endedAs: row.ended_as,
    settings: row.settings as BatchSettings,
    source: row.source as BatchSource,
    total: row.total,
    estimatedUsd: row.estimated_usd === null ? null : Number(row.estimated_usd),
    parentBatchId: row.parent_batch_id,
    parentRelation: row.parent_relation,
    requestedBy: row.requested_by,
    reason: row.reason,
    window: row.window,
    samplePassedAt: row.sample_passed_at,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}

export function toItem(row: Selectable<BatchItemTable>): BatchItem {
  return {
    number: row.number,
    row: row.row === null ? null : Number(row.row),
    subAppId: Number(row.sub_app_id),
    fileId: row.file_id,
    recipeHash: row.recipe_hash,
    workflowId: row.workflow_id,
    request: row.request,
    estimatedUsd: row.estimated_usd === null ? null : Number(row.estimated_usd),
    state: row.state,
    runId: row.run_id,
    startedAt: row.started_at,
    submittedAt: row.submitted_at,
    endedAt: row.ended_at,
    taskId: row.task_id,
    resultFileId: row.result_file_id,
    errorClass: row.error_class,
    errorCode: row.error_code,
    errorMessage: row.error_message,
    requestId: row.request_id,
    attempts: row.attempts,
    costUsd: row.cost_usd === null ? null : Number(row.cost_usd),
  };
}
