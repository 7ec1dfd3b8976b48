import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pastedWord } from '../contract/pasted.js';
import { REPORT_FILE } from '../contract/report.js';
import { plainName } from './csv-columns.js';
import { SourceError } from './source.js';

/** Names that occur only in our reports. */
const CERTAIN = ['recipeHash', 'recipeOptions'];
/** Names that rarely occur in other lists; two of them identify one of ours. */
const TELLING = ['workflowId', 'runId', 'requestId', 'estimatedUsd', 'costUsd', 'batchId'];
/** Names that lists of submitted tasks also have. */
const SUBMITTED = ['taskId', 'resultFileId'];
/** Common names; many of them are necessary to identify a report. */
const COMMON = 'number row state class code message attempts startedAt endedAt requestedBy'.split(' ');
/** First rows that may be the header, since a title may precede it. */
const HEAD_ROWS = 3;
/** An id that is safe to print in a shell command. */
const BATCH_ID = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u;

/**
 * - `report`: the items of a batch, as written by `batch results`, or another list of erases that we print
 * - `mapping`: sources and results
 * - `plan`: output of `batch plan`, with rows or all
 * - `submitted`: input of `batch adopt`
 */
export type OwnOutput = 'report' | 'mapping' | 'plan' | 'submitted';

/** The kind of our output that these columns or keys identify; null: none. */
export function ownOutput(names: readonly string[]): OwnOutput | null {
  const plain = new Set(names.map(plainName));
  const has = (name: string) => plain.has(plainName(name));
  const count = (of: readonly string[]) => of.filter(has).length;
  if (has('sourceFileId') && has('resultFileId') && !has('fileId')) return 'mapping';
  if (has('paidBefore') || (plain.size === 3 && has('row') && has('fileId') && has('problem'))) return 'plan';
  const [telling, submitted, common] = [count(TELLING), count(SUBMITTED), count(COMMON)];
  if (count(CERTAIN) > 0 || telling >= 2 || common >= 6) return 'report';
  if (telling + submitted > 0 && telling + submitted + common >= 4) return 'report';
  return submitted > 0 ? 'submitted' : null;
}

/** One of our own outputs was given as a backlog. */
export class OwnReportError extends SourceError {
  constructor(
    readonly output: OwnOutput,
    /** Null where it has none. */
    readonly batchId: string | null,
    /** State of its first item. */
    readonly state: string | null,
  ) {
    super(
      'input',
      whatIsIt(output, batchId),
      whatToDo(output, batchId ?? 'BATCH', state) + whereIsTheId(output, batchId),
    );
  }
}

/** Examines the first rows of a CSV file. */
export class OwnReportGuard {
  #seen = 0;
  #header: { names: string[]; output: OwnOutput } | null = null;

  /**
   * @param cells of each nonempty row
   * @returns true for the header of a report
   * @throws OwnReportError for the row below it, which names the batch
   */
  isReportHeader(cells: readonly string[]): boolean {
    if (this.#header !== null) {
      const { names, output } = this.#header;
      throw refusal(output, (name) => pastedWord(cells[names.indexOf(plainName(name))] ?? ''));
    }
    this.#seen += 1;
    const output = this.#seen > HEAD_ROWS ? null : ownOutput(cells);
    if (output !== null) this.#header = { names: cells.map(plainName), output };
    return output !== null;
  }

  /** @throws OwnReportError when a report has only a header */
  end(): void {
    if (this.#header !== null) throw new OwnReportError(this.#header.output, null, null);
  }
}

/** @throws OwnReportError when an NDJSON line is from one of our outputs */
export function refuseOwnLine(line: Record<string, unknown>): void {
  const output = ownOutput(Object.keys(line));
  if (output !== null) throw refusal(output, (name) => line[name]);
}

function refusal(output: OwnOutput, field: (name: string) => unknown): OwnReportError {
  const [batchId, state] = [field('batchId'), field('state')];
  return new OwnReportError(
    output,
    typeof batchId === 'string' && BATCH_ID.test(batchId) ? batchId : null,
    typeof state === 'string' ? state : null,
  );
}

/** Adds the batch's id, if the manifest beside the file has it. */
export async function withBatchOf(error: OwnReportError, path: string): Promise<OwnReportError> {
  if (error.batchId !== null) return error;
  try {
    const manifest = JSON.parse(await readFile(join(dirname(path), REPORT_FILE.manifest), 'utf8'));
    const isOfIt = (manifest.files as { name: string }[]).some(({ name }) => name === basename(path));
    if (!isOfIt || !BATCH_ID.test(manifest.batchId)) return error;
    return new OwnReportError(error.output, manifest.batchId, error.state);
  } catch {
    return error;
  }
}

function whatIsIt(output: OwnOutput, batchId: string | null): string {
  const of = batchId === null ? 'a batch' : `batch ${batchId}`;
  switch (output) {
    case 'report':
      return `This is a report of ${of}, not a backlog: what its items are and were paid for as does not stand in it whole.`;
    case 'mapping':
      return `This is the mapping of ${of}, not a backlog: it has sources that are done, and their results.`;
    case 'plan':
      return 'This is what `batch plan` printed, not a backlog.';
    case 'submitted':
      return 'This is a list of what was submitted already (it has taskId or resultFileId): as a backlog it would be paid for again.';
  }
}

const ANEW = 'To erase these files by another recipe, keep only the column fileId.';

function whatToDo(output: OwnOutput, batch: string, state: string | null): string {
  if (output === 'plan') return 'Give the list that was planned, with its rows put right.';
  if (output === 'submitted') {
    return 'Take it over with: smart-erase batch adopt FILE. To have it erased all the same, remove that column.';
  }
  if (output === 'mapping' || state === 'succeeded' || state === 'reused') {
    return `Nothing of it needs another run; what failed is run again by: smart-erase batch redrive ${batch} --failed. ${ANEW}`;
  }
  if (state === 'pending' || state === 'running' || state === 'held') {
    return `That batch has not ended: smart-erase batch status ${batch}; then smart-erase batch redrive ${batch} --failed. ${ANEW}`;
  }
  const option = state === 'cancelled' || state === 'skipped' ? '' : ' --failed';
  return `Run its items again with: smart-erase batch redrive ${batch}${option}. ${ANEW}`;
}

function whereIsTheId(output: OwnOutput, batchId: string | null): string {
  if (batchId !== null || output === 'plan' || output === 'submitted') return '';
  return ' BATCH is the batchId in the manifest.json beside it; smart-erase batch list has them all.';
}
