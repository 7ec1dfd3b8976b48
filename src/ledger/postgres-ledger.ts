import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { type AuditEntry, writeAudit } from './audit/audit.js';
import { type AuditFilter, type AuditLine, auditLines } from './audit/audit-report.js';
import { type AdoptStore, adoptStore } from './batches/batch-adopt.js';
import type { BatchFeedStore } from './batches/batch-feed-store.js';
import { joinBatch } from './batches/batch-joining.js';
import { type RedriveStore, redriveStore } from './batches/batch-redrive.js';
import { type BatchReportStore, batchReportStore } from './batches/batch-report.js';
import type { BatchStore } from './batches/batch-store.js';
import { PostgresBatchFeedStore } from './batches/postgres-batch-feed-store.js';
import { PostgresBatchStore } from './batches/postgres-batch-store.js';
import { openDatabase } from './db/database.js';
import { LedgerError, toLedgerError } from './db/ledger-error.js';
import { DEFAULT_NAMESPACE, namespacesIn } from './db/migrate.js';
import { jsonText } from './db/parameters.js';
import type { BatchState, EraseTable, LedgerDatabase, SubmissionTable } from './db/schema.js';
import { checkLedger } from './db/server-facts.js';
import { type Breaker, type BreakerKey, type BreakerScope, scopesOf } from './holds/breaker.js';
import { closeBreaker, findOpenBreaker, listBreakers, openBreaker, takenSince } from './holds/breaker-store.js';
import {
  endHold,
  type HeldRun,
  type HoldEnd,
  type HoldFilter,
  type HoldRecord,
  listHolds,
  moveHold,
  type NewHold,
  recordHold,
  type SeenHold,
  unseenHolds,
} from './holds/hold-store.js';
import {
  type ArmedSubmission,
  type BeginOutcome,
  type Intent,
  type Ledger,
  MAX_UNKNOWN_ROUNDS,
  type PaymentIdentity,
  type ReviewWord,
  type StoredResult,
  type SubmissionKey,
  type SubmissionRecord,
  type SubmitError,
  type TaskOutcome,
} from './ledger.js';
import type { Cap, CapScope } from './money/cap.js';
import {
  type CapChange,
  CapReached,
  type CapRow,
  changeCap,
  checkCaps,
  countAgain,
  countStatement,
  listCaps,
  release,
} from './money/cap-store.js';
import { type CostFilter, type CostRow, reportCosts } from './money/cost-report.js';
import { type MediaStore, openMediaStore } from './money/media-store.js';
import { type PriceStore, priceStore } from './money/price-store.js';
import { type Decision, decide } from './submissions/decide.js';
import { type PhaseStore, phaseStore } from './submissions/phase-store.js';
import { readState, type StateStore } from './submissions/state-store.js';
import { openWatchStore, type WatchStore } from './watch/watch-store.js';

export interface LedgerOptions {
  /** Temporal's, of whoever opens it: runs, holds, waits, phases and batches of others are not shown. Default: `default`. */
  namespace?: string;
  /** Connections of this process; default 10. */
  maxConnections?: number;
}

type Row = Selectable<SubmissionTable> &
  Pick<Selectable<EraseTable>, 'sub_app_id' | 'file_id' | 'recipe_hash' | 'pay_token' | 'recipe'> & {
    since_place_ms: number;
  };

/** The ledger in PostgreSQL 14 or later. */
export function openLedger(databaseUrl: string, options: LedgerOptions = {}): Ledger {
  return new PostgresLedger(
    openDatabase(databaseUrl, { maxConnections: options.maxConnections }),
    options.namespace ?? DEFAULT_NAMESPACE,
  );
}

class PostgresLedger implements Ledger {
  readonly state: StateStore = {
    read: (memorySeconds) =>
      this.guard('read how the books stand', () => readState(this.db, this.namespace, memorySeconds)),
    namespaces: () => this.guard('read whose rows the ledger has', () => namespacesIn(this.db)),
  };

  readonly batches: BatchStore;

  readonly batchFeed: BatchFeedStore;
  readonly reports: BatchReportStore;
  readonly redrives: RedriveStore;
  readonly adoptions: AdoptStore;

  readonly watch: WatchStore;

  readonly phases: PhaseStore;

  readonly media: MediaStore;
  readonly prices: PriceStore;

