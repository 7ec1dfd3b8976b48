import { openLedger } from '../../src/ledger/index.js';
import type { AdminTask } from '../../src/simulator/index.js';
import { acceptedTasks, type Balance, balanceOf, type LedgerRow, type Mismatch } from './books.js';
import { balanceBudget } from './budget-books.js';
import { compareCounted, whatIsLeft } from './crossings-left.js';
import type { House } from './house.js';
import type { Soaked } from './soaked.js';
import type { TrackedErase } from './tracked-erase.js';

type Add = (kind: Mismatch['kind'], what: string) => void;

/** With what distinguishes payments of one file. */
interface Row extends LedgerRow {
  erase_id: string;
}

/** What holds whatever operators do: nothing is paid for twice without leave, nothing is lost, no budget passed, nothing open. */
export async function balanceOperators(soaked: Soaked): Promise<Balance> {
  const { stage, erases, files, batchIds, problems } = soaked;
  const { house } = stage;
  const left = await whatIsLeft(house);
  const mismatches: Mismatch[] = [];
  const addFor =
    (erase: TrackedErase | undefined): Add =>
    (kind, what) => {
      const of = erase ?? erases[0];
      if (of !== undefined) mismatches.push({ kind, erase: of, what });
    };
  const ofFile = (fileId: string) => erases.find(({ request }) => request.fileId === fileId);
  const about = (what: string) => erases.find(({ workflowId }) => what.includes(`${workflowId},`));
  for (const problem of problems) addFor(undefined)('wrong', problem);
  for (const open of left.open) addFor(about(open))('open', open);
  for (const row of left.rows) addFor(about(row))('wrong', row);
  for (const passed of new Set(stage.passed)) addFor(undefined)('budget', passed);
  const [tasks, rows] = await Promise.all([acceptedTasks(house), rowsOf(house)]);
  for (const { fileId } of files) {
    const of = rows.filter((row) => row.file_id === fileId);
    compareFile(tasks.get(fileId) ?? [], of, soaked.leaves.get(fileId) ?? 0, addFor(ofFile(fileId)));
  }
  for (const erase of erases) compareEnd(erase, tasks.get(erase.request.fileId) ?? [], addFor(erase));
  const ledger = openLedger(house.ledgerUrl, { maxConnections: 2 });
  try {
    for (const batchId of batchIds) {
      // A redrive of nothing, and a start of what was paid for, make no batch.
      if ((await ledger.batches.find(batchId)) === null) continue;
      await balanceBudget(stage, ledger, batchId, rows, addFor(undefined));
    }
  } finally {
    await ledger.close();
  }
  await compareCounted(house, addFor(undefined));
  return balanceOf(mismatches, 0);
}

/**
 * One task that was neither aborted nor failed for each payment that the ledger has; one more for each leave to send a submit in
 * doubt again.
 */
function compareFile(tasks: readonly AdminTask[], rows: readonly Row[], leaves: number, add: Add): void {
  const good = tasks.filter(({ status, failure }) => status !== 'ABORTED' && failure === null);
  const ids = tasks.map(({ taskId, status, failure }) => `${taskId} ${failure ?? status}`).join(', ');
  const payments = new Set(rows.map(({ erase_id }) => erase_id));
  if (good.length > payments.size + leaves) {
    add(
      'duplicate',
      `the vendor accepted ${good.length} tasks for ${payments.size} payments, leaves ${leaves}: ${ids}`,
    );
  }
  for (const eraseId of payments) {
    const known = good.filter(({ taskId }) => rows.some((r) => r.erase_id === eraseId && r.task_id === taskId));
    if (known.length > 1 + leaves) add('duplicate', `${known.length} tasks stand in one payment: ${ids}`);
  }
  const doubts = rows.filter(({ state }) => state === 'sending' || state === 'unknown').length;
  const unknown = tasks.filter(({ taskId }) => !rows.some(({ task_id }) => task_id === taskId));
  if (unknown.length > doubts)
    add('lost', `no row of the ledger knows ${unknown.map(({ taskId }) => taskId).join(', ')}`);
  for (const { task_id, outcome } of rows) {
    if (task_id === null) continue;
    if (!tasks.some(({ taskId }) => taskId === task_id))
      add('wrong', `the ledger holds ${task_id}, which is no task of the file`);
    else if (outcome === null) add('lost', `the ledger does not know how ${task_id} ended`);
  }
}

function compareEnd(erase: TrackedErase, tasks: readonly AdminTask[], add: Add): void {
  const { end, workflowId } = erase;
  if (end === undefined || end.kind === 'open') {
    add('open', `${workflowId}, has not ended: ${end?.why ?? 'nobody looked'}`);
    return;
  }
  if (end.kind === 'held') {
    add('open', `${workflowId}, is held: ${end.message}`);
    return;
  }
  const named = end.kind === 'succeeded' ? end.result.taskId : end.details.taskId;
  const task = tasks.find(({ taskId }) => taskId === named);
  if (named !== null && task === undefined) add('wrong', `${workflowId}, names ${named}, which is no task of its file`);
  if (end.kind === 'succeeded') {
    if (task !== undefined && task.resultFileId === null)
      add('wrong', `${workflowId}, succeeded by a task without a result`);
    return;
  }
  if (end.details.code === 'Aborted' && task?.status !== 'ABORTED') {
    add('lost', `${workflowId}, says that ${named} was aborted, and it is ${task?.status}`);
  }
}

async function rowsOf(house: House): Promise<Row[]> {
  const { rows } = await house.sql.query<Row>(
    'select submission.*, file_id from submission join erase on erase.id = erase_id order by erase_id, number',
  );
  return rows;
}
