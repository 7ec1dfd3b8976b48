import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import { type BatchItemState, type BatchSettings, NOT_STARTED } from '../contract/batch.js';
import { eraseWorkflowId } from '../contract/identity.js';
import type { NormalizedEraseRequest } from '../contract/request.js';
import { MAX_DEADLINE_HOURS } from '../contract/request-schema.js';
import { LISTED_FOR_MS } from './decide.js';
import { LedgerError, toLedgerError } from './ledger-error.js';
import { jsonText } from './parameters.js';
import { createBatch } from './postgres-batch-store.js';
import type { LedgerDatabase } from './schema.js';

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
 * What a further run of an item comes to, by the books.
 * - `done`: it was paid for, and the result is known: nothing is sent
 * - `running`: its task may still run at the vendor: it is read, nothing is sent
 * - `inDoubt`: whether it was paid for is found out first
 * - `unpaid`: nothing was paid, or only for what was aborted before it ran: it is submitted
 * - `lost`: paid for, and the result was never read, or is deleted
 * - `failed`: paid for, and the task failed
 * - `forbidden`: nothing was paid by us, and its request forbids to
 */
export type RedriveKind = 'done' | 'running' | 'inDoubt' | 'unpaid' | 'lost' | 'failed' | 'forbidden';

/** These pay for what was paid for, or must not be paid for: somebody has to say so. */
export const NEEDS_PAY_AGAIN = ['lost', 'failed', 'forbidden'] as const satisfies readonly RedriveKind[];

export interface RedriveGroup {
  kind: RedriveKind;
  items: number;
  /** USD for those that would be submitted. */
  estimatedUsd: number;
  /** Of those, items whose price nobody knows. */
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
  /** The first of those that need leave to pay again. */
  leftOut: LeftOutItem[];
  /** Selected items that an earlier redrive of this batch has: that one is to be redriven. */
  elsewhere: { batchId: string; items: number }[];
  /** Redrives of this batch so far. */
  redrives: number;
}

export interface Redrive extends RedriveSelection {
  newBatchId: string;
  /** Of the installation's workflow ids; default none. */
  prefix?: string;
  settings: BatchSettings;
  requestedBy: string | null;
  reason: string | null;
  /** Why it may be paid again; null: items that need that are left out. */
  payAgainReason: string | null;
}

export type Redriven =
  | { kind: 'created'; items: number; estimatedUsd: number }
  /** There is a batch of that id. */
  | { kind: 'exists' }
  /** Nothing is left of the selection: nothing was written. */
  | { kind: 'nothing' };

/** Makes a new batch of items of an old one. Every method throws a `LedgerError`. */
export interface RedriveStore {
  /** What a redrive would do. Changes nothing. Null when there is no such batch. */
  plan(selection: RedriveSelection, options: { list: number }): Promise<RedrivePlan | null>;
  /** Writes the new batch, whole or not at all. An item is never in two redrives of one batch. */
  create(redrive: Redrive): Promise<Redriven>;
}

/**
 * Hours after its submit in which the vendor knows a task. Source: DescribeTaskDetail, "tasks submitted in the last 3
 * days".
 */
const VENDOR_MEMORY_HOURS = 72;
/** The worker's code for a result that is not in the library any more: the books have it as paid for and done. */
const RESULT_DELETED = 'ResultDeleted';
/** Items read and written at once. */
const PAGE = 1_000;
const JUDGED_AT_ONCE = 20_000;

export function redriveStore(db: Kysely<LedgerDatabase>): RedriveStore {
  return {
    plan: (selection, { list }) =>
      guard('plan a redrive', () => db.transaction().execute((trx) => plan(trx, selection, list))),
    create: (redrive) => guard('write a redrive', () => db.transaction().execute((trx) => create(trx, redrive))),
  };
}

async function plan(
  trx: Transaction<LedgerDatabase>,
  selection: RedriveSelection,
  list: number,
): Promise<RedrivePlan | null> {
  const batch = await trx
    .selectFrom('batch')
    .select(['state', 'settings'])
    .where('id', '=', selection.batchId)
    .executeTakeFirst();
  if (batch === undefined) return null;
  await judge(trx, selection);
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
  const { rows: counted } = await sql<{ redrives: number }>`
    select count(*)::integer as redrives from batch where parent_batch_id = ${selection.batchId}`.execute(trx);
  return {
    state: batch.state,
    settings: batch.settings as BatchSettings,
    groups: groups.map(({ kind, items, usd, unpriced }) => ({ kind, items, estimatedUsd: Number(usd), unpriced })),
    leftOut: leftOut.map((item) => ({ ...item, row: item.row === null ? null : Number(item.row) })),
    elsewhere,
    redrives: counted[0]?.redrives ?? 0,
  };
}

/** Judges the selected items into a table of this transaction: once, in pieces that no statement's time limit cuts. */
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
}