  constructor(
    private readonly db: Kysely<LedgerDatabase>,
    readonly namespace: string,
  ) {
    this.batches = new PostgresBatchStore(db, namespace);
    this.batchFeed = new PostgresBatchFeedStore(db);
    this.reports = batchReportStore(db);
    this.redrives = redriveStore(db, namespace);
    this.adoptions = adoptStore(db, namespace);
    this.watch = openWatchStore(db, namespace);
    this.phases = phaseStore(db, namespace);
    this.media = openMediaStore(db);
    this.prices = priceStore(db, namespace);
  }

  async begin(intent: Intent): Promise<BeginOutcome> {
    // What nearly every first question comes to, by one statement: nothing was ever paid, nothing stops it, so the price is next.
    const isFirstQuestion = intent.costUsd === null && intent.request.neverPay !== true;
    if (isFirstQuestion && !(await this.isKnownOrStopped(intent))) return { kind: 'unpriced' };
    try {
      return await this.decideAndArm(intent);
    } catch (error) {
      if (error instanceof CapReached) return await this.limited(error, intent);
      throw error;
    }
  }

  /** A cap holds the run. A budget sends the item back to its batch, with the price that would have been booked. */
  private async limited({ cap, costUsd }: CapReached, intent: Intent): Promise<BeginOutcome> {
    const { scope, limitUsd: maxCostUsd, leftUsd } = cap;
    if (scope === 'all' || scope.startsWith('sub-app/')) {
      return { kind: 'capped', cap: { ...cap, scope: scope as CapScope }, costUsd };
    }
    const batchId = intent.request.batchId ?? '';
    await this.guard('note the price of an item', () =>
      sql`update batch_item set estimated_usd = ${costUsd}::numeric
          where batch_id = ${batchId} and workflow_id = ${intent.workflowId}`.execute(this.db),
    );
    const { resubmitAfterTaskId } = intent;
    const failed = resubmitAfterTaskId === null ? null : await this.findByTask(resubmitAfterTaskId);
    return { kind: 'overBudget', batchId, maxCostUsd, leftUsd, costUsd, failed };
  }

  private async isKnownOrStopped({ identity }: Intent): Promise<boolean> {
    return await this.guard('look for an erase in the ledger', async () => {
      const { rows } = await sql<{ found: boolean }>`
        select exists (
          select from submission join erase on erase.id = submission.erase_id
          where ${identity.payToken === '' ? isOfErase(identity) : isOfIdentity(identity)}
        ) or exists (
          select from breaker where scope in (${sql.join(scopesOf(identity.subAppId))})
        ) as found`.execute(this.db);
      return rows[0]?.found ?? true;
    });
  }

  private async decideAndArm(intent: Intent): Promise<BeginOutcome> {
    return await this.guard('write the intent of a submit', () =>
      this.db.transaction().execute(async (trx) => {
        const locked = await lockErase(trx, intent);
        const recent = locked.isNew ? [] : await recentSubmissions(trx, locked.eraseId);
        const elsewhere = locked.isPaidElsewhere ? await paidElsewhere(trx, intent.identity) : [];
        const asked = { ...intent, namespace: this.namespace, neverPay: intent.request.neverPay === true };
        const decision = decide(recent, asked, locked.nowMs, elsewhere);
        const closed = await takeIntoBatch(trx, decision, locked, intent, this.namespace);
        return closed ?? (await this.carryOut(trx, decision, locked, intent));
      }),
    );
  }

  private async carryOut(
    trx: Transaction<LedgerDatabase>,
    decision: Decision,
    { eraseId, nowMs, isNew, isStopped }: LockedErase,
    intent: Intent,
  ): Promise<BeginOutcome> {
    if (decision.kind === 'look') {
      return { ...decision, settlesInMs: decision.record.placeAt.getTime() + intent.settleMs - nowMs };
    }
    if (decision.kind !== 'arm') return decision;
    const submission = { eraseId, number: decision.number };
    const breaker = isStopped ? await findOpenBreaker(trx, scopesOf(intent.identity.subAppId)) : null;
    if (breaker !== null) return { kind: 'blocked', breaker };
    const { costUsd } = intent;
    if (costUsd === null) return { kind: 'unpriced' };
    if (decision.giveUp) {
      await trx
        .updateTable('submission')
        .set({ state: 'unknown' })
        .where('erase_id', '=', eraseId)
        .where('number', '=', decision.number - 1)
        .where('state', '=', 'sending')
        .execute();
    }
    const day = new Date(nowMs).toISOString().slice(0, 'YYYY-MM-DD'.length);
    return { kind: 'send', submission: await this.arm(trx, submission, intent, { costUsd, day, isNew }) };
  }

