import { pastedId, pastedKey, pastedWord } from '../contract/pasted.js';
import { kindOf } from '../contract/problem.js';
import { MAX_REQUEST_BYTES } from '../contract/request-schema.js';
import { JsonTextError, parseJson } from '../text-file/json.js';
import { fileInCommand } from '../text-file/kind.js';
import { HashedText, type SaidEncoding } from './bytes.js';
import { isHeader } from './csv-columns.js';
import { linesOf } from './lines.js';
import { refuseOwnLine } from './own-report.js';
import { type BacklogSource, calledSource, SourceError, type SourceRow } from './source.js';

/** Maximum number of lines joined to detect one object that spans several. */
const LINES_OF_ONE = 200;
const ONE_A_LINE = 'Write one request a line';

/** NDJSON: one request a line; common fields may be omitted. Empty lines count as rows. */
export function ndjsonSource(
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  encoding: SaidEncoding | null = null,
): BacklogSource {
  const input = new HashedText(bytes, encoding);
  return {
    kind: 'ndjson',
    name,
    rows: () => rowsOf(name, input),
    sha256: () => input.sha256(),
    ignoredColumns: () => [],
  };
}

async function* rowsOf(name: string, input: HashedText): AsyncGenerator<SourceRow, void, undefined> {
  let row = 0;
  const tooLong = (line: number) =>
    new SourceError('input', `Line ${line} has more than ${MAX_REQUEST_BYTES} characters.`, `${ONE_A_LINE}.`);
  const lines = linesOf(input.text(), MAX_REQUEST_BYTES, tooLong);
  let begins = true;
  for await (const line of lines) {
    row += 1;
    if (line.replace(/^\ufeff+/, '').trim() === '') continue;
    const made = rowOf(line, row, input);
    if (!begins || 'fields' in made) {
      begins = false;
      yield made;
      continue;
    }
    // A format error visible in the first line is reported once, not for every line.
    begins = false;
    refuseCommas(name, line, row);
    const more = await linesAfter(line, lines, (comma) => overLines(name, row, comma));
    yield made;
    for (const each of more) {
      row += 1;
      if (each.trim() !== '') yield rowOf(each, row, input);
    }
  }
}

function rowOf(line: string, row: number, input: HashedText): SourceRow {
  const misread = input.misread(line, `Line ${row}`);
  if (misread !== null) throw misread;
  if (line.includes('\uFFFD')) {
    const broken = input.broken(`Line ${row}`);
    if (broken !== null) throw broken;
  }
  let value: unknown;
  try {
    value = parseJson(line.replace(/^\ufeff+/, ''));
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    return { row, fileId: error.longNumbers.get('fileId') ?? null, problem: sentence(error) };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { row, fileId: null, problem: `is ${kindOf(value)}; each line has to be a JSON object, one request.` };
  }
  refuseOwnLine(value as Record<string, unknown>);
  return { row, fields: pastedFields(value as Record<string, unknown>) };
}

function sentence({ message, longNumbers }: JsonTextError): string {
  const number = longNumbers.get('fileId');
  if (number === undefined) return message;
  return `fileId is the number ${number}, which loses digits; a FileId must be a string: "${number}".`;
}

/** Ids in NDJSON may also be pasted from a chat. */
function pastedFields({ ...fields }: Record<string, unknown>): Record<string, unknown> {
  if (typeof fields.fileId === 'string') fields.fileId = pastedId(fields.fileId);
  if (typeof fields.key === 'string') fields.key = pastedKey(fields.key);
  const recipe = fields.recipe as { name?: unknown } | undefined | null;
  if (typeof recipe === 'object' && typeof recipe?.name === 'string') {
    fields.recipe = { ...recipe, name: pastedWord(recipe.name) };
  }
  return fields;
}

/** @throws SourceError where the first line shows another format */
function refuseCommas(name: string, line: string, row: number): void {
  const text = line.trim();
  if (/^[{[].*[}\]],$/s.test(text) && isJson(text.slice(0, -1))) {
    throw new SourceError(
      'input',
      `${calledSource(name)} has commas between its lines (line ${row}), which NDJSON has not.`,
      `${ONE_A_LINE} and nothing between them: sed 's/,[[:space:]]*$//' ${fileInCommand(name)} > list.ndjson`,
    );
  }
  if ([',', ';', '\t'].some((delimiter) => isHeader(text.split(delimiter)))) {
    throw new SourceError('input', `${calledSource(name)} is CSV: line ${row} is a header.`, 'Give --format csv.');
  }
}

/** The lines after one that is invalid JSON. @throws the error of `whole` where together they are one JSON object */
async function linesAfter(
  first: string,
  lines: AsyncGenerator<string, void, undefined>,
  whole: (comma: boolean) => SourceError,
): Promise<string[]> {
  const more: string[] = [];
  if (!/^\s*\{/.test(first) || isJson(first)) return more;
  let text = first;
  while (more.length < LINES_OF_ONE && text.length <= MAX_REQUEST_BYTES) {
    const next = await lines.next();
    if (next.done) break;
    more.push(next.value);
    text += `\n${next.value}`;
    const object = text.replace(/,\s*$/, '');
    if (/[}\]]/.test(next.value) && isJson(object)) throw whole(object !== text);
  }
  return more;
}

function overLines(name: string, row: number, comma: boolean): SourceError {
  const file = fileInCommand(name);
  return new SourceError(
    'input',
    `${calledSource(name)} has an object over several lines, from line ${row} on (pretty-printed).`,
    `${ONE_A_LINE}: ${comma ? `(echo [; cat ${file}; echo ]) | jq -c '.[]'` : `jq -c . ${file}`} > list.ndjson`,
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
