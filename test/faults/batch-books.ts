import { BATCH_ITEM_STATES, type BatchCounts, type BatchSnapshot, noCounts } from '../../src/contract/batch.js';
import type { ReportItem } from '../../src/contract/report.js';
import type { AdminTask } from '../../src/simulator/index.js';
import type { ReadReport } from './batch-report.js';
import { type BatchScene, BROKEN_FILE, type Fate, NO_SUCH_FILE, REFUSAL, VENDOR_FAILURE } from './batch-scene.js';

/** A submission as the ledger has it. */
export interface Submission {
  file_id: string;
  state: string;
  task_id: string | null;
  outcome: string | null;
}

/** All that is written down about a batch, in four places. */
export interface BatchBooks {
  scene: BatchScene;
  /** At the vendor's door: every task that was accepted. */
  tasks: readonly AdminTask[];
  submissions: readonly Submission[];
  /** Items of the ledger by state. */
  counts: BatchCounts;
  /** USD that the ledger counted as spent, over all submits. */
  countedUsd: number;
  snapshot: BatchSnapshot;
  report: ReadReport;
}

export interface BatchBalance {
  /** Accepted tasks that no failed one explains. */
  duplicates: string[];
  /** What was paid for or requested, and is missing or wrong in the report. */
  lost: string[];
  wrong: string[];
}

/** How an item has to end, given what the vendor accepted for its file. */
interface Truth {
  state: 'succeeded' | 'failed';
  code: string | null;
  task: AdminTask | undefined;
  tasks: readonly AdminTask[];
  /** Submits without a task after reconciling, such as those of a worker that was killed before the call. They count as spent. */
  unknown: number;
}

/**
 * Lays the vendor's books, the ledger, the last snapshot and the report side by side. The vendor's are true: the report has to be
 * what can be worked out from them and from what was planned.
 */
export function balanceBatch(books: BatchBooks): BatchBalance {
  const balance: BatchBalance = { duplicates: [], lost: [], wrong: [] };
  const truths = truthsOf(books, balance);
  compareLedger(books, balance);
  compareItems(books, truths, balance);
  compareMapping(books, truths, balance);
  compareSums(books, truths, balance);
  balance.wrong.push(...books.report.problems);
  return balance;
}

/** Tasks that each fate needs; any more were paid for nothing. */
const TASKS: Record<Fate, number> = {
  plain: 1,
  refused: 0,
  broken: 1,
  'failed once': 2,
  'failed twice': 2,
  unanswered: 1,
  deleted: 1,
};

function truthsOf({ scene, tasks, submissions }: BatchBooks, { duplicates, lost }: BatchBalance): Map<string, Truth> {
  const byFile = new Map<string, AdminTask[]>(scene.items.map(({ fileId }) => [fileId, []]));
  for (const task of tasks) {
    const known = byFile.get(task.fileId);
    if (known === undefined) duplicates.push(`${task.taskId} is of ${task.fileId}, which is not in the batch`);
    else known.push(task);
  }
  const truths = new Map<string, Truth>();
  for (const { fileId, fate } of scene.items) {
    const own = (byFile.get(fileId) ?? []).sort((a, b) => a.createdAt - b.createdAt);
    const most = TASKS[fate];
    if (own.length > most) {
      duplicates.push(`${fileId} (${fate}): the vendor accepted ${own.length}: ${own.map((t) => t.taskId).join(', ')}`);
    }
    if (own.length < most && fate !== 'deleted') {
      lost.push(`${fileId} (${fate}): the vendor accepted ${own.length} tasks, not ${most}`);
    }
    const unknown = submissions.filter((each) => each.file_id === fileId && each.state === 'unknown').length;
    truths.set(fileId, { ...endOf(fate, own), tasks: own, unknown });
  }
  return truths;
}