  /**
   * Counts the money and writes the intent, in the last statement before the commit. The counters are everybody's: so each process
   * locks them for no longer than its commit takes.
   */
  private async arm(
    trx: Transaction<LedgerDatabase>,
    key: SubmissionKey,
    intent: Intent,
    cost: { costUsd: number; day: string; isNew: boolean },
  ): Promise<ArmedSubmission> {
    const { rows } = await sql<{ arms: number; counters: CapRow[] }>`
      with counter as (${countStatement({ subAppId: intent.identity.subAppId, batchId: intent.request.batchId ?? null }, cost.costUsd, cost.day)})
      insert into submission (erase_id, number, state, arms, intent_at, place_at, workflow_id, run_id, requested_by, reason,
                              batch_id, cost_usd, cost_day, namespace)
      values (${key.eraseId}::bigint, ${key.number}::integer, 'sending', 1, clock_timestamp(),
             greatest(${intent.leavesAt ?? null}::timestamptz, clock_timestamp()),
             ${intent.workflowId}, ${intent.runId}, ${intent.request.requestedBy ?? null},
             ${intent.request.reason ?? null}, ${intent.request.batchId ?? null}, ${cost.costUsd}::numeric, ${cost.day}::date,
             ${this.namespace})
      on conflict (erase_id, number) do update set
        state = 'sending', arms = submission.arms + 1, place_at = excluded.place_at, answered_at = null,
        namespace = excluded.namespace, workflow_id = excluded.workflow_id, run_id = excluded.run_id,
        requested_by = excluded.requested_by, reason = excluded.reason, batch_id = excluded.batch_id,
        cost_usd = excluded.cost_usd, cost_day = excluded.cost_day,
        request_id = null, error_class = null, error_code = null, error_message = null, said_duplicate = false
        -- Of an erase that was taken for new nobody has looked at what may have been paid for.
        where ${!cost.isNew}
      returning arms, (select json_agg(counter) from counter) as counters`.execute(trx);
    const [row] = rows;
    if (row === undefined) throw resolvedByAnother();
    checkCaps(row.counters, cost.costUsd);
    return { ...key, arm: row.arms };
  }

  async postpone(key: ArmedSubmission, leavesAt: Date): Promise<void> {
    await this.guard('write when a submit leaves', async () => {
      const { numAffectedRows } = await sql`
        update submission set place_at = greatest(${leavesAt}::timestamptz, clock_timestamp())
        where erase_id = ${key.eraseId}::bigint and number = ${key.number}::integer and arms = ${key.arm}::integer
          and state = 'sending'`.execute(this.db);
      if (numAffectedRows === 0n) throw resolvedByAnother();
    });
  }

  async accepted(
    key: SubmissionKey,
    task: { taskId: string; requestId: string | null; adopted: boolean },
  ): Promise<SubmissionRecord | 'taken'> {
    return await this.guard('record an accepted submit', async () => {
      try {
        const plainly = await this.acceptPlainly(key, task);
        if (plainly !== null) return plainly;
        await this.acceptWithConsequences(key, task);
      } catch (error) {
        if ((error as { constraint?: string }).constraint === 'submission_task_id_key') return 'taken';
        throw error;
      }
      const record = await this.one((q) =>
        q.where('submission.erase_id', '=', key.eraseId).where('number', '=', key.number),
      );
      if (record?.taskId === task.taskId) return record;
      throw new LedgerError(
        'unexpected',
        `Submission ${key.eraseId}/${key.number} already has the task ${record?.taskId ?? '?'}; the vendor also accepted ${task.taskId}. One of them is a duplicate that was paid for.`,
      );
    });
  }

  /** What nearly every answer comes to, by one statement. Null: not this one; nothing is written. */
  private async acceptPlainly(
    { eraseId, number }: SubmissionKey,
    { taskId, requestId, adopted }: { taskId: string; requestId: string | null; adopted: boolean },
  ): Promise<SubmissionRecord | null> {
    const { rows } = await sql<Row>`
      with accepted as (
        update submission set state = 'accepted', task_id = ${taskId}, request_id = ${requestId},
          adopted = ${adopted}, answered_at = clock_timestamp()
        where erase_id = ${eraseId}::bigint and number = ${number}::integer and task_id is null
          and (cost_day is not null or cost_usd is null)
        returning *
      )
      select accepted.*, ${sql.raw(OF_ERASE.join(', '))}, ${sincePlaceMs('accepted')} as since_place_ms
      from accepted join erase on erase.id = accepted.erase_id`.execute(this.db);
    return rows[0] === undefined ? null : toRecord(rows[0]);
  }

