import { type Kysely, sql, type Transaction } from 'kysely';
import { joinBatch } from '../batches/batch-joining.js';
import { guarded, toLedgerError } from '../db/ledger-error.js';
import { jsonText } from '../db/parameters.js';
import type { BatchState, LedgerDatabase } from '../db/schema.js';
import { scopesOf } from '../holds/breaker.js';
import { findOpenBreaker } from '../holds/breaker-store.js';
import type { CapScope } from '../money/cap.js';
import { CapReached, type CapRow, checkCaps, countStatement } from '../money/cap-store.js';
import { type Decision, decide } from './decide.js';
import { isOfErase, isOfIdentity, resolvedByAnother, selectSubmissions, toRecord } from './records.js';
import {
  type BeginOutcome,
  type Intent,
  MAX_UNKNOWN_ROUNDS,
  type PaymentIdentity,
  type SubmissionAttempt,
  type SubmissionKey,
  type SubmissionRecord,
} from './submission.js';

type Db = Kysely<LedgerDatabase>;
type Trx = Transaction<LedgerDatabase>;

/**
 * Decides what a run that wants to submit has to do, and if that is to send, writes the intent: both in one transaction.
 *
 * @throws LedgerError
 */
export async function begin(db: Db, namespace: string, intent: Intent): Promise<BeginOutcome> {
  try {
    // Fast path in one statement for most first requests: nothing was paid, nothing stops it, so the price is next.
    const isFirstQuestion = intent.costUsd === null && intent.request.neverPay !== true;
    if (isFirstQuestion && !(await isKnownOrStopped(db, intent))) return { kind: 'unpriced' };
    return await db.transaction().execute(async (trx) => {
      const { decision, locked } = await decideNext(trx, namespace, intent);
      const closed = await takeIntoBatch(trx, decision, locked, intent, namespace);
      return closed ?? (await carryOut(trx, namespace, decision, locked, intent));
    });
  } catch (error) {
    if (error instanceof CapReached) return await limited(db, error, intent);
    throw toLedgerError(error, 'write the intent of a submit');
  }
}

/** A cap holds the run. A budget returns the item to its batch, with the price that would have been recorded. */
async function limited(db: Db, { cap, costUsd }: CapReached, intent: Intent): Promise<BeginOutcome> {
  const { scope, limitUsd: maxCostUsd, leftUsd } = cap;
  if (scope === 'all' || scope.startsWith('sub-app/')) {
    return { kind: 'capped', cap: { ...cap, scope: scope as CapScope }, costUsd };
  }
  const batchId = intent.request.batchId ?? '';
  const { resubmitAfterTaskId } = intent;
  return await guarded('note the price of an item', async () => {
    await sql`update batch_item set estimated_usd = ${costUsd}::numeric
        where batch_id = ${batchId} and workflow_id = ${intent.workflowId}`.execute(db);
    const rows =
      resubmitAfterTaskId === null
        ? []
        : await selectSubmissions(db).where('task_id', '=', resubmitAfterTaskId).execute();
    const failed = rows[0] === undefined ? null : toRecord(rows[0]);
    return { kind: 'overBudget', batchId, maxCostUsd, leftUsd, costUsd, failed };
  });
}

async function isKnownOrStopped(db: Db, { identity }: Intent): Promise<boolean> {
  return await guarded('look for an erase in the ledger', async () => {
    const { rows } = await sql<{ found: boolean }>`
      select exists (
        select from submission join erase on erase.id = submission.erase_id
        where ${identity.payToken === '' ? isOfErase(identity) : isOfIdentity(identity)}
      ) or exists (
        select from breaker where scope in (${sql.join(scopesOf(identity.subAppId))})
      ) as found`.execute(db);
    return rows[0]?.found ?? true;
  });
}

/** Step one: the decision. Locks the erase and its submissions until the transaction ends. */
async function decideNext(
  trx: Trx,
  namespace: string,
  intent: Intent,
): Promise<{ decision: Decision; locked: LockedErase }> {
  const locked = await lockErase(trx, intent);
  const recent = locked.isNew ? [] : await recentSubmissions(trx, locked.eraseId);
  const elsewhere = locked.isPaidElsewhere ? await paidElsewhere(trx, intent.identity) : [];
  const asked = { ...intent, namespace, neverPay: intent.request.neverPay === true };
  return { decision: decide(recent, asked, locked.nowMs, elsewhere), locked };
}

