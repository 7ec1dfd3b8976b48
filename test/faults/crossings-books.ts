import { join } from 'node:path';
import type { ReportItem } from '../../src/contract/report.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/postgres-ledger.js';
import type { AdminTask } from '../../src/simulator/index.js';
import { eventually } from '../support/processes.js';
import { readReport } from './batch-report.js';
import { acceptedTasks, type Balance, balanceOf, type LedgerRow, ledgerRows, type Mismatch } from './books.js';
import type { CrossedBatch, CrossedCell, CrossedErase, MustAnswer } from './crossed-erase.js';
import type { MustEnd, MustItem } from './crossings-matrix.js';
import type { Stage } from './crossings-stage.js';
import type { House } from './house.js';

/** Rows of runs that are gone: a worker looks for them when it starts, and every minute. */
const LEFT_WITHIN_MS = 90_000;
/** The server's list of runs lags behind a little. */
const OPEN_WITHIN_MS = 20_000;
const ROUNDING_USD = 1e-4;

type Add = (kind: Mismatch['kind'], what: string) => void;

/**
 * Lays the vendor's tasks, the ledger, the ends of the runs, the batches' reports and the budgets side by side, and looks
 * for what was left open.
 */
export async function balanceCrossings(stage: Stage, cells: readonly CrossedCell[]): Promise<Balance> {
  const { house } = stage;
  const mismatches: Mismatch[] = [];
  const leftOver = await whatIsLeft(house);
  const [tasks, rows] = await Promise.all([acceptedTasks(house), ledgerRows(house)]);
  const ledger = openLedger(house.ledgerUrl, { maxConnections: 2 });
  try {
    for (const cell of cells) {
      const add: Add = (kind, what) => mismatches.push({ kind, erase: cell.target, what });
      for (const problem of cell.problems) add('wrong', problem);
      compareTasks(cell, tasks, rows, add);
      for (const erase of cell.erases) compareEnd(erase, tasks.get(erase.request.fileId) ?? [], add);
      for (const batch of cell.batches) await compareBatch({ stage, ledger }, batch, cell, { tasks, rows, add });
    }
  } finally {
    await ledger.close();
  }
  const [any] = cells;
  if (any !== undefined) {
    const add: Add = (kind, what) => mismatches.push({ kind, erase: any.target, what: `the house: ${what}` });
    for (const open of leftOver.open) add('open', open);
    for (const left of leftOver.rows) add('wrong', left);
    for (const passed of new Set(stage.passed)) add('budget', passed);
    await compareCounted(house, add);
  }
  return balanceOf(mismatches, 0);
}

function compareTasks(
  cell: CrossedCell,
  tasks: ReadonlyMap<string, AdminTask[]>,
  rows: readonly LedgerRow[],
  add: Add,
): void {
  for (const { fileId, accepted, aborted } of cell.tasks) {
    const real = tasks.get(fileId) ?? [];
    const ids = real.map((task) => `${task.taskId} ${task.status}`).join(', ');
    if (real.length > accepted) add('duplicate', `the vendor accepted ${real.length} tasks, not ${accepted}: ${ids}`);
    if (real.length < accepted) add('lost', `the vendor accepted ${real.length} tasks, not ${accepted}: ${ids}`);
    const gone = real.filter(({ status }) => status === 'ABORTED').length;
    if (gone !== aborted) add('wrong', `${gone} tasks were aborted, not ${aborted}: ${ids}`);
    const entries = rows.filter((row) => row.file_id === fileId);
    for (const { taskId, status } of real) {
      const row = entries.find(({ task_id }) => task_id === taskId);
      if (row === undefined) {
        if (!doubtIsTold(cell, entries)) add('lost', `no row of the ledger knows the accepted task ${taskId}`);
      } else if (row.outcome === null) {
        add('lost', `the ledger does not know how ${taskId} (${status}) ended`);
      }
    }
    for (const { task_id } of entries) {
      if (task_id !== null && !real.some(({ taskId }) => taskId === task_id)) {
        add('wrong', `the ledger holds ${task_id}, which is not a task of this file`);
      }
    }
  }
}

/** The submit that nobody knows the task of is still open in the ledger, and its run says that it may have been paid for. */
function doubtIsTold({ target }: CrossedCell, entries: readonly LedgerRow[]): boolean {
  const { end } = target;
  const told = (end?.kind === 'failed' || end?.kind === 'cancelled') && end.details.moneySpent;
  return told && entries.some(({ state }) => state === 'sending' || state === 'unknown');
}