  /** What was given back is counted again. */
  private async acceptWithConsequences(
    key: SubmissionKey,
    task: { taskId: string; requestId: string | null; adopted: boolean },
  ): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      const updated = await trx
        .updateTable('submission')
        .set({
          state: 'accepted',
          task_id: task.taskId,
          request_id: task.requestId,
          adopted: task.adopted,
          answered_at: sql<Date>`clock_timestamp()`,
        })
        .where('erase_id', '=', key.eraseId)
        .where('number', '=', key.number)
        .where('task_id', 'is', null)
        .returning(['cost_day', 'cost_usd'])
        .executeTakeFirst();
      if (updated === undefined) return;
      if (updated.cost_day === null && updated.cost_usd !== null) await countAgain(trx, key);
    });
  }

  async refused(
    key: ArmedSubmission,
    error: SubmitError,
    { trips }: { trips?: BreakerScope } = {},
  ): Promise<Breaker | null> {
    return await this.guard('record a refused submit', () =>
      this.db.transaction().execute(async (trx) => {
        const written = await note(trx, key, { state: 'refused', ...errorColumns(error) });
        // Repeated, or too late: what else a refusal does was done with the first one, or is no longer this one's to do.
        if (!written) return trips === undefined ? null : await findOpenBreaker(trx, [trips]);
        const breaker = trips === undefined ? null : await openBreaker(trx, trips, error, await workflowOf(trx, key));
        await release(trx, key);
        return breaker;
      }),
    );
  }

  async doubted(key: ArmedSubmission, error: SubmitError & { saidDuplicate: boolean }): Promise<void> {
    await this.guard('record a submit in doubt', async () => {
      await note(this.db, key, { said_duplicate: error.saidDuplicate, ...errorColumns(error) });
    });
  }

  async giveUp({ eraseId, number }: SubmissionKey, settleMs: number): Promise<boolean> {
    return await this.guard('give up a submit in doubt', async () => {
      const { numAffectedRows } = await sql`
        update submission set state = 'unknown'
        where erase_id = ${eraseId}::bigint and number = ${number}::integer and state = 'sending'
          and place_at + make_interval(secs => ${settleMs / 1_000}::double precision) <= clock_timestamp()`.execute(
        this.db,
      );
      return (numAffectedRows ?? 0n) > 0n;
    });
  }

  async findByTask(taskId: string): Promise<SubmissionRecord | null> {
    return await this.guard('find a task in the ledger', () => this.one((q) => q.where('task_id', '=', taskId)));
  }

  async findLatest(identity: PaymentIdentity): Promise<SubmissionRecord | null> {
    return await this.guard('find an erase in the ledger', () =>
      this.one((q) => q.where(isOfIdentity(identity)).orderBy('number', 'desc').limit(1)),
    );
  }

  async knownTasks(taskIds: string[]): Promise<Map<string, SubmissionKey>> {
    if (taskIds.length === 0) return new Map();
    const rows = await this.guard('look up tasks in the ledger', () =>
      this.db
        .selectFrom('submission')
        .select(['task_id', 'erase_id', 'number'])
        .where('task_id', 'in', taskIds)
        .execute(),
    );
    return new Map(rows.map((r) => [r.task_id ?? '', { eraseId: r.erase_id, number: r.number }]));
  }

  async recordOutcome(taskId: string, outcome: TaskOutcome): Promise<void> {
    await this.guard('record how a task ended', () =>
      this.db.transaction().execute(async (trx) => {
        const ended = await trx
          .updateTable('submission')
          .set({
            outcome: outcome.outcome,
            outcome_at: sql<Date>`clock_timestamp()`,
            outcome_code: outcome.code,
            outcome_message: outcome.message,
            result_file_id: outcome.resultFileId,
            result: outcome.result === null ? null : jsonText(outcome.result),
          })
          .where('task_id', '=', taskId)
          .where('outcome', 'is', null)
          .returning(['erase_id', 'number'])
          .executeTakeFirst();
        // Only a task that still waits can be aborted: it never ran, and is not billed.
        if (ended === undefined || outcome.outcome !== 'aborted') return;
        await release(trx, { eraseId: ended.erase_id, number: ended.number });
      }),
    );
  }

  async recordResultGone(taskId: string, gone: boolean): Promise<void> {
    await this.guard('record whether a result is in the library', () =>
      sql`update submission set result_gone_at = ${gone ? sql`coalesce(result_gone_at, clock_timestamp())` : null}
          where task_id = ${taskId} and (result_gone_at is null) = ${gone}`.execute(this.db),
    );
  }

  async recordReview(taskId: string, { decision, by, reason }: ReviewWord): Promise<void> {
    const rejected = decision === 'reject';
    await this.guard('record what a review came to', () =>
      this.db
        .updateTable('submission')
        .set({
          rejected_at: rejected ? sql<Date>`clock_timestamp()` : null,
          rejected_by: rejected ? by : null,
          rejected_reason: rejected ? reason : null,
        })
        .where('task_id', '=', taskId)
        .execute(),
    );
  }

  async trip(scope: BreakerScope, key: SubmissionKey, error: SubmitError): Promise<void> {
    await this.guard('open a breaker', () =>
      this.db.transaction().execute(async (trx) => {
        await openBreaker(trx, scope, error, await workflowOf(trx, key));
      }),
    );
  }

  async openBreaker(subAppId: number): Promise<Breaker | null> {
    return await this.guard('read the breaker', () => findOpenBreaker(this.db, scopesOf(subAppId)));
  }

  async listBreakers(): Promise<Breaker[]> {
    return await this.guard('read the breakers', () => listBreakers(this.db));
  }

  async closeBreaker(breaker: BreakerKey, decision: { by: string; reason: string }): Promise<Date> {
    return await this.guard('close a breaker', () =>
      this.db.transaction().execute((trx) => closeBreaker(trx, breaker, decision)),
    );
  }

  async takenSince(scope: BreakerScope, since: Date, run: { workflowId: string }): Promise<boolean> {
    return await this.guard('look for an accepted submit', () => takenSince(this.db, scope, since, run));
  }

  async changeCap(change: CapChange): Promise<boolean> {
    return await this.guard('change a cap', () => this.db.transaction().execute((trx) => changeCap(trx, change)));
  }

  async listCaps(): Promise<Cap[]> {
    return await this.guard('list the caps', () => listCaps(this.db));
  }

  async reportCosts(filter: CostFilter): Promise<CostRow[]> {
    return await this.guard('report the costs', () => reportCosts(this.db, filter));
  }

  async recordHold(hold: NewHold): Promise<Date> {
    return await this.guard('record a hold', () =>
      this.db.transaction().execute((trx) => recordHold(trx, this.namespace, hold)),
    );
  }

  async endHold(run: HeldRun, end: HoldEnd): Promise<void> {
    await this.guard('end a hold', () =>
      this.db.transaction().execute((trx) => endHold(trx, this.namespace, run, end)),
    );
  }

  async unseenHolds(forSeconds: number, limit: number): Promise<SeenHold[]> {
    return await this.guard('look after the holds', () => unseenHolds(this.db, this.namespace, forSeconds, limit));
  }

  async moveHold(run: HeldRun, runId: string): Promise<boolean> {
    return await this.guard('move a hold', () => moveHold(this.db, this.namespace, run, runId));
  }

  async listHolds(filter: HoldFilter = {}): Promise<HoldRecord[]> {
    return await this.guard('list the holds', () => listHolds(this.db, this.namespace, filter));
  }

  async writeAudit(entry: AuditEntry): Promise<void> {
    await this.guard('write the audit', () => writeAudit(this.db, entry));
  }

  async *auditLines(filter: AuditFilter): AsyncGenerator<AuditLine> {
    try {
      yield* auditLines(this.db, filter);
    } catch (error) {
      throw toLedgerError(error, 'read the audit');
    }
  }

  async check(): ReturnType<Ledger['check']> {
    return await this.guard('check the ledger', () => checkLedger(this.db));
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }

  private async one(
    narrow: (query: ReturnType<typeof selectSubmissions>) => ReturnType<typeof selectSubmissions>,
  ): Promise<SubmissionRecord | null> {
    const row = await narrow(selectSubmissions(this.db)).executeTakeFirst();
    return row === undefined ? null : toRecord(row);
  }

  private async guard<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof CapReached) throw error;
      throw toLedgerError(error, doing);
    }
  }
}

