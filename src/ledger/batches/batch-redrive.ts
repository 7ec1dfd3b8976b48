import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import { type BatchItemState, type BatchSettings, NOT_STARTED } from '../../contract/batch.js';
import { eraseWorkflowId } from '../../contract/identity.js';
import type { NormalizedEraseRequest } from '../../contract/request.js';
import { LISTED_FOR_MS, MAX_DEADLINE_HOURS } from '../../contract/vendor-limits.js';
import { LedgerError, toLedgerError } from '../db/ledger-error.js';
import { jsonText } from '../db/parameters.js';
import type { LedgerDatabase } from '../db/schema.js';
import { kindOf, standingOf } from '../submissions/standing.js';
import { createBatch } from './postgres-batch-store.js';
import { type TooLargeItem, takeOutTooLarge } from './redrive-size.js';

/** Which items of a batch. Without a state: all that did not succeed. Class and code narrow it further. */
export interface RedriveSelection {
  batchId: string;
  /** Failed and timed out. */
  failed: boolean;
  notStarted: boolean;
  /** Empty: any. */
  classes: readonly string[];
  codes: readonly string[];
}

/**
 * What a further run of an item would do, by the ledger.
 * - `done`: paid for, with a result, or one to be reviewed again: nothing is sent
 * - `running`: its task may still run at the vendor: it is read, nothing is sent
 * - `inDoubt`: outcome unknown: it is reconciled first, and submitted if no task is found
 * - `unpaid`: nothing was paid, or only for tasks aborted before they ran: it is submitted
 * - `rejected`: paid for, and a reviewer rejected the result
 * - `lost`: paid for, and the result was never read, or is deleted
 * - `failed`: paid for, and the task failed
 * - `forbidden`: we paid nothing, and its request forbids a payment
 */
export type RedriveKind = 'done' | 'running' | 'inDoubt' | 'unpaid' | 'rejected' | 'lost' | 'failed' | 'forbidden';

/** These would pay again, or pay although it is forbidden: they need an operator's approval. */
export const NEEDS_PAY_AGAIN = ['rejected', 'lost', 'failed', 'forbidden'] as const satisfies readonly RedriveKind[];

export interface RedriveGroup {
  kind: RedriveKind;
  items: number;
  /** USD for those that are submitted, or may be. */
  estimatedUsd: number;
  /** Of those, items with an unknown price. */
  unpriced: number;
}

/** An item that a redrive leaves out, unless it may pay again. */
export interface LeftOutItem {
  number: number;
  row: number | null;
  fileId: string;
  kind: RedriveKind;
  taskId: string | null;
  code: string | null;
}

export interface RedrivePlan {
  /** Settings and state of the first batch. */
  state: string;
  settings: BatchSettings;
  groups: RedriveGroup[];
  /** The first of those that need approval to pay again. */
  leftOut: LeftOutItem[];
  /** Selected items that an earlier redrive of this batch contains: redrive that one instead. */
  elsewhere: { batchId: string; items: number }[];
  /** Items that are left out, as their request would be too large in the new batch; neither counted nor priced. */
  tooLarge: TooLargeItem[];
  /** Redrives of this batch so far. */
  redrives: number;
}

/** What a redrive puts into each request. */
export type RedriveAdds = Pick<Redrive, 'newBatchId' | 'payAgainReason'>;

export interface Redrive extends RedriveSelection {
  newBatchId: string;
  /** Of the installation's workflow ids; default none. */
  prefix?: string;
  settings: BatchSettings;
  requestedBy: string | null;
  reason: string | null;
  /** Why it may be paid again; null: items that need another payment are left out. */
  payAgainReason: string | null;
}

export type Redriven =
  | { kind: 'created'; items: number; estimatedUsd: number }
  /** A batch with that id exists. */
  | { kind: 'exists' }
  /** The selection is empty: nothing was written. */
  | { kind: 'nothing' };