function compareEnd(erase: CrossedErase, tasks: readonly AdminTask[], add: Add): void {
  const { end, must, workflowId } = erase;
  const says = (what: string) => `${workflowId}: ${what}`;
  if (end === undefined || end.kind === 'open') {
    add('open', says(`the run has not ended: ${end?.why ?? 'nobody looked'}`));
    return;
  }
  if (end.kind === 'held') {
    add('open', says(`it is held: ${end.code}: ${end.message}`));
    return;
  }
  const wanted = endOf(must);
  if (end.kind === 'succeeded') {
    if (wanted !== 'succeeded') add('wrong', says(`it succeeded, and must end as ${JSON.stringify(wanted)}`));
    if (must === 'reused' && !end.result.reused) add('wrong', says('it paid, and must take up what was paid for'));
    if (must === 'paid' && end.result.reused) add('wrong', says('it took up an old result, and must pay'));
    const { taskId } = end.result;
    if (!tasks.some((task) => task.taskId === taskId)) add('lost', says(`its result is of ${taskId}, not of its file`));
    return;
  }
  const { details } = end;
  const is = { class: details.class, code: details.code, spent: details.moneySpent };
  if (wanted === 'succeeded') {
    add('wrong', says(`it ended as ${JSON.stringify(is)}, and must succeed: ${details.message}`));
    return;
  }
  const asWanted = Object.entries(wanted).every(([key, value]) => is[key as keyof typeof is] === value);
  if (!asWanted) add('wrong', says(`it ended as ${JSON.stringify(is)}, not as ${JSON.stringify(wanted)}`));
  if (details.taskId !== null && !tasks.some((task) => task.taskId === details.taskId)) {
    add('wrong', says(`it names ${details.taskId}, which is no task of its file`));
  }
}

function endOf(must: MustEnd | MustAnswer): MustEnd {
  if (must === 'deleted') return { class: 'badResult', code: 'ResultDeleted' };
  return must === 'reused' || must === 'paid' ? 'succeeded' : must;
}

async function compareBatch(
  { stage, ledger }: { stage: Stage; ledger: Ledger },
  batch: CrossedBatch,
  { name }: CrossedCell,
  { tasks, rows, add }: { tasks: ReadonlyMap<string, AdminTask[]>; rows: readonly LedgerRow[]; add: Add },
): Promise<void> {
  const says = (what: string) => `the batch ${batch.id}: ${what}`;
  const snapshot = await ledger.batches.snapshot(batch.id);
  if (snapshot === null) {
    add('wrong', says('it is not in the ledger'));
    return;
  }
  if (snapshot.state !== 'ended') {
    add(
      'open',
      says(`it has not ended: ${snapshot.state}, ${snapshot.waitingFor}, ${JSON.stringify(snapshot.counts)}`),
    );
    return;
  }
  if (snapshot.endedAs !== batch.ends) add('wrong', says(`it ended as ${snapshot.endedAs}, not as ${batch.ends}`));
  const folder = join(stage.folder, `report-${batch.id}`);
  await stage.command(['batch', 'results', batch.id, '--out', folder]);
  const report = await readReport(folder);
  for (const problem of report.problems) add('wrong', says(problem));
  const items = [...report.succeeded, ...report.failed];
  if (items.length !== snapshot.counts.total)
    add('wrong', says(`its report has ${items.length} of ${snapshot.counts.total} items`));
  for (const item of items) {
    compareItem(item, item.number === 1 ? batch.item : batch.others, tasks.get(item.fileId) ?? [], (what) =>
      add('wrong', says(`item ${item.number}: ${what}`)),
    );
  }
  const booked = rows.filter(({ batch_id, cost_day }) => batch_id === batch.id && cost_day !== null);
  const sum = (amounts: readonly (number | null)[]) => amounts.reduce<number>((so, usd) => so + (usd ?? 0), 0);
  const usd = {
    ledger: sum(booked.map(({ cost_usd }) => Number(cost_usd ?? 0))),
    snapshot: snapshot.spentUsd,
    report: report.manifest.costUsd,
    items: sum(items.map(({ costUsd }) => costUsd)),
    ...(await countedFor(stage.house, batch.id)),
  };
  const amounts = Object.values(usd);
  if (Math.max(...amounts) - Math.min(...amounts) > ROUNDING_USD) {
    add('wrong', says(`what it spent differs: ${JSON.stringify(usd)}`));
  }
  const most = snapshot.settings.maxCostUsd;
  if (most !== null && Math.max(...amounts) > most + ROUNDING_USD) {
    add('budget', says(`${JSON.stringify(usd)} of ${most} USD, in the cell ${name}`));
  }
}

