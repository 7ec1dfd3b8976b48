import { type Kysely, type Selectable, sql } from 'kysely';
import { LedgerError } from '../db/ledger-error.js';
import type { EraseTable, LedgerDatabase, SubmissionTable } from '../db/schema.js';
import type { PaymentIdentity, StoredResult, SubmissionKey, SubmissionRecord } from './submission.js';

/** Submissions as they are read: each with its erase. */

export type Row = Selectable<SubmissionTable> &
  Pick<Selectable<EraseTable>, 'sub_app_id' | 'file_id' | 'recipe_hash' | 'pay_token' | 'recipe'> & {
    since_place_ms: number;
  };

export function isOfErase({ subAppId, fileId, recipeHash }: PaymentIdentity) {
  return sql<boolean>`erase.sub_app_id = ${String(subAppId)} and erase.file_id = ${fileId} and erase.recipe_hash = ${recipeHash}`;
}

export function isOfIdentity(identity: PaymentIdentity) {
  return sql<boolean>`${isOfErase(identity)} and erase.pay_token = ${identity.payToken}`;
}

export function selectSubmissions(db: Kysely<LedgerDatabase>) {
  return db
    .selectFrom('submission')
    .innerJoin('erase', 'erase.id', 'submission.erase_id')
    .selectAll('submission')
    .select(OF_ERASE)
    .select(sincePlaceMs('submission').as('since_place_ms'));
}

/** Columns that a record takes from its erase. */
export const OF_ERASE = [
  'erase.sub_app_id',
  'erase.file_id',
  'erase.recipe_hash',
  'erase.pay_token',
  'erase.recipe',
] as const;

export function sincePlaceMs(table: string) {
  return sql<number>`extract(epoch from clock_timestamp() - ${sql.ref(`${table}.place_at`)})::double precision * 1000`;
}

export function toRecord(row: Row): SubmissionRecord {
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
    scheduledAt: row.place_at,
    scheduledAtHere: new Date(Date.now() - row.since_place_ms),
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

export function resolvedByAnother(): LedgerError {
  return new LedgerError('unexpected', 'The submission was resolved by somebody else before its call left.');
}

/** The run that wrote a submission. */
export async function workflowOf(db: Kysely<LedgerDatabase>, key: SubmissionKey): Promise<string> {
  const { workflow_id } = await db
    .selectFrom('submission')
    .select('workflow_id')
    .where('erase_id', '=', key.eraseId)
    .where('number', '=', key.number)
    .executeTakeFirstOrThrow();
  return workflow_id;
}