/** Makes a new batch of items of an old one. Every method throws a `LedgerError`. */
export interface RedriveStore {
  /** What a redrive would do. Changes nothing. Null when there is no such batch. */
  plan(
    selection: RedriveSelection,
    options: { list: number; adds?: (redrives: number) => RedriveAdds },
  ): Promise<RedrivePlan | null>;
  /** Writes the new batch, whole or not at all. An item is never in two redrives of one batch. */
  create(redrive: Redrive): Promise<Redriven>;
}

/** Items read and written at once. */
const PAGE = 1_000;
const JUDGED_AT_ONCE = 20_000;

export function redriveStore(db: Kysely<LedgerDatabase>, namespace: string): RedriveStore {
  return {
    plan: (selection, options) =>
      guard('plan a redrive', () => db.transaction().execute((trx) => plan(trx, selection, options))),
    create: (redrive) =>
      guard('write a redrive', () => db.transaction().execute((trx) => create(trx, namespace, redrive))),
  };
}

async function plan(
  trx: Transaction<LedgerDatabase>,
  selection: RedriveSelection,
  { list, adds }: Parameters<RedriveStore['plan']>[1],
): Promise<RedrivePlan | null> {
  const batch = await trx
    .selectFrom('batch')
    .select(['state', 'settings'])
    .where('id', '=', selection.batchId)
    .executeTakeFirst();
  if (batch === undefined) return null;
  await judge(trx, selection);
  const { rows: counted } = await sql<{ redrives: number }>`
    select count(*)::integer as redrives from batch where parent_batch_id = ${selection.batchId}`.execute(trx);
  const redrives = counted[0]?.redrives ?? 0;
  const tooLarge = adds === undefined ? [] : await takeOut(trx, adds(redrives));
  const { rows: groups } = await sql<RedriveGroup & { usd: string }>`
    select kind, count(*)::integer as items,
      coalesce(sum(usd) filter (where ${pays}), 0) as usd,
      count(*) filter (where ${pays} and usd is null)::integer as unpriced
    from judged where elsewhere is null group by kind order by kind`.execute(trx);
  const { rows: leftOut } = await sql<LeftOutItem & { row: string | null }>`
    select number, row, file_id as "fileId", kind, paid_task_id as "taskId", error_code as code
    from judged where elsewhere is null and kind in (${sql.join(NEEDS_PAY_AGAIN)})
    order by number limit ${list}::integer`.execute(trx);
  const { rows: elsewhere } = await sql<{ batchId: string; items: number }>`
    select elsewhere as "batchId", count(*)::integer as items from judged
    where elsewhere is not null group by 1 order by 1`.execute(trx);
  return {
    state: batch.state,
    settings: batch.settings as BatchSettings,
    groups: groups.map(({ kind, items, usd, unpriced }) => ({ kind, items, estimatedUsd: Number(usd), unpriced })),
    leftOut: leftOut.map((item) => ({ ...item, row: item.row === null ? null : Number(item.row) })),
    elsewhere,
    tooLarge,
    redrives,
  };
}

/** Judges the selected items into a table of this transaction: once, in pieces that stay below the statement timeout. */
async function judge(trx: Transaction<LedgerDatabase>, selection: RedriveSelection): Promise<void> {
  await sql`create temporary table judged (
    number integer primary key, row bigint, sub_app_id bigint, file_id text, recipe_hash text, request jsonb,
    error_class text, error_code text, paid_task_id text, usd numeric, kind text, elsewhere text) on commit drop`.execute(
    trx,
  );
  const { rows } = await sql<{ last: number | null }>`
    select max(number) as last from batch_item where batch_id = ${selection.batchId}`.execute(trx);
  const last = rows[0]?.last ?? 0;
  for (let after = 0; after < last; after += JUDGED_AT_ONCE) {
    await sql`insert into judged ${judged(selection, after, after + JUDGED_AT_ONCE)}`.execute(trx);
  }
}

