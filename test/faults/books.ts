import type { AdminTask } from '../../src/simulator/index.js';
import type { House } from './house.js';
import type { TrackedErase } from './tracked-erase.js';

/** The ledger's row of one submission, as SQL gives it. */
export interface LedgerRow {
  file_id: string;
  number: number;
  state: string;
  arms: number;
  intent_at: Date;
  place_at: Date;
  answered_at: Date | null;
  task_id: string | null;
  adopted: boolean;
  error_code: string | null;
  outcome: string | null;
  run_id: string;
  batch_id: string | null;
  cost_usd: string | null;
  /** Null when it is known that nothing was spent. */
  cost_day: unknown;
}

export interface Mismatch {
  /** `budget`: more was spent than was allowed. `open`: a run, or a batch, has not ended. */
  kind: 'duplicate' | 'lost' | 'budget' | 'open' | 'wrong';
  erase: TrackedErase;
  what: string;
}

export interface Balance {
  duplicates: number;
  lost: number;
  budgetsPassed: number;
  leftOpen: number;
  held: number;
  mismatches: Mismatch[];
}

/** Compares three records: the vendor's accepted tasks, the ledger, and what each run reported in the end. */
export async function balance(house: House, erases: readonly TrackedErase[]): Promise<Balance> {
  const [tasks, rows] = await Promise.all([acceptedTasks(house), ledgerRows(house)]);
  const mismatches: Mismatch[] = [];
  let held = 0;
  for (const erase of erases) {
    const { fileId } = erase.request;
    const accepted = (tasks.get(fileId) ?? []).filter(({ taskId }) => !erase.options.foreignTasks?.has(taskId));
    const entries = rows.filter((row) => row.file_id === fileId);
    if (erase.end?.kind === 'held') held += 1;
    const add = (kind: Mismatch['kind'], what: string) => mismatches.push({ kind, erase, what });
    // Where nobody can know, an accepted task that is listed too late is paid for again; the run must then stop.
    if (erase.ends !== 'held') compareMoney(accepted, entries, add);
    compareLedger(erase, accepted, entries, add);
    compareEnd(erase, accepted, add);
  }
  return balanceOf(mismatches, held);
}

export function balanceOf(mismatches: Mismatch[], held: number): Balance {
  const count = (kind: Mismatch['kind']) => mismatches.filter((each) => each.kind === kind).length;
  return {
    duplicates: count('duplicate'),
    lost: count('lost'),
    budgetsPassed: count('budget'),
    leftOpen: count('open'),
    held,
    mismatches,
  };
}

type Add = (kind: Mismatch['kind'], what: string) => void;

/** One accepted task, and one more for each whose failure stands in the ledger: that is the visible paid resubmission. */
function compareMoney(accepted: readonly AdminTask[], entries: readonly LedgerRow[], add: Add): void {
  const failed = entries.filter(({ outcome }) => outcome === 'failed' || outcome === 'aborted').length;
  if (accepted.length > 1 + failed) {
    add('duplicate', `the vendor accepted ${accepted.length} tasks: ${accepted.map((t) => t.taskId).join(', ')}`);
  }
}

function compareLedger(
  erase: TrackedErase,
  accepted: readonly AdminTask[],
  entries: readonly LedgerRow[],
  add: Add,
): void {
  const known = new Set(entries.map(({ task_id }) => task_id));
  // The open intent stands for what may have been accepted, as long as the run says that it is not known.
  const { end } = erase;
  const doubtIsTold = end?.kind === 'held' || (end?.kind === 'cancelled' && end.details.code === 'InDoubt');
  const doubtIsOpen = doubtIsTold && entries.some(({ state }) => state === 'sending');
  for (const { taskId } of accepted) {
    if (!known.has(taskId) && !doubtIsOpen) add('lost', `no row of the ledger knows the accepted task ${taskId}`);
  }
  for (const { task_id } of entries) {
    if (task_id !== null && !accepted.some(({ taskId }) => taskId === task_id)) {
      add('wrong', `the ledger holds ${task_id}, which is not a task of ours for this file`);
    }
  }
}

function compareEnd(erase: TrackedErase, accepted: readonly AdminTask[], add: Add): void {
  const { end, ends } = erase;
  const isOurs = (taskId: string | null) => accepted.some((task) => task.taskId === taskId);
  switch (end?.kind) {
    case undefined:
    case 'open':
      add('open', `the run has not ended: ${end?.why ?? 'nobody looked'}`);
      return;
    case 'held':
      if (ends === 'succeeded') add('wrong', `held although it could be known: ${end.message}`);
      if (erase.options.because?.test(end.message) === false) add('wrong', `held for another reason: ${end.message}`);
      return;
    case 'succeeded': {
      if (ends === 'held') add('wrong', 'it succeeded where nobody could know which task is its own');
      if (!isOurs(end.result.taskId)) add('lost', `its result is of ${end.result.taskId}, which is not its task`);
      return;
    }
    case 'failed':
    case 'cancelled': {
      const { taskId, moneySpent, message } = end.details;
      if (ends !== 'truth') add('wrong', `it ended as ${end.kind}: ${message}`);
      const billed = accepted.filter((task) => task.status !== 'ABORTED');
      if (billed.length > 0 && !moneySpent) {
        add('lost', `it says that nothing was spent, and ${billed[0]?.taskId} is billed: ${message}`);
      }
      if (billed.length > 0 && taskId === null && end.details.code !== 'InDoubt') {
        add('lost', `it names no task, and ${billed[0]?.taskId} was accepted: ${message}`);
      }
      if (taskId !== null && !isOurs(taskId)) add('wrong', `it names ${taskId}, which is not its task`);
    }
  }
}

export async function acceptedTasks(house: House): Promise<Map<string, AdminTask[]>> {
  const byFile = new Map<string, AdminTask[]>();
  for (const task of await house.simulator.admin.tasks()) {
    if (task.kind !== 'ProcessMediaByMPS') continue;
    byFile.set(task.fileId, [...(byFile.get(task.fileId) ?? []), task]);
  }
  return byFile;
}

export async function ledgerRows(house: House): Promise<LedgerRow[]> {
  const { rows } = await house.sql.query<LedgerRow>(
    `select file_id, number, state, arms, intent_at, place_at, answered_at, task_id, adopted, error_code, outcome, run_id,
       batch_id, cost_usd, cost_day
     from submission join erase on erase.id = erase_id order by erase_id, number`,
  );
  return rows;
}
