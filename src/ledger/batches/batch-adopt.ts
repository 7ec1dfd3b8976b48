import { type Kysely, sql, type Transaction } from 'kysely';
import type { NormalizedEraseRequest } from '../../contract/request.js';
import { toLedgerError } from '../db/ledger-error.js';
import { jsonText } from '../db/parameters.js';
import type { LedgerDatabase } from '../db/schema.js';
import type { RowProblem } from './batch-staging.js';
import type { NewBatch } from './batch-store.js';
import { createBatch } from './postgres-batch-store.js';

/** A task or a result that another program paid for, checked with the vendor. */
export interface AdoptedItem {
  row: number;
  request: NormalizedEraseRequest;
  recipeHash: string;
  workflowId: string;
  taskId: string;
  /** ISO 8601, when the task was made; null: now. */
  placeAt: string | null;
  /** Set: it is done, with this result. Null: its task is waited for. */
  resultFileId: string | null;
}

export type Adopted =
  | { kind: 'created'; items: number }
  | { kind: 'exists' }
  /** Nothing was written. */
  | { kind: 'refused'; problems: RowProblem[] };

/** Records what another program paid for. Throws a `LedgerError`. */
export interface AdoptStore {
  /**
   * Writes the submissions and a batch of erases that wait for them, in one transaction. A task that the ledger has for another
   * erase, and an erase that has another task, are problems of their rows.
   */
  adopt(batch: NewBatch, items: readonly AdoptedItem[]): Promise<Adopted>;
}

/** Rows of one statement. */
const CHUNK = 1_000;

/** Found inside the transaction: rolls back what was written so far. */
class Refused extends Error {
  constructor(readonly problems: RowProblem[]) {
    super('refused');
  }
}

export function adoptStore(db: Kysely<LedgerDatabase>, namespace: string): AdoptStore {
  return {
    async adopt(batch, items) {
      try {
        const written = await db.transaction().execute((trx) => write(trx, { ...batch, namespace }, items));
        return written ? { kind: 'created', items: items.length } : { kind: 'exists' };
      } catch (error) {
        if (error instanceof Refused) return { kind: 'refused', problems: error.problems };
        throw toLedgerError(error, 'adopt tasks');
      }
    },
  };
}

async function write(
  trx: Transaction<LedgerDatabase>,
  batch: NewBatch & { namespace: string },
  items: readonly AdoptedItem[],
): Promise<boolean> {
  return await createBatch(trx, batch, async () => {
    const problems: RowProblem[] = [];
    // In one order everywhere: concurrent adoptions of the same files do not deadlock.
    const ordered = [...items].sort((a, b) => (identity(a) < identity(b) ? -1 : 1));
    for (let at = 0; at < ordered.length; at += CHUNK) {
      problems.push(...(await book(trx, batch.namespace, ordered.slice(at, at + CHUNK))));
    }
    if (problems.length > 0) throw new Refused(problems.sort((a, b) => (a.row ?? 0) - (b.row ?? 0)));
    for (let at = 0; at < items.length; at += CHUNK) {
      await trx
        .insertInto('batch_item')
        .values(items.slice(at, at + CHUNK).map((item, index) => itemRow(batch.id, at + index + 1, item)))
        .execute();
    }
  });
}

function identity({ request: { subAppId, fileId, payAgain }, recipeHash }: AdoptedItem): string {
  return `${subAppId}/${fileId}/${recipeHash}/${payAgain?.token ?? ''}`;
}

interface Locked {
  id: string;
  row: number;
}

interface BookedBefore {
  row: number;
  /** The newest task of the erase that was paid for and did not fail. */
  own: string | null;
  same: boolean;
  inDoubt: boolean;
  /** Another erase has the task. */
  taken: boolean;
  next: number;
}