interface JudgedRow {
  number: number;
  row: string | null;
  sub_app_id: string;
  file_id: string;
  recipe_hash: string;
  request: NormalizedEraseRequest;
  error_class: string | null;
  kind: RedriveKind;
  usd: string | null;
  may_pay: boolean;
}

async function create(trx: Transaction<LedgerDatabase>, namespace: string, redrive: Redrive): Promise<Redriven> {
  // Two redrives of one batch are serialised: the second sees the items of the first.
  const parent = await trx
    .selectFrom('batch')
    .select('state')
    .where('id', '=', redrive.batchId)
    .forUpdate()
    .executeTakeFirst();
  if (parent?.state !== 'ended') {
    throw new LedgerError('unexpected', `Batch ${redrive.batchId} has not ended: it cannot be redriven.`);
  }
  await judge(trx, redrive);
  await takeOut(trx, redrive);
  const wanted = wantedKinds(redrive);
  const { rows } = await sql<{ items: number; usd: string }>`
    select count(*)::integer as items, coalesce(sum(usd) filter (where ${pays}), 0) as usd
    from judged where elsewhere is null and kind in (${sql.join(wanted)})`.execute(trx);
  const { items = 0, usd = '0' } = rows[0] ?? {};
  if (items === 0) return { kind: 'nothing' };
  const written = await createBatch(
    trx,
    {
      namespace,
      id: redrive.newBatchId,
      ...(redrive.prefix === undefined ? {} : { prefix: redrive.prefix }),
      settings: redrive.settings,
      source: { kind: 'batch', name: redrive.batchId, sha256: null, rows: items },
      estimatedUsd: Number(usd),
      parent: { batchId: redrive.batchId, relation: 'redrive' },
      requestedBy: redrive.requestedBy,
      reason: redrive.reason,
    },
    () => copyItems(trx, redrive, wanted),
  );
  return written ? { kind: 'created', items, estimatedUsd: Number(usd) } : { kind: 'exists' };
}

async function copyItems(
  trx: Transaction<LedgerDatabase>,
  redrive: Redrive,
  wanted: readonly RedriveKind[],
): Promise<void> {
  let number = 0;
  for (let after = 0; ; ) {
    const { rows } = await sql<JudgedRow>`
      select number, row, sub_app_id, file_id, recipe_hash, request, error_class, kind, case when ${pays} then usd else 0 end as usd, ${pays} as may_pay
      from judged where number > ${after}::integer and elsewhere is null and kind in (${sql.join(wanted)})
      order by number limit ${PAGE}::integer`.execute(trx);
    const last = rows.at(-1);
    if (last === undefined) return;
    await trx
      .insertInto('batch_item')
      .values(
        rows.map((item) => {
          const request = nextRequest(item, redrive);
          number += 1;
          return {
            batch_id: redrive.newBatchId,
            number,
            row: item.row,
            sub_app_id: item.sub_app_id,
            file_id: item.file_id,
            recipe_hash: item.recipe_hash,
            workflow_id: eraseWorkflowId(request, redrive.prefix),
            request: jsonText(request),
            estimated_usd: item.usd,
            may_pay: item.may_pay,
            source_number: item.number,
          };
        }),
      )
      .execute();
    after = last.number;
  }
}

/**
 * The same erase, in the new batch. Only a lost or rejected result needs another payment identity; after a failed task the next
 * submit keeps its identity, so that its result is found there later.
 */
function nextRequest(
  { request, kind, error_class: errorClass }: JudgedRow,
  { newBatchId, payAgainReason }: RedriveAdds,
): NormalizedEraseRequest {
  const next: NormalizedEraseRequest = { ...request, batchId: newBatchId };
  // Its own deadline has passed: it gets all the time in which the vendor still knows the task.
  if (kind === 'running' && errorClass === 'expired') next.deadlineHours = MAX_DEADLINE_HOURS;
  // It is read. If its task fails, the new run submits once more, as the earlier run may have done already.
  if (kind === 'running') next.neverPay = true;
  if (kind === 'rejected' || kind === 'lost' || kind === 'failed' || kind === 'forbidden') delete next.neverPay;
  if (kind === 'rejected' || kind === 'lost') next.payAgain = { token: newBatchId, reason: payAgainReason ?? '' };
  return next;
}