function endOf(fate: Fate, own: readonly AdminTask[]): Omit<Truth, 'tasks' | 'unknown'> {
  const good = own.find((task) => task.status === 'FINISH' && task.failure === null);
  if (good !== undefined) return { state: 'succeeded', code: null, task: good };
  const task = own.at(-1);
  const codes: Partial<Record<Fate, string>> = {
    refused: REFUSAL,
    broken: BROKEN_FILE,
    'failed twice': VENDOR_FAILURE,
    deleted: NO_SUCH_FILE,
  };
  return { state: 'failed', code: codes[fate] ?? 'none: it should have succeeded', task };
}

function compareLedger({ tasks, submissions }: BatchBooks, { duplicates, lost, wrong }: BatchBalance): void {
  const door = new Set(tasks.map(({ taskId }) => taskId));
  const known = new Set<string>();
  for (const { task_id: taskId, file_id: fileId, state, outcome } of submissions) {
    if (state === 'sending') wrong.push(`a submit of ${fileId} is still in doubt`);
    if (taskId === null) continue;
    if (known.has(taskId)) duplicates.push(`the ledger has ${taskId} twice`);
    known.add(taskId);
    if (!door.has(taskId)) wrong.push(`the ledger has ${taskId}, which the vendor does not know`);
    if (outcome === null) lost.push(`the ledger does not know how ${taskId} of ${fileId} ended`);
  }
  for (const { taskId, fileId } of tasks) {
    if (!known.has(taskId)) lost.push(`no row of the ledger knows the accepted task ${taskId} of ${fileId}`);
  }
}

function compareItems(
  { scene, report }: BatchBooks,
  truths: ReadonlyMap<string, Truth>,
  { duplicates, lost, wrong }: BatchBalance,
): void {
  const told = new Map<number, ReportItem>();
  for (const item of [...report.succeeded, ...report.failed]) {
    if (told.has(item.number)) duplicates.push(`item ${item.number} stands twice in the report`);
    told.set(item.number, item);
  }
  const inSucceeded = new Set(report.succeeded);
  for (const [at, { fileId, fate }] of scene.items.entries()) {
    const item = told.get(at + 1);
    const truth = truths.get(fileId);
    if (item === undefined || truth === undefined) {
      lost.push(`item ${at + 1}, ${fileId}, is not in the report`);
      continue;
    }
    told.delete(at + 1);
    const costUsd = Number(((item.estimatedUsd ?? Number.NaN) * (truth.tasks.length + truth.unknown)).toFixed(6));
    const resultFileId = truth.state === 'succeeded' ? truth.task?.resultFileId : null;
    // The header of the source is row 1.
    const expected = { row: at + 2, fileId, state: truth.state, code: truth.code, resultFileId, costUsd };
    const real = { row: item.row, fileId: item.fileId, state: item.state, code: item.code };
    const seen = { ...real, resultFileId: item.resultFileId, costUsd: item.costUsd };
    const [says, is] = [JSON.stringify(seen), JSON.stringify(expected)];
    if (says !== is) wrong.push(`item ${at + 1} (${fate}): the report says ${says}, it is ${is}`);
    if (item.taskId !== (truth.task?.taskId ?? null)) {
      wrong.push(`item ${at + 1} (${fate}): the report names task ${item.taskId}, it is ${truth.task?.taskId}`);
    }
    if (inSucceeded.has(item) !== (item.state === 'succeeded')) wrong.push(`item ${at + 1} stands in the wrong file`);
    if (item.runId === null || item.startedAt === null || item.endedAt === null) {
      wrong.push(`item ${at + 1}: run, start or end is missing`);
    }
    if (item.attempts < Math.max(1, truth.tasks.length)) {
      wrong.push(`item ${at + 1}: ${item.attempts} attempts for ${truth.tasks.length} accepted tasks`);
    }
  }
  for (const number of told.keys()) wrong.push(`the report has an item ${number} that the source has not`);
  compareCsv('succeeded', report.succeeded, report.succeededCsv, wrong);
  compareCsv('failed', report.failed, report.failedCsv, wrong);
}

const CSV_COLUMNS = ['number', 'row', 'state', 'fileId', 'taskId', 'resultFileId', 'code', 'costUsd'] as const;

