import { type Kysely, sql } from 'kysely';
import { guarded, LedgerError } from '../db/ledger-error.js';
import { jsonText } from '../db/parameters.js';
import type { LedgerDatabase } from '../db/schema.js';
import type { Breaker, BreakerScope } from '../holds/breaker.js';
import { findOpenBreaker, openBreaker } from '../holds/breaker-store.js';
import { countAgain, release } from '../money/cap-store.js';
import { begin } from './begin.js';
import {
  isOfIdentity,
  OF_ERASE,
  type Row,
  resolvedByAnother,
  selectSubmissions,
  sincePlaceMs,
  toRecord,
  workflowOf,
} from './records.js';
import type {
  BeginOutcome,
  Intent,
  PaymentIdentity,
  ReviewWord,
  SubmissionAttempt,
  SubmissionKey,
  SubmissionRecord,
  SubmitError,
  TaskOutcome,
} from './submission.js';
import type { SubmissionStore } from './submission-store.js';

/** Submissions in PostgreSQL. */
export class PostgresSubmissionStore implements SubmissionStore {
  constructor(
    private readonly db: Kysely<LedgerDatabase>,
    private readonly namespace: string,
  ) {}

  async begin(intent: Intent): Promise<BeginOutcome> {
    return await begin(this.db, this.namespace, intent);
  }

  async reschedule(key: SubmissionAttempt, scheduledAt: Date): Promise<void> {
    await guarded('write when a submit leaves', async () => {
      const { numAffectedRows } = await sql`
        update submission set place_at = greatest(${scheduledAt}::timestamptz, clock_timestamp())
        where erase_id = ${key.eraseId}::bigint and number = ${key.number}::integer and arms = ${key.attempt}::integer
          and state = 'sending'`.execute(this.db);
      if (numAffectedRows === 0n) throw resolvedByAnother();
    });
  }

  async accepted(
    key: SubmissionKey,
    task: { taskId: string; requestId: string | null; adopted: boolean },
  ): Promise<SubmissionRecord | 'taken'> {
    return await guarded('record an accepted submit', async () => {
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

  /** Fast path for most answers, in one statement. Null: not applicable; nothing is written. */
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

  /** The refunded amount is counted again. */
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
    key: SubmissionAttempt,
    error: SubmitError,
    { trips }: { trips?: BreakerScope } = {},
  ): Promise<Breaker | null> {
    return await guarded('record a refused submit', () =>
      this.db.transaction().execute(async (trx) => {
        const written = await note(trx, key, { state: 'refused', ...errorColumns(error) });
        // Repeated, or too late: the other effects of a refusal were applied with the first one, or no longer apply.
        if (!written) return trips === undefined ? null : await findOpenBreaker(trx, [trips]);
        const breaker = trips === undefined ? null : await openBreaker(trx, trips, error, await workflowOf(trx, key));
        await release(trx, key);
        return breaker;
      }),
    );
  }

  async markUnknown(key: SubmissionAttempt, error: SubmitError & { saidDuplicate: boolean }): Promise<void> {
    await guarded('record a submit whose outcome is unknown', async () => {
      await note(this.db, key, { said_duplicate: error.saidDuplicate, ...errorColumns(error) });
    });
  }

  async giveUp({ eraseId, number }: SubmissionKey, settleMs: number): Promise<boolean> {
    return await guarded('give up a submit in doubt', async () => {
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
    return await guarded('find a task in the ledger', () => this.one((q) => q.where('task_id', '=', taskId)));
  }

  async findLatest(identity: PaymentIdentity): Promise<SubmissionRecord | null> {
    return await guarded('find an erase in the ledger', () =>
      this.one((q) => q.where(isOfIdentity(identity)).orderBy('number', 'desc').limit(1)),
    );
  }

  async knownTasks(taskIds: string[]): Promise<Map<string, SubmissionKey>> {
    if (taskIds.length === 0) return new Map();
    const rows = await guarded('look up tasks in the ledger', () =>
      this.db
        .selectFrom('submission')
        .select(['task_id', 'erase_id', 'number'])
        .where('task_id', 'in', taskIds)
        .execute(),
    );
    return new Map(rows.map((r) => [r.task_id ?? '', { eraseId: r.erase_id, number: r.number }]));
  }

  async recordOutcome(taskId: string, outcome: TaskOutcome): Promise<void> {
    await guarded('record how a task ended', () =>
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
    await guarded('record whether a result is in the library', () =>
      sql`update submission set result_gone_at = ${gone ? sql`coalesce(result_gone_at, clock_timestamp())` : null}
          where task_id = ${taskId} and (result_gone_at is null) = ${gone}`.execute(this.db),
    );
  }

  async recordReview(taskId: string, { decision, by, reason }: ReviewWord): Promise<void> {
    const rejected = decision === 'reject';
    await guarded('record what a review came to', () =>
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

  private async one(
    narrow: (query: ReturnType<typeof selectSubmissions>) => ReturnType<typeof selectSubmissions>,
  ): Promise<SubmissionRecord | null> {
    const row = await narrow(selectSubmissions(this.db)).executeTakeFirst();
    return row === undefined ? null : toRecord(row);
  }
}

/** False when the submission is resolved, or has a newer attempt. */
async function note(
  db: Kysely<LedgerDatabase>,
  key: SubmissionAttempt,
  columns: Partial<{ state: 'refused'; said_duplicate: boolean }> & ReturnType<typeof errorColumns>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('submission')
    .set({ ...columns, answered_at: sql<Date>`clock_timestamp()` })
    .where('erase_id', '=', key.eraseId)
    .where('number', '=', key.number)
    .where('arms', '=', key.attempt)
    .where('state', '=', 'sending')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

function errorColumns(error: SubmitError) {
  return {
    error_class: error.class,
    error_code: error.code,
    error_message: error.message,
    request_id: error.requestId,
  };
}