function takeOut(trx: Transaction<LedgerDatabase>, adds: RedriveAdds): Promise<TooLargeItem[]> {
  return takeOutTooLarge<JudgedRow>(trx, wantedKinds(adds), (item) => nextRequest(item, adds));
}

function wantedKinds({ payAgainReason }: RedriveAdds): RedriveKind[] {
  const free: RedriveKind[] = ['done', 'running', 'inDoubt', 'unpaid'];
  return payAgainReason === null ? free : [...free, ...NEEDS_PAY_AGAIN];
}

/** Kinds whose items may lead to a payment, including an unknown outcome for which no task is found. */
const pays = sql`kind in ('unpaid', 'inDoubt', 'rejected', 'lost', 'failed', 'forbidden')`;

/** The selected items, each with the ledger's state of its payment identity. */
function judged(selection: RedriveSelection, after: number, upTo: number): RawBuilder<unknown> {
  const token = `coalesce(item.request->'payAgain'->>'token', '')`;
  const redrives = sql`(select id from batch where parent_batch_id = ${selection.batchId} and parent_relation = 'redrive')`;
  const kind = sql.raw(kindOf(String(LISTED_FOR_MS / 1_000)));
  return sql`
    select item.number, item.row, item.sub_app_id, item.file_id, item.recipe_hash, item.request, item.error_class,
      item.error_code, standing.task_id,
      coalesce(nullif(item.estimated_usd, 0), standing.usd, item.estimated_usd) as usd,
      case
        when ${kind} = 'rejected' and item.request ? 'review' then 'done'
        when ${kind} is not null then ${kind}
        when (item.request->>'neverPay')::boolean then 'forbidden'
        else 'unpaid'
      end as kind,
      coalesce(taken.batch_id, taken_unnumbered.batch_id) as elsewhere
    from batch_item as item cross join ${sql.raw(standingOf('item', token))}
    left join (
      select source_number, min(batch_id) as batch_id from batch_item
      where batch_id in ${redrives} and source_number is not null group by 1
    ) as taken on taken.source_number = item.number
    -- Redrives of before the column do not say which item they took.
    left join (
      select sub_app_id, file_id, recipe_hash, min(batch_id) as batch_id from batch_item
      where batch_id in ${redrives} and source_number is null group by 1, 2, 3
    ) as taken_unnumbered on taken_unnumbered.sub_app_id = item.sub_app_id and taken_unnumbered.file_id = item.file_id
      and taken_unnumbered.recipe_hash = item.recipe_hash
    where item.batch_id = ${selection.batchId} and item.number > ${after}::integer
      and item.number <= ${upTo}::integer and ${chosen(selection)}`;
}

const FAILED: readonly BatchItemState[] = ['failed', 'timedOut'];
const UNSUCCESSFUL: readonly BatchItemState[] = [...FAILED, 'cancelled', 'skipped'];

function chosen({ failed, notStarted, classes, codes }: RedriveSelection): RawBuilder<unknown> {
  const states: RawBuilder<unknown>[] = [];
  if (failed) states.push(sql`item.state in (${sql.join(FAILED)})`);
  if (notStarted) states.push(sql`(item.state = 'skipped' and item.error_code = ${NOT_STARTED})`);
  if (states.length === 0) states.push(sql`item.state in (${sql.join(UNSUCCESSFUL)})`);
  const narrowed = [sql`(${sql.join(states, sql` or `)})`];
  if (classes.length > 0) narrowed.push(sql`item.error_class in (${sql.join(classes)})`);
  if (codes.length > 0) narrowed.push(sql`item.error_code in (${sql.join(codes)})`);
  return sql.join(narrowed, sql` and `);
}

async function guard<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toLedgerError(error, doing);
  }
}
