import { randomBytes } from 'node:crypto';
import { CompiledQuery, type Kysely, sql } from 'kysely';
import { LISTED_FOR_MS } from '../../contract/vendor-limits.js';
import { openDatabase } from '../db/database.js';
import { LedgerError, toLedgerError } from '../db/ledger-error.js';
import { DEFAULT_NAMESPACE } from '../db/migrate.js';
import { jsonText } from '../db/parameters.js';
import type { LedgerDatabase } from '../db/schema.js';
import type {
  BatchStaging,
  CombinedRecipe,
  Duplicate,
  LeftOutRow,
  OverlappingBatch,
  PaidOtherwise,
  RowProblem,
  StagedRequest,
  StagedTotals,
  UnpricedItem,
} from './batch-staging.js';
import type { NewBatch } from './batch-store.js';
import { createBatch } from './postgres-batch-store.js';
import * as statements from './staging-statements.js';

/**
 * Statement timeout in milliseconds. Far longer than in the rest of the ledger: a statement covers the whole backlog, and holds
 * no lock that others need.
 */
const STATEMENT_TIMEOUT_MS = 15 * 60_000;
/** Interval of this program's liveness updates, in milliseconds. */
const SAY_EVERY_MS = 60_000;
/** Tables of a program without a liveness update for so many seconds are dropped by the next one. */
const ABANDONED_AFTER_SECONDS = 3_600;
/** Longest FileId and problem that are kept as they were written, in characters. */
const MAX_WRITTEN = 200;
const MAX_PROBLEM = 2_000;

/**
 * Makes tables for one backlog, and drops those of killed programs.
 *
 * @param options.namespace Temporal's, of the batch to be created
 * @throws LedgerError
 */