interface LockedErase {
  eraseId: string;
  /** By the database's clock, when it had the lock: what is settled then is so later, too. */
  nowMs: number;
  /** Made just now: nothing can have been submitted for it. */
  isNew: boolean;
  /** A breaker of its scopes is not closed. */
  isStopped: boolean;
  /** It has no token, and a further payment of the same file and recipe was made with one. */
  isPaidElsewhere: boolean;
  /** The batch that the request names, where the ledger has it. */
  batch: { state: BatchState; namespace: string; hasItem: boolean } | null;
}

/** Makes the erase's row where there is none, and locks it: two runs of one payment identity decide one after the other. */
async function lockErase(
  trx: Transaction<LedgerDatabase>,
  { identity, request, workflowId }: Intent,
): Promise<LockedErase> {
  const { id, now, is_new, is_stopped, is_paid_elsewhere, batch } = await trx
    .insertInto('erase')
    .values({
      sub_app_id: String(identity.subAppId),
      file_id: identity.fileId,
      recipe_hash: identity.recipeHash,
      pay_token: identity.payToken,
      pay_reason: request.payAgain?.reason ?? null,
      recipe: jsonText(request.recipe),
    })
    .onConflict((c) => c.constraint('erase_payment_identity').doUpdateSet({ file_id: identity.fileId }))
    .returning([
      'id',
      sql<Date>`clock_timestamp()`.as('now'),
      // PostgreSQL: a row that this statement inserted has no transaction that updated it.
      sql<boolean>`xmax = 0`.as('is_new'),
      sql<boolean>`exists (select from breaker where scope in (${sql.join(scopesOf(identity.subAppId))}))`.as(
        'is_stopped',
      ),
      sql<boolean>`${identity.payToken === ''} and exists (select from erase other where other.sub_app_id = ${String(identity.subAppId)}
        and other.file_id = ${identity.fileId} and other.recipe_hash = ${identity.recipeHash} and other.pay_token <> '')`.as(
        'is_paid_elsewhere',
      ),
      sql<
        LockedErase['batch']
      >`(select json_build_object('state', batch.state, 'namespace', batch.namespace, 'hasItem', exists (
          select from batch_item where batch_id = batch.id and workflow_id = ${workflowId}))
        from batch where id = ${request.batchId ?? null})`.as('batch'),
    ])
    .executeTakeFirstOrThrow();
  return {
    eraseId: id,
    nowMs: now.getTime(),
    isNew: is_new,
    isStopped: is_stopped,
    isPaidElsewhere: is_paid_elsewhere,
    batch,
  };
}