async function carryOut(
  trx: Trx,
  namespace: string,
  decision: Decision,
  { eraseId, nowMs, isNew, isStopped }: LockedErase,
  intent: Intent,
): Promise<BeginOutcome> {
  if (decision.kind === 'look') {
    return { ...decision, settlesInMs: decision.record.scheduledAt.getTime() + intent.settleMs - nowMs };
  }
  if (decision.kind !== 'send') return decision;
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
  return { kind: 'send', submission: await writeIntent(trx, namespace, submission, intent, { costUsd, day, isNew }) };
}

/**
 * Step two: counts the money and writes the intent, in the last statement before the commit. This keeps the lock on the shared
 * counters as short as one commit.
 */
async function writeIntent(
  trx: Trx,
  namespace: string,
  key: SubmissionKey,
  intent: Intent,
  cost: { costUsd: number; day: string; isNew: boolean },
): Promise<SubmissionAttempt> {
  const { rows } = await sql<{ arms: number; counters: CapRow[] }>`
    with counter as (${countStatement({ subAppId: intent.identity.subAppId, batchId: intent.request.batchId ?? null }, cost.costUsd, cost.day)})
    insert into submission (erase_id, number, state, arms, intent_at, place_at, workflow_id, run_id, requested_by, reason,
                            batch_id, cost_usd, cost_day, namespace)
    values (${key.eraseId}::bigint, ${key.number}::integer, 'sending', 1, clock_timestamp(),
           greatest(${intent.scheduledAt ?? null}::timestamptz, clock_timestamp()),
           ${intent.workflowId}, ${intent.runId}, ${intent.request.requestedBy ?? null},
           ${intent.request.reason ?? null}, ${intent.request.batchId ?? null}, ${cost.costUsd}::numeric, ${cost.day}::date,
           ${namespace})
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
  return { ...key, attempt: row.arms };
}

interface LockedErase {
  eraseId: string;
  /** By the database's clock after the lock was taken: what is settled then stays settled. */
  nowMs: number;
  /** Just created: nothing can have been submitted for it. */
  isNew: boolean;
  /** A breaker of its scopes is not closed. */
  isStopped: boolean;
  /** It has no token, and a further payment of the same file and recipe was made with one. */
  isPaidElsewhere: boolean;
  /** The batch that the request names, if the ledger has it. */
  batch: { state: BatchState; namespace: string; hasItem: boolean } | null;
}

/** Inserts the erase's row if missing and locks it: runs of one payment identity decide one after the other. */
async function lockErase(trx: Trx, { identity, request, workflowId }: Intent): Promise<LockedErase> {
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
 * A request with a batch id is an item of that batch. A batch that is being cancelled, or has ended, makes no further payment.
 *
 * @returns why the batch refuses it; null when it is an item, or the ledger has no such batch
 */
async function takeIntoBatch(
  trx: Trx,
  decision: Decision,
  { batch }: LockedErase,
  { identity, request, workflowId, runId, costUsd }: Intent,
  namespace: string,
): Promise<BeginOutcome | null> {
  const { batchId } = request;
  if (batch === null || batchId === undefined) return null;
  const pays = decision.kind === 'send';
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

/** The submissions of further payments of a file and recipe, newest first. */
const MOST_PAID_ELSEWHERE = 20;

async function paidElsewhere(trx: Trx, identity: PaymentIdentity): Promise<SubmissionRecord[]> {
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

/** Locked: a late answer, or a rescheduled call, comes before or after the decision, never in between. */
async function recentSubmissions(trx: Trx, eraseId: string): Promise<SubmissionRecord[]> {
  const recent = await selectSubmissions(trx)
    .where('submission.erase_id', '=', eraseId)
    .orderBy('number', 'desc')
    .limit(MAX_UNKNOWN_ROUNDS + 1)
    .forUpdate('submission')
    .execute();
  return recent.map(toRecord);
}