export async function openBatchStaging(
  databaseUrl: string,
  { namespace = DEFAULT_NAMESPACE }: { namespace?: string } = {},
): Promise<BatchStaging> {
  const db = openDatabase(databaseUrl, { maxConnections: 2, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const id = randomBytes(5).toString('hex');
  try {
    await dropAbandoned(db);
    await db.transaction().execute(async (trx) => {
      await trx.insertInto('backlog').values({ id }).execute();
      for (const statement of statements.CREATE) {
        await trx.executeQuery(CompiledQuery.raw(statements.tablesOf(id, statement)));
      }
    });
  } catch (error) {
    await db.destroy();
    throw toLedgerError(error, 'make ready for a backlog');
  }
  return new PostgresBatchStaging(db, id, namespace);
}

async function dropAbandoned(db: Kysely<LedgerDatabase>): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select id from backlog where seen_at < clock_timestamp() - make_interval(secs => ${ABANDONED_AFTER_SECONDS})`.execute(
    db,
  );
  // Tables of another login cannot be dropped by this one, and are harmless.
  for (const { id } of rows) await drop(db, id).catch(() => undefined);
}

async function drop(db: Kysely<LedgerDatabase>, id: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.deleteFrom('backlog').where('id', '=', id).execute();
    const tables = statements.TABLES.map((table) => statements.tablesOf(id, table));
    await trx.executeQuery(CompiledQuery.raw(`drop table if exists ${tables.join(', ')}`));
  });
}

class PostgresBatchStaging implements BatchStaging {
  /** Rows that were added: a crash of the server may lose some. */
  private added = 0;
  private readonly saying: NodeJS.Timeout;

  constructor(
    private readonly db: Kysely<LedgerDatabase>,
    private readonly id: string,
    private readonly namespace: string,
  ) {
    // A failure shows at the next statement.
    const say = () => sql`update backlog set seen_at = clock_timestamp() where id = ${id}`.execute(db).catch(() => {});
    this.saying = setInterval(say, SAY_EVERY_MS);
    this.saying.unref();
  }

  async add(requests: readonly StagedRequest[]): Promise<void> {
    if (requests.length === 0) return;
    await this.run('take in rows of a backlog', statements.ADD, [
      requests.map(({ row }) => row),
      requests.map(({ request }) => request.subAppId),
      requests.map(({ request }) => request.fileId),
      requests.map(({ recipeHash }) => recipeHash),
      requests.map(({ request }) => request.payAgain?.token ?? ''),
      requests.map(({ workflowId }) => workflowId),
      requests.map(({ request }) => jsonText(request)),
    ]);
    this.added += requests.length;
  }

  async addProblems(problems: readonly RowProblem[]): Promise<void> {
    if (problems.length === 0) return;
    await this.run('note problems of a backlog', statements.ADD_PROBLEMS, [
      problems.map(({ row }) => row),
      problems.map(({ fileId }) => fileId?.slice(0, MAX_WRITTEN) ?? null),
      problems.map(({ problem }) => problem.slice(0, MAX_PROBLEM)),
    ]);
  }

  async loaded(): Promise<void> {
    for (const statement of statements.INDEX) await this.run('index a backlog', statement);
  }

  async dropDuplicates(): Promise<void> {
    await this.run('find duplicates', statements.REFUSE_UNEQUAL_DUPLICATES);
    await this.run('drop duplicates', statements.DROP_DUPLICATES);
    await this.run('find keys that are used twice', statements.REFUSE_SHARED_KEYS);
  }

  async refuseVariants(combined: readonly CombinedRecipe[]): Promise<void> {
    await this.run('find files with two recipes', statements.REFUSE_VARIANTS, [
      combined.map(({ of }) => of[0]),
      combined.map(({ of }) => of[1]),
      combined.map(({ by }) => by),
    ]);
  }

  async dropOwnResults(): Promise<void> {
    await this.run('find results of earlier erases', statements.DROP_OWN_RESULTS);
  }

  async dropPaid({ keep }: { keep: boolean }): Promise<void> {
    await this.run('find what was paid for before', statements.MARK_PAID, [LISTED_FOR_MS / 1_000]);
    await this.run('drop what was paid for before', keep ? statements.KEEP_PAID : statements.DROP_PAID);
  }

  async dropFailed(): Promise<void> {
    await this.run('drop what was paid for and failed', statements.DROP_FAILED);
  }

  async leftOut(limit: number): Promise<LeftOutRow[]> {
    const rows = await this.run<LeftOutRow & { row: string | null; file_id: string; task_id: string | null }>(
      'list what was paid for before',
      statements.LEFT_OUT,
      [limit],
    );
    return rows.map(({ row, file_id: fileId, kind, task_id: taskId }) => ({
      row: numberOrNull(row),
      fileId,
      kind,
      taskId,
    }));
  }

  async paidOtherwise(limit: number): Promise<PaidOtherwise> {
    const doing = 'find files that were paid for under another recipe';
    const [counts] = await this.run<{ items: string; same: string }>(doing, statements.COUNT_PAID_OTHERWISE);
    const items = Number(counts?.items ?? 0);
    const rows =
      items === 0
        ? []
        : await this.run<{ row: string | null; file_id: string; recipe: string; before: string | null }>(
            doing,
            statements.LIST_PAID_OTHERWISE,
            [limit],
          );
    return {
      items,
      sameRecipe: Number(counts?.same ?? 0),
      first: rows.map(({ row, file_id: fileId, recipe, before }) => ({
        row: numberOrNull(row),
        fileId,
        recipe,
        before,
      })),
    };
  }

  async namedResults(): Promise<number> {
    const [counted] = await this.run<{ items: string }>(
      'find results of earlier erases',
      statements.COUNT_NAMED_RESULTS,
    );
    return Number(counted?.items ?? 0);
  }

  async *unreadFiles(
    freshSeconds: number,
    pageSize: number,
  ): AsyncGenerator<{ subAppId: number; fileIds: string[] }, void, undefined> {
    await this.run('find files of unknown length', statements.LIST_UNREAD, [freshSeconds]);
    for (let after = '0'; ; ) {
      const rows = await this.run<{ id: string; sub_app_id: string; file_id: string }>(
        'list files of unknown length',
        statements.UNREAD_PAGE,
        [after, pageSize],
      );
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.id;
      for (const subAppId of new Set(rows.map((row) => row.sub_app_id))) {
        const files = rows.filter((row) => row.sub_app_id === subAppId);
        yield { subAppId: Number(subAppId), fileIds: files.map((row) => row.file_id) };
      }
    }
  }

  async countUnread(): Promise<number> {
    const [counted] = await this.run<{ files: string }>('count files of unknown length', statements.COUNT_UNREAD);
    return Number(counted?.files ?? 0);
  }

  async refuseSubApp(subAppId: number, problem: string): Promise<void> {
    await this.run('note rows of a sub-application', statements.REFUSE_SUB_APP, [subAppId, problem]);
  }

  async refuseFiles(subAppId: number, files: readonly { fileId: string; problem: string }[]): Promise<void> {
    if (files.length === 0) return;
    await this.run('note files that do not fit', statements.REFUSE_FILES, [
      subAppId,
      files.map(({ fileId }) => fileId),
      files.map(({ problem }) => problem),
    ]);
  }

  async refuseMissing(subAppId: number, fileIds: readonly string[]): Promise<void> {
    if (fileIds.length === 0) return;
    await this.run('note files that are missing', statements.REFUSE_MISSING, [subAppId, fileIds]);
  }

  async *unpriced(pageSize: number): AsyncGenerator<UnpricedItem[], void, undefined> {
    for (let after = '0'; ; ) {
      const items = await this.run<UnpricedItem>('read a backlog', statements.UNPRICED_PAGE, [after, pageSize]);
      const last = items.at(-1);
      if (last === undefined) return;
      after = last.number;
      yield items;
    }
  }

  async price(prices: readonly { number: string; usd: number }[]): Promise<void> {
    if (prices.length === 0) return;
    await this.run('price a backlog', statements.PRICE, [
      prices.map(({ number }) => number),
      prices.map(({ usd }) => usd),
    ]);
  }

  async totals(): Promise<StagedTotals> {
    const doing = 'add up a backlog';
    await this.mustBeWhole(this.db, doing);
    await this.run(doing, statements.PRICED);
    const [sums] = await this.run<statements.Sums>(doing, statements.SUMS);
    const byRecipe = await this.run<{ recipe: string; items: string; usd: string }>(doing, statements.BY_RECIPE);
    const bySubApp = await this.run<{ sub_app_id: string; items: string }>(doing, statements.BY_SUB_APP);
    const count = (name: keyof statements.Sums) => Number(sums?.[name] ?? 0);
    return {
      items: count('items'),
      duplicates: count('duplicates'),
      ownResults: count('own_results'),
      paidBefore: {
        done: count('done'),
        underWay: count('under_way'),
        lost: count('lost'),
        rejected: count('rejected'),
        failed: count('failed'),
      },
      kept: count('kept'),
      paidAgain: count('paid_again'),
      estimatedUsd: count('usd'),
      durationSeconds: count('seconds'),
      unknownDuration: count('unknown_duration'),
      unknownSize: count('unknown_size'),
      byRecipe: byRecipe.map(({ recipe, items, usd }) => ({ recipe, items: Number(items), estimatedUsd: Number(usd) })),
      bySubApp: bySubApp.map(({ sub_app_id, items }) => ({ subAppId: Number(sub_app_id), items: Number(items) })),
      problems: count('problems'),
    };
  }

  async duplicates(limit: number): Promise<Duplicate[]> {
    const rows = await this.run<{ row: string | null; file_id: string; first_row: string | null }>(
      'list duplicates',
      statements.DUPLICATES,
      [limit],
    );
    return rows.map(({ row, file_id, first_row }) => ({
      row: numberOrNull(row),
      fileId: file_id,
      firstRow: numberOrNull(first_row),
    }));
  }

  async *problems(pageSize: number): AsyncGenerator<RowProblem[], void, undefined> {
    await this.run('sort problems of a backlog', statements.SORT_PROBLEMS);
    for (let after = '0'; ; ) {
      const rows = await this.run<{ place: string; row: string | null; file_id: string | null; problem: string }>(
        'list problems of a backlog',
        statements.PROBLEM_PAGE,
        [after, pageSize],
      );
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.place;
      yield rows.map(({ row, file_id, problem }) => ({ row: numberOrNull(row), fileId: file_id, problem }));
    }
  }

  async overlapping(): Promise<OverlappingBatch[]> {
    const rows = await this.run<{ batch_id: string; namespace: string; items: string }>(
      'compare a backlog with the batches that run',
      statements.OVERLAPPING,
    );
    return rows.map(({ batch_id, namespace, items }) => ({ batchId: batch_id, namespace, items: Number(items) }));
  }

  async notIn(batchId: string): Promise<number> {
    const rows = await this.run<{ items: string }>('compare a backlog with a batch', statements.NOT_IN, [batchId]);
    return Number(rows[0]?.items ?? 0);
  }

  async copy(batch: NewBatch): Promise<boolean> {
    const doing = `write the batch ${batch.id}`;
    try {
      return await this.db.transaction().execute((trx) =>
        createBatch(trx, { ...batch, namespace: this.namespace }, async () => {
          await this.mustBeWhole(trx, doing);
          await trx.executeQuery(this.statement(statements.INSERT_ITEMS, [batch.id]));
        }),
      );
    } catch (error) {
      throw this.named(error, doing);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.saying);
    // Tables that cannot be dropped now are dropped by a later program.
    await drop(this.db, this.id).catch(() => undefined);
    await this.db.destroy();
  }

  private async run<Row extends object>(doing: string, text: string, values: unknown[] = []): Promise<Row[]> {
    try {
      // In a transaction, so that its timeout applies whatever the session's settings.
      const { rows } = await this.db
        .transaction()
        .execute((trx) => trx.executeQuery<Row>(this.statement(text, values)));
      return rows;
    } catch (error) {
      throw this.named(error, doing);
    }
  }

  private statement(text: string, values: unknown[] = []): CompiledQuery<never> {
    return CompiledQuery.raw(statements.tablesOf(this.id, text), values) as CompiledQuery<never>;
  }

  /** @throws LedgerError when rows were lost */
  private async mustBeWhole(db: Kysely<LedgerDatabase>, doing: string): Promise<void> {
    try {
      const { rows } = await db.executeQuery<{ count: string }>(this.statement(statements.COUNT));
      if (Number(rows[0]?.count) !== this.added) throw new LedgerError('unavailable', gone(doing));
    } catch (error) {
      throw this.named(error, doing);
    }
  }

  /** Missing tables are those of this backlog, not of the ledger. */
  private named(error: unknown, doing: string): LedgerError {
    const { code, message } = (error ?? {}) as { code?: string; message?: string };
    if (code !== '42P01' || !message?.includes(`staged_${this.id}`)) return toLedgerError(error, doing);
    return new LedgerError('unavailable', gone(doing), { cause: error });
  }
}

function gone(doing: string): string {
  return `Cannot ${doing}: what was read of the backlog is gone, as the database crashed or this program stood still for an hour. Nothing was started: run it again.`;
}

function numberOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}
