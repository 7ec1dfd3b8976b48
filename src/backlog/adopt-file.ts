import { z } from 'zod';
import type { BatchSource } from '../contract/batch.js';
import { pastedId, pastedWord } from '../contract/pasted.js';
import { fileIdSchema } from '../contract/request-schema.js';
import { MAX_DEADLINE_HOURS } from '../contract/vendor-limits.js';
import { shown } from '../contract/visible.js';
import type { RowProblem, StagedRequest } from '../ledger/batches/batch-staging.js';
import { parseJson } from '../text-file/json.js';
import { HashedText } from './bytes.js';
import type { CsvColumns } from './csv-columns.js';
import { fieldsOf } from './csv-fields.js';
import { CsvTable, type TableRow } from './csv-table.js';
import { openBytes } from './open-source.js';
import { type Installation, RequestMaker, type SharedRequest } from './requests.js';
import { SourceError, type SourceRow } from './source.js';

/** A row's claim that a request has a task or a result. */
export interface ClaimedTask extends StagedRequest {
  row: number;
  taskId: string | null;
  resultFileId: string | null;
  /** ISO 8601; the task's creation time, used where the vendor reports none. */
  submittedAt: string | null;
}

export interface AdoptFile {
  claims: ClaimedTask[];
  problems: RowProblem[];
  source: BatchSource;
}

/** Columns besides those of a backlog; our own reports have `recipeOptions` beside the recipe's name. */
const COLUMNS = ['taskId', 'resultFileId', 'submittedAt', 'recipeOptions'] as const;
type AdoptColumn = (typeof COLUMNS)[number];

/** Maximum TaskId length. Ours: several times the vendor's. */
const MAX_TASK_ID = 200;
const taskIdSchema = z
  .string()
  .regex(/^[\x21-\x7e]+$/)
  .max(MAX_TASK_ID);
const timeSchema = z.iso.datetime({ offset: true });

/**
 * Reads the list of another program's submits: CSV with a header, with `fileId` and `taskId` or `resultFileId` in each row. The
 * list is held in memory, about a kilobyte a row; `-` is standard input, and an empty list is valid.
 * @throws SourceError when it is unreadable
 */
export async function readAdoptFile(
  path: string,
  shared: SharedRequest,
  installation: Installation = {},
  options: { encoding?: string | undefined } = {},
): Promise<AdoptFile> {
  const { name, bytes, encoding } = await openBytes(path, options);
  const input = new HashedText(bytes, encoding);
  const table = new CsvTable(input, { more: COLUMNS });
  // An adopted item never pays, whatever its row contains.
  const requests = new RequestMaker({ ...shared, neverPay: true }, installation);
  const claims: ClaimedTask[] = [];
  const problems: RowProblem[] = [];
  const seen = new Seen();
  for await (const row of table.rows()) {
    const claim = seen.check(claimOf(row, checkedColumns(table), requests));
    if ('problem' in claim) problems.push(claim);
    else claims.push(claim);
  }
  const rows = claims.length + problems.length;
  return { claims, problems, source: { kind: 'adopted', name, sha256: input.sha256(), rows } };
}

function checkedColumns({ columns }: CsvTable): CsvColumns {
  const { header, more } = columns as CsvColumns;
  if (header && (more.taskId !== undefined || more.resultFileId !== undefined)) return columns as CsvColumns;
  throw new SourceError(
    'input',
    'There is no column taskId or resultFileId.',
    'The first row has to name the columns: fileId, and taskId or resultFileId; recipe and subAppId where they differ.',
  );
}

function claimOf(of: TableRow, columns: CsvColumns, requests: RequestMaker): ClaimedTask | RowProblem {
  const cell = (column: AdoptColumn) => of.cells[columns.more[column] ?? -1] ?? '';
  const asked = withOptions(fieldsOf(of, columns), pastedWord(cell('recipeOptions')));
  const made = requests.make(asked);
  if ('problem' in made) return made.problem;
  const { row } = of;
  const { fileId } = made.request.request;
  const taskId = pastedWord(cell('taskId')) || null;
  const resultFileId = pastedId(cell('resultFileId')) || null;
  const submittedAt = pastedWord(cell('submittedAt')) || null;
  const refuse = (problem: string): RowProblem => ({ row, fileId, problem });
  if (taskId === null && resultFileId === null) return refuse('has neither a taskId nor a resultFileId.');
  if (taskId !== null && !taskIdSchema.safeParse(taskId).success) return refuse('taskId is not a TaskId.');
  if (resultFileId !== null && !fileIdSchema.safeParse(resultFileId).success) {
    return refuse(`resultFileId is ${shown(resultFileId)}; it must be the decimal digits of a FileId.`);
  }
  if (resultFileId === fileId) return refuse('resultFileId is the source file itself.');
  if (submittedAt !== null && !timeSchema.safeParse(submittedAt).success) {
    return refuse('submittedAt is not a time such as 2031-01-31T10:00:00Z.');
  }
  return { ...made.request, row, taskId, resultFileId, submittedAt };
}

/** Our reports have the recipe's options in a separate column. */
function withOptions(asked: SourceRow, options: string): SourceRow {
  if (options === '' || !('fields' in asked)) return asked;
  const { row, fields } = asked;
  const { name } = (fields.recipe ?? {}) as { name?: string };
  const fileId = typeof fields.fileId === 'string' ? fields.fileId : null;
  try {
    const given: unknown = parseJson(options);
    if (name === undefined || typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error();
    return { row, fields: { ...fields, recipe: { ...given, name } } };
  } catch {
    return { row, fileId, problem: 'recipeOptions is no JSON object beside a recipe.' };
  }
}

/** Each erase, task and result may occur in only one row. */
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

/** The deadline for a task of this age: the maximum, if less than {@link LEFT_HOURS} would remain. */
export function deadlineFor(deadlineHours: number, ageHours: number): number {
  return ageHours + LEFT_HOURS > deadlineHours ? MAX_DEADLINE_HOURS : deadlineHours;
}

/** Minimum time that an adopted task gets, in hours. Ours. */
const LEFT_HOURS = 12;
