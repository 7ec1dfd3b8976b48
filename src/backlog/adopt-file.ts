import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import type { BatchSource } from '../contract/batch.js';
import { fileIdSchema, MAX_DEADLINE_HOURS } from '../contract/request-schema.js';
import type { RowProblem, StagedRequest } from '../ledger/batch-staging.js';
import { HashedText } from './bytes.js';
import { recordsOf } from './csv.js';
import { columnsOf } from './csv-columns.js';
import { fieldsOf } from './csv-fields.js';
import { plainCell } from './plain-cell.js';
import { type Installation, RequestMaker, type SharedRequest } from './requests.js';
import { SourceError, type SourceRow } from './source.js';

/** What a row says was done, or is running, for a request. */
export interface ClaimedTask extends StagedRequest {
  row: number;
  taskId: string | null;
  resultFileId: string | null;
  /** ISO 8601; when the task was made, where the vendor does not tell. */
  submittedAt: string | null;
}

export interface AdoptFile {
  claims: ClaimedTask[];
  problems: RowProblem[];
  source: BatchSource;
}

/** Columns besides those of a backlog; `recipeOptions` stands in our own reports, beside the recipe's name. */
const COLUMNS = ['taskId', 'resultFileId', 'submittedAt', 'recipeOptions'] as const;
type AdoptColumn = (typeof COLUMNS)[number];

/** Longest TaskId that is taken. Ours: several times the vendor's. */
const MAX_TASK_ID = 200;
const taskIdSchema = z
  .string()
  .regex(/^[\x21-\x7e]+$/)
  .max(MAX_TASK_ID);
const timeSchema = z.iso.datetime({ offset: true });

/**
 * Reads the list of a program that submitted by itself: CSV with a header, `fileId` and `taskId` or `resultFileId` in each
 * row. All of it is held in memory, about a kilobyte a row. `-` is standard input.
 * @throws SourceError when it cannot be read at all
 */
export async function readAdoptFile(
  path: string,
  shared: SharedRequest,
  installation: Installation = {},
): Promise<AdoptFile> {
  const input = new HashedText(path === '-' ? process.stdin : bytesOf(path));
  // What is adopted is never paid for here, whatever the row says.
  const requests = new RequestMaker({ ...shared, neverPay: true }, installation);
  const claims: ClaimedTask[] = [];
  const problems: RowProblem[] = [];
  let header: ReturnType<typeof headerOf> | null = null;
  const seen = new Seen();
  let row = 0;
  for await (const cells of recordsOf(input.text())) {
    row += 1;
    if (cells.every((cell) => cell.trim() === '')) continue;
    if (header === null) {
      header = headerOf(cells);
      continue;
    }
    const claim = seen.check(claimOf(cells, header, row, requests));
    if ('problem' in claim) problems.push(claim);
    else claims.push(claim);
  }
  if (header === null) throw new SourceError('input', `${path} is empty.`);
  const kind = 'adopted' as const;
  return { claims, problems, source: { kind, name: basename(path), sha256: input.sha256(), rows: row - 1 } };
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of createReadStream(path)) yield chunk as Uint8Array;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : (code ?? String(error));
    throw new SourceError('input', `${path} cannot be read: ${why}.`, 'Check its name and whether you may read it.', {
      cause: error,
    });
  }
}

function headerOf(cells: readonly string[]) {
  const columns = columnsOf(cells);
  const names = cells.map((cell) => cell.toLowerCase().replace(/[\s_-]/g, ''));
  const at = Object.fromEntries(COLUMNS.map((column) => [column, names.indexOf(column.toLowerCase())])) as Record<
    AdoptColumn,
    number
  >;
  if (!columns.header || (at.taskId === -1 && at.resultFileId === -1)) {
    throw new SourceError(
      'input',
      'There is no column taskId or resultFileId.',
      'The first row has to name the columns: fileId, and taskId or resultFileId; recipe and subAppId where they differ.',
    );
  }
  return { columns, at };
}

function claimOf(
  cells: readonly string[],
  { columns, at }: ReturnType<typeof headerOf>,
  row: number,
  requests: RequestMaker,
): ClaimedTask | RowProblem {
  const cell = (column: AdoptColumn) => plainCell(cells[at[column]]) || null;
  const asked = withOptions(fieldsOf(cells, columns, row), cell('recipeOptions'));
  const made = 'problem' in asked ? { problem: asked } : requests.make(asked);
  if ('problem' in made) return made.problem;
  const { fileId } = made.request.request;
  const [taskId, resultFileId, submittedAt] = [cell('taskId'), cell('resultFileId'), cell('submittedAt')];
  const refuse = (problem: string): RowProblem => ({ row, fileId, problem });
  if (taskId === null && resultFileId === null) return refuse('has neither a taskId nor a resultFileId.');
  if (taskId !== null && !taskIdSchema.safeParse(taskId).success) return refuse('taskId is not a TaskId.');
  if (resultFileId !== null && !fileIdSchema.safeParse(resultFileId).success) {
    return refuse(`resultFileId is ${JSON.stringify(resultFileId)}; it must be the decimal digits of a FileId.`);
  }
  if (resultFileId === fileId) return refuse('resultFileId is the source file itself.');
  if (submittedAt !== null && !timeSchema.safeParse(submittedAt).success) {
    return refuse('submittedAt is not a time such as 2031-01-31T10:00:00Z.');
  }
  return { ...made.request, row, taskId, resultFileId, submittedAt };
}

/** The recipe's options in a column of their own, as our reports have them. */
function withOptions(asked: SourceRow, options: string | null): SourceRow {
  if (options === null || !('fields' in asked)) return asked;
  const { row, fields } = asked;
  const { name } = (fields.recipe ?? {}) as { name?: string };
  const fileId = typeof fields.fileId === 'string' ? fields.fileId : null;
  try {
    const given: unknown = JSON.parse(options);
    if (name === undefined || typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error();
    return { row, fields: { ...fields, recipe: { ...given, name } } };
  } catch {
    return { row, fileId, problem: 'recipeOptions is no JSON object beside a recipe.' };
  }
}

/** One erase, one task and one result belong to one row. */
class Seen {
  readonly #rows = new Map<string, number>();

  check(claim: ClaimedTask | RowProblem): ClaimedTask | RowProblem {
    if ('problem' in claim) return claim;
    const { row, request, recipeHash, workflowId, taskId, resultFileId } = claim;
    const names: [what: string, name: string | null][] = [
      ['erase', `${request.subAppId}/${request.fileId}/${recipeHash}`],
      ['key', workflowId],
      ['task', taskId],
      ['result', resultFileId],
    ];
    for (const [what, name] of names) {
      const first = name === null ? undefined : this.#rows.get(`${what} ${name}`);
      if (first !== undefined) return { row, fileId: request.fileId, problem: `has the same ${what} as row ${first}.` };
    }
    for (const [what, name] of names) if (name !== null) this.#rows.set(`${what} ${name}`, row);
    return claim;
  }
}

/** Hours that are left to a task of this age, at least half a day of them: else the whole time that there is. */
export function deadlineFor(deadlineHours: number, ageHours: number): number {
  return ageHours + LEFT_HOURS > deadlineHours ? MAX_DEADLINE_HOURS : deadlineHours;
}

/** A task that was adopted is given this long at least, in hours. Ours. */
const LEFT_HOURS = 12;
