import type { ReportItem } from '../../src/contract/report.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import type { AdminTask } from '../../src/simulator/index.js';
import { acceptedTasks, type Balance, balanceOf, type LedgerRow, ledgerRows, type Mismatch } from './books.js';
import { balanceBudget } from './budget-books.js';
import type { CrossedBatch, CrossedCell, CrossedErase, MustAnswer } from './crossed-erase.js';
import { compareCounted, whatIsLeft } from './crossings-left.js';
import type { MustEnd, MustItem } from './crossings-matrix.js';
import type { Stage } from './crossings-stage.js';

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
      for (const batch of cell.batches) await compareBatch({ stage, ledger }, batch, { tasks, rows, add });
    }
  } finally {
    await ledger.close();
  }
  const [any] = cells;
  if (any !== undefined) {
    // In the story of the erase that it is about, where that is known.
    const about = (what: string) => cells.find(({ erases }) => erases.some((e) => what.includes(`${e.workflowId},`)));
    const add: Add = (kind, what) => mismatches.push({ kind, erase: (about(what) ?? any).target, what });
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
  { tasks, rows, add }: { tasks: ReadonlyMap<string, AdminTask[]>; rows: readonly LedgerRow[]; add: Add },
): Promise<void> {
  const ended = await balanceBudget(stage, ledger, batch.id, rows, add);
  if (ended === null) return;
  const wrong = (what: string) => add('wrong', `the batch ${batch.id}: ${what}`);
  const { endedAs } = ended.snapshot;
  if (endedAs !== batch.ends) wrong(`it ended as ${endedAs}, not as ${batch.ends}`);
  for (const item of ended.items) {
    const must = item.number === 1 ? batch.item : batch.others;
    compareItem(item, must, tasks.get(item.fileId) ?? [], (what) => wrong(`item ${item.number}: ${what}`));
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