/**
 * Whatever carries a batch's id is an item of that batch. One that is being cancelled, or has ended, pays for nothing more.
 *
 * @returns why the batch does not take it; null when it is an item, or names no batch that the ledger has
 */
async function takeIntoBatch(
  trx: Transaction<LedgerDatabase>,
  decision: Decision,
  { batch }: LockedErase,
  { identity, request, workflowId, runId, costUsd }: Intent,
  namespace: string,
): Promise<BeginOutcome | null> {
  const { batchId } = request;
  if (batch === null || batchId === undefined) return null;
  const pays = decision.kind === 'arm';
  const { state, hasItem } = batch;
  if (batch.namespace !== namespace) return { kind: 'batchClosed', batchId, state: 'otherNamespace' };
  if (pays && (state === 'ended' || state === 'cancelling')) return { kind: 'batchClosed', batchId, state };
  // Its price is not known yet: it asks again with one.
  if (hasItem || (pays && costUsd === null)) return null;
  const estimatedUsd = pays ? costUsd : 0;
  const { recipeHash } = identity;
  const joined = await joinBatch(trx, { batchId, workflowId, runId, request, recipeHash, estimatedUsd });
  return joined ? null : { kind: 'batchClosed', batchId, state: 'ended' };
}

/** What further payments of a file and recipe made, or are making, newest first. */
const MOST_PAID_ELSEWHERE = 20;

async function paidElsewhere(trx: Transaction<LedgerDatabase>, identity: PaymentIdentity): Promise<SubmissionRecord[]> {
  const rows = await selectSubmissions(trx)
    .where(isOfErase(identity))
    .where('erase.pay_token', '<>', '')
    .where('submission.state', '=', 'accepted')
    .where((e) => e.or([e('submission.outcome', 'is', null), e('submission.outcome', '=', 'succeeded')]))
    .orderBy('place_at', 'desc')
    .limit(MOST_PAID_ELSEWHERE)
    .execute();
  return rows.map(toRecord);
}