async function create(trx: Transaction<LedgerDatabase>, redrive: Redrive): Promise<Redriven> {
  // Two redrives of one batch come one after the other: the second sees what the first took.
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
  const wanted = wantedKinds(redrive);
  const { rows } = await sql<{ items: number; usd: string }>`
    select count(*)::integer as items, coalesce(sum(usd) filter (where ${pays}), 0) as usd
    from judged where elsewhere is null and kind in (${sql.join(wanted)})`.execute(trx);
  const { items = 0, usd = '0' } = rows[0] ?? {};
  if (items === 0) return { kind: 'nothing' };
  const written = await createBatch(
    trx,
    {
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
      select number, row, sub_app_id, file_id, recipe_hash, request, error_class, kind, case when ${pays} then usd else 0 end as usd
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
          };
        }),
      )
      .execute();
    after = last.number;
  }
}

/**
 * The same erase, in the new batch. Only what is lost needs another payment identity. A failed task is followed by one more
 * under its own, so that its result is found there later.
 */
function nextRequest(
  { request, kind, error_class: errorClass }: JudgedRow,
  { newBatchId, payAgainReason }: Redrive,
): NormalizedEraseRequest {
  const next: NormalizedEraseRequest = { ...request, batchId: newBatchId };
  // Its own time is over: it is given all the time in which the vendor still knows the task.
  if (kind === 'running' && errorClass === 'expired') next.deadlineHours = MAX_DEADLINE_HOURS;
  // It is read. Should its task fail, its new run would follow it by one more, as the run before it may have done already.
  if (kind === 'running') next.neverPay = true;
  if (kind === 'lost' || kind === 'failed' || kind === 'forbidden') delete next.neverPay;
  if (kind === 'lost') next.payAgain = { token: newBatchId, reason: payAgainReason ?? '' };
  return next;
}

function wantedKinds({ payAgainReason }: Redrive): RedriveKind[] {
  const free: RedriveKind[] = ['done', 'running', 'inDoubt', 'unpaid'];
  return payAgainReason === null ? free : [...free, ...NEEDS_PAY_AGAIN];
}

/** Kinds of which every item is submitted. What is in doubt may be; it counts as spent already. */
const pays = sql`kind in ('unpaid', 'lost', 'failed', 'forbidden')`;

/**
 * The selected items, each with what the books say of its payment identity. The order of the cases is that of `decide`:
 * what succeeded, or may still run, comes first, whatever was tried besides.
 */
function judged(selection: RedriveSelection, after: number, upTo: number): RawBuilder<unknown> {
  return sql`
    select item.number, item.row, item.sub_app_id, item.file_id, item.recipe_hash, item.request, item.error_class,
      item.error_code, books.paid_task_id,
      coalesce(nullif(item.estimated_usd, 0), books.usd, item.estimated_usd) as usd,
      case
        when item.error_code = ${RESULT_DELETED} then 'lost'
        when books.done then 'done'
        when books.readable then 'running'
        when books.unread or books.expired then 'lost'
        when books.failed then 'failed'
        when newest.state in ('sending', 'unknown')
          then case when newest.place_at > ${listBegins} then 'inDoubt' else 'lost' end
        when (item.request->>'neverPay')::boolean then 'forbidden'
        else 'unpaid'
      end as kind,
      taken.batch_id as elsewhere
    from batch_item as item
    left join (
      select distinct on (sub_app_id, file_id, recipe_hash) sub_app_id, file_id, recipe_hash, batch_id
      from batch_item
      where batch_id in (select id from batch where parent_batch_id = ${selection.batchId} and parent_relation = 'redrive')
      order by sub_app_id, file_id, recipe_hash, batch_id) as taken
      on taken.sub_app_id = item.sub_app_id and taken.file_id = item.file_id and taken.recipe_hash = item.recipe_hash
    left join erase on erase.sub_app_id = item.sub_app_id and erase.file_id = item.file_id
      and erase.recipe_hash = item.recipe_hash and erase.pay_token = coalesce(item.request->'payAgain'->>'token', '')
    left join lateral (
      select bool_or(outcome = 'succeeded') as done,
        bool_or(state = 'accepted' and outcome is null and place_at > ${memoryBegins}) as readable,
        bool_or(state = 'accepted' and outcome is null) as unread,
        bool_or(outcome = 'expired') as expired, bool_or(outcome = 'failed') as failed,
        max(cost_usd) as usd, max(task_id) as paid_task_id
      from submission where submission.erase_id = erase.id) as books on true
    left join lateral (
      select state, place_at from submission where submission.erase_id = erase.id order by number desc limit 1) as newest
      on true
    where item.batch_id = ${selection.batchId} and item.number > ${after}::integer
      and item.number <= ${upTo}::integer and ${chosen(selection)}`;
}

const listBegins = sql`clock_timestamp() - make_interval(secs => ${sql.lit(LISTED_FOR_MS / 1_000)})`;
const memoryBegins = sql`clock_timestamp() - make_interval(hours => ${sql.lit(VENDOR_MEMORY_HOURS)})`;

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