function compareCsv(name: string, items: readonly ReportItem[], rows: ReadReport['succeededCsv'], wrong: string[]) {
  const asText = items.map((item) => CSV_COLUMNS.map((column) => String(item[column] ?? '')).join());
  const read = rows.map((row) => CSV_COLUMNS.map((column) => row[column]).join());
  for (let at = 0; at < Math.max(asText.length, read.length); at += 1) {
    if (asText[at] !== read[at]) wrong.push(`${name}.csv says ${read[at]}, ${name}.ndjson ${asText[at]}`);
  }
}

function compareMapping(
  { report }: BatchBooks,
  truths: ReadonlyMap<string, Truth>,
  { duplicates, lost, wrong }: BatchBalance,
): void {
  const mapped = new Set<string>();
  for (const { sourceFileId = '', resultFileId, recipe } of report.mapping) {
    if (mapped.has(sourceFileId)) duplicates.push(`mapping.csv has ${sourceFileId} twice`);
    mapped.add(sourceFileId);
    const truth = truths.get(sourceFileId);
    const real = truth?.state === 'succeeded' ? truth.task?.resultFileId : 'nothing';
    if (real !== resultFileId || recipe !== 'subtitles') {
      wrong.push(`mapping.csv: ${sourceFileId} became ${resultFileId} (${recipe}), at the vendor it is ${real}`);
    }
  }
  for (const [fileId, { state }] of truths) {
    if (state === 'succeeded' && !mapped.has(fileId)) lost.push(`mapping.csv has no result of ${fileId}`);
  }
}

function compareSums(
  { scene, counts, countedUsd, snapshot, report }: BatchBooks,
  truths: ReadonlyMap<string, Truth>,
  { wrong }: BatchBalance,
): void {
  const real = noCounts();
  for (const { state } of truths.values()) real[state] += 1;
  real.total = scene.items.length;
  const { manifest } = report;
  for (const [name, told] of Object.entries({ ledger: counts, snapshot: snapshot.counts, report: manifest.counts })) {
    if (differ(told, real)) wrong.push(`the ${name} counts ${JSON.stringify(told)}, it is ${JSON.stringify(real)}`);
  }
  const itemsUsd = [...report.succeeded, ...report.failed].reduce((sum, item) => sum + (item.costUsd ?? 0), 0);
  const usd = { report: manifest.costUsd, 'sum of its items': itemsUsd, snapshot: snapshot.spentUsd, caps: countedUsd };
  if (new Set(Object.values(usd).map((amount) => amount.toFixed(4))).size > 1) {
    wrong.push(`the USD that were spent differ: ${JSON.stringify(usd)}`);
  }
  const ends = [snapshot.state, snapshot.endedAs, manifest.state, manifest.endedAs, manifest.complete].join();
  if (ends !== 'ended,completed,ended,completed,true') wrong.push(`snapshot and report say that it ended as ${ends}`);
}

function differ(a: BatchCounts, b: BatchCounts): boolean {
  return [...BATCH_ITEM_STATES, 'total' as const].some((state) => a[state] !== b[state]);
}

/** What is wrong with a snapshot, by itself and after the one before it. */
export function snapshotProblems(now: BatchSnapshot, before: BatchSnapshot | undefined, total: number): string[] {
  const problems: string[] = [];
  const { counts } = now;
  const sum = BATCH_ITEM_STATES.reduce((all, state) => all + counts[state], 0);
  if (sum !== counts.total || counts.total !== total) {
    problems.push(`the snapshot of ${now.asOf} adds up to ${sum} of ${counts.total} items, there are ${total}`);
  }
  for (const state of ENDED) {
    if (before !== undefined && counts[state] < before.counts[state]) {
      problems.push(`${state} went from ${before.counts[state]} back to ${counts[state]} at ${now.asOf}`);
    }
  }
  return problems;
}

const ENDED = BATCH_ITEM_STATES.filter((state) => !['pending', 'running', 'held'].includes(state));

/** Items that have ended. */
export function endedOf(counts: BatchCounts): number {
  return ENDED.reduce((all, state) => all + counts[state], 0);
}