function compareItem(
  item: ReportItem,
  must: MustItem,
  tasks: readonly AdminTask[],
  wrong: (what: string) => void,
): void {
  const states: readonly string[] = typeof must.state === 'string' ? [must.state] : must.state;
  const is = { state: item.state, class: item.class, code: item.code, message: item.message };
  const fits =
    states.includes(item.state) &&
    (must.class === undefined || must.class === item.class) &&
    (must.code === undefined || must.code === item.code);
  if (!fits) wrong(`the report says ${JSON.stringify(is)}, and must say ${JSON.stringify(must)}`);
  if (item.taskId !== null && !tasks.some(({ taskId }) => taskId === item.taskId)) {
    wrong(`the report names ${item.taskId}, which is no task of its file`);
  }
  const isResult = tasks.some(({ resultFileId }) => resultFileId === item.resultFileId);
  if ((item.state === 'succeeded' || item.state === 'reused') && !isResult) {
    wrong(`the report names the result ${item.resultFileId}, which no task of its file made`);
  }
}

/** What the counter of the batch's budget says, where there is one. */
async function countedFor(house: House, batchId: string): Promise<{ counter?: number }> {
  const { rows } = await house.sql.query<{ usd: number }>(
    "select spent_usd::double precision as usd from cap where scope = 'batch/' || $1::text and period = 'total'",
    [batchId],
  );
  return rows[0] === undefined ? {} : { counter: rows[0].usd };
}

/** The counter of all that was ever spent, against the submissions. */
async function compareCounted(house: House, add: Add): Promise<void> {
  const { rows } = await house.sql.query<{ counted: number; booked: number }>(
    `select (select spent_usd::double precision from cap where scope = 'all' and period = 'total') as counted,
       (select coalesce(sum(cost_usd), 0)::double precision from submission where cost_day is not null) as booked`,
  );
  const { counted, booked } = rows[0] ?? { counted: 0, booked: 0 };
  if (Math.abs((counted ?? 0) - booked) > ROUNDING_USD)
    add('wrong', `${counted} USD are counted, ${booked} are booked`);
}

/** Runs that are open, and rows of runs that are gone. */
async function whatIsLeft(house: House): Promise<{ open: string[]; rows: string[] }> {
  let open: string[] = [];
  await eventually(
    'no run to be open',
    async () => {
      open = [];
      const query = `ExecutionStatus = 'Running' AND WorkflowType IN ('erase', 'batch')`;
      for await (const run of house.temporal.workflow.list({ query })) open.push(`${run.workflowId} is still open`);
      return open.length === 0 || undefined;
    },
    OPEN_WITHIN_MS,
  ).catch(() => undefined);
  // Workers look at such rows when they are five minutes old; and at once when they start.
  await house.sql.query(`update hold set since = since - interval '10 minutes', seen_at = seen_at - interval '10 minutes'
    where ended_at is null`);
  await house.sql.query(
    `update run_phase set since = since - interval '10 minutes', seen_at = seen_at - interval '10 minutes'`,
  );
  await house.startWorker();
  let rows: string[] = [];
  await eventually(
    'no row of a run that is gone',
    async () => {
      rows = await rowsLeft(house);
      return rows.length === 0 || undefined;
    },
    LEFT_WITHIN_MS,
  ).catch(() => undefined);
  return { open, rows };
}

async function rowsLeft(house: House): Promise<string[]> {
  const { rows } = await house.sql.query<{ what: string }>(
    `select 'a hold (' || error_class || ') of ' || workflow_id || ', run ' || run_id || ' is open' as what from hold where ended_at is null
     union all select 'a row says that ' || workflow_id || ', run ' || run_id || ' is in ' || phase from run_phase
     union all select 'a row says that ' || workflow_id || ', run ' || run_id || ' waits for ' || task_id from waiter`,
  );
  return rows.map(({ what }) => what);
}