/** Locked: a late answer, or a late call that is postponed, comes before the decision about them or after it, never in between. */
async function recentSubmissions(trx: Transaction<LedgerDatabase>, eraseId: string): Promise<SubmissionRecord[]> {
  const recent = await selectSubmissions(trx)
    .where('submission.erase_id', '=', eraseId)
    .orderBy('number', 'desc')
    .limit(MAX_UNKNOWN_ROUNDS + 1)
    .forUpdate('submission')
    .execute();
  return recent.map(toRecord);
}

function isOfErase({ subAppId, fileId, recipeHash }: PaymentIdentity) {
  return sql<boolean>`erase.sub_app_id = ${String(subAppId)} and erase.file_id = ${fileId} and erase.recipe_hash = ${recipeHash}`;
}

function isOfIdentity(identity: PaymentIdentity) {
  return sql<boolean>`${isOfErase(identity)} and erase.pay_token = ${identity.payToken}`;
}

function selectSubmissions(db: Kysely<LedgerDatabase>) {
  return db
    .selectFrom('submission')
    .innerJoin('erase', 'erase.id', 'submission.erase_id')
    .selectAll('submission')
    .select(OF_ERASE)
    .select(sincePlaceMs('submission').as('since_place_ms'));
}

/** Columns that a record has of its erase. */
const OF_ERASE = ['erase.sub_app_id', 'erase.file_id', 'erase.recipe_hash', 'erase.pay_token', 'erase.recipe'] as const;

function sincePlaceMs(table: string) {
  return sql<number>`extract(epoch from clock_timestamp() - ${sql.ref(`${table}.place_at`)})::double precision * 1000`;
}

function toRecord(row: Row): SubmissionRecord {
  return {
    key: { eraseId: row.erase_id, number: row.number },
    identity: {
      subAppId: Number(row.sub_app_id),
      fileId: row.file_id,
      recipeHash: row.recipe_hash,
      payToken: row.pay_token,
    },
    recipe: row.recipe,
    state: row.state,
    intentAt: row.intent_at,
    placeAt: row.place_at,
    placeAtHere: new Date(Date.now() - row.since_place_ms),
    answeredAt: row.answered_at,
    taskId: row.task_id,
    requestId: row.request_id,
    saidDuplicate: row.said_duplicate,
    adopted: row.adopted,
    error:
      row.error_class === null
        ? null
        : { class: row.error_class, code: row.error_code ?? '', message: row.error_message ?? '' },
    namespace: row.namespace,
    workflowId: row.workflow_id,
    runId: row.run_id,
    outcome: row.outcome,
    outcomeCode: row.outcome_code,
    outcomeMessage: row.outcome_message,
    resultFileId: row.result_file_id,
    result: row.result as StoredResult | null,
    resultGoneAt: row.result_gone_at,
    rejected:
      row.rejected_at === null ? null : { at: row.rejected_at, by: row.rejected_by, reason: row.rejected_reason ?? '' },
  };
}

/** False when the submission is resolved, or was armed again since. */
async function note(
  db: Kysely<LedgerDatabase>,
  key: ArmedSubmission,
  columns: Partial<{ state: 'refused'; said_duplicate: boolean }> & ReturnType<typeof errorColumns>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('submission')
    .set({ ...columns, answered_at: sql<Date>`clock_timestamp()` })
    .where('erase_id', '=', key.eraseId)
    .where('number', '=', key.number)
    .where('arms', '=', key.arm)
    .where('state', '=', 'sending')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

async function workflowOf(db: Kysely<LedgerDatabase>, key: SubmissionKey): Promise<string> {
  const { workflow_id } = await db
    .selectFrom('submission')
    .select('workflow_id')
    .where('erase_id', '=', key.eraseId)
    .where('number', '=', key.number)
    .executeTakeFirstOrThrow();
  return workflow_id;
}

function errorColumns(error: SubmitError) {
  return {
    error_class: error.class,
    error_code: error.code,
    error_message: error.message,
    request_id: error.requestId,
  };
}

function resolvedByAnother(): LedgerError {
  return new LedgerError('unexpected', 'The submission was resolved by somebody else before its call left.');
}