async function book(
  trx: Transaction<LedgerDatabase>,
  namespace: string,
  items: readonly AdoptedItem[],
): Promise<RowProblem[]> {
  const byRow = new Map(items.map((item) => [item.row, item]));
  await trx
    .insertInto('erase')
    .values(
      items.map(({ request, recipeHash }) => ({
        sub_app_id: String(request.subAppId),
        file_id: request.fileId,
        recipe_hash: recipeHash,
        pay_token: request.payAgain?.token ?? '',
        pay_reason: request.payAgain?.reason ?? null,
        recipe: jsonText(request.recipe),
      })),
    )
    .onConflict((c) => c.constraint('erase_payment_identity').doNothing())
    .execute();
  const claims = jsonText(
    items.map(({ row, request, recipeHash, taskId }) => ({
      row,
      subAppId: request.subAppId,
      fileId: request.fileId,
      recipeHash,
      payToken: request.payAgain?.token ?? '',
      taskId,
    })),
  );
  const claim = sql`jsonb_to_recordset(${claims}::jsonb) as claim(row integer, "subAppId" bigint, "fileId" text,
    "recipeHash" text, "payToken" text, "taskId" text)`;
  const { rows: locked } = await sql<Locked>`
    select erase.id, claim.row from erase join ${claim} on erase.sub_app_id = claim."subAppId"
      and erase.file_id = claim."fileId" and erase.recipe_hash = claim."recipeHash" and erase.pay_token = claim."payToken"
    order by erase.id for update of erase`.execute(trx);
  const eraseOf = new Map(locked.map(({ row, id }) => [row, id]));
  const ids = jsonText(items.map(({ row, taskId }) => ({ row, id: Number(eraseOf.get(row)), taskId })));
  const { rows: before } = await sql<BookedBefore>`
    select claim.row, mine.own, coalesce(mine.same, false) as same, coalesce(mine.in_doubt, false) as "inDoubt",
      coalesce(other.erase_id <> claim.id, false) as taken, coalesce(mine.next, 1) as next
    from jsonb_to_recordset(${ids}::jsonb) as claim(row integer, id bigint, "taskId" text)
    left join submission as other on other.task_id = claim."taskId"
    left join lateral (
      select max(number) + 1 as next, bool_or(task_id = claim."taskId") as same, bool_or(state = 'sending') as in_doubt,
        max(task_id) filter (where outcome is null or outcome = 'succeeded') as own
      from submission where submission.erase_id = claim.id) as mine on true`.execute(trx);
  const problems: RowProblem[] = [];
  const fresh: { item: AdoptedItem; eraseId: string; number: number }[] = [];
  for (const { row, own, same, inDoubt, taken, next } of before) {
    const item = byRow.get(row);
    const eraseId = eraseOf.get(row);
    if (item === undefined || eraseId === undefined) continue;
    const problem = (text: string) => problems.push({ row, fileId: item.request.fileId, problem: text });
    if (taken) problem(`task ${item.taskId} stands in the ledger for another erase.`);
    else if (same) continue;
    else if (own !== null) problem(`this erase has the task ${own} in the ledger already.`);
    else if (inDoubt) problem('this erase has a submit in doubt: let it be found out first (`smart-erase status`).');
    else fresh.push({ item, eraseId, number: next });
  }
  if (problems.length === 0 && fresh.length > 0) await insertSubmissions(trx, namespace, fresh);
  return problems;
}

/** Neither cost nor batch: nothing was paid for them here. No run has them yet: the next run of the erase takes them up. */
async function insertSubmissions(
  trx: Transaction<LedgerDatabase>,
  namespace: string,
  fresh: readonly { item: AdoptedItem; eraseId: string; number: number }[],
): Promise<void> {
  const now = sql<Date>`clock_timestamp()`;
  await trx
    .insertInto('submission')
    .values(
      fresh.map(({ item, eraseId, number }) => ({
        erase_id: eraseId,
        number,
        state: 'accepted' as const,
        arms: 0,
        intent_at: item.placeAt === null ? now : new Date(item.placeAt),
        place_at: item.placeAt === null ? now : new Date(item.placeAt),
        answered_at: now,
        task_id: item.taskId,
        adopted: true,
        namespace,
        workflow_id: item.workflowId,
        run_id: '',
        requested_by: item.request.requestedBy ?? null,
        reason: item.request.reason ?? null,
        outcome: item.resultFileId === null ? null : ('succeeded' as const),
        outcome_at: item.resultFileId === null ? null : now,
        result_file_id: item.resultFileId,
        result: item.resultFileId === null ? null : jsonText({ files: [], finishedAt: null, requestId: null }),
      })),
    )
    .execute();
}

function itemRow(batchId: string, number: number, { row, request, recipeHash, workflowId }: AdoptedItem) {
  return {
    batch_id: batchId,
    number,
    row,
    sub_app_id: String(request.subAppId),
    file_id: request.fileId,
    recipe_hash: recipeHash,
    workflow_id: workflowId,
    request: jsonText({ ...request, batchId }),
    estimated_usd: 0,
    may_pay: false,
  };
}
