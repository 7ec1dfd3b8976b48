import { createColors } from 'picocolors';
import stringWidth from 'string-width';
import { visibleJson, visibleLines, visibleText } from '../contract/text.js';
import { stderr, stdout } from '../process/standard-streams.js';

export const FORMATS = ['table', 'json', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/** A table column: its heading and the value of a row. */
export interface Column<Row> {
  heading: string;
  of: (row: Row) => string | number | boolean | null | undefined;
}

export interface OutputOptions {
  format: Format;
  /** False: no colours and no cursor movements. */
  color: boolean;
  /** False: never ask. */
  input: boolean;
}

/** Text styles on a terminal. */
export type Style = 'bold' | 'dim' | 'green' | 'red';

/** A message for a person; control characters and line breaks in foreign text are made visible. */
export function sayLine(line: string, before = ''): void {
  stderr.write(`${before}${shown(line)}\n`);
}

/** Text of the argument parser, which has its own line breaks. */
export function writeParserText(stream: 'stdout' | 'stderr', text: string): void {
  (stream === 'stdout' ? stdout : stderr).write(visibleLines(text));
}

function shown(line: string): string {
  return visibleLines(line).replaceAll('\n', '\n  ');
}

/**
 * The only writer of results (stdout) and messages (stderr). Write errors are checked at the end (`main.ts`): a lost message is
 * ignored, a lost result is an error.
 */
export class Output {
  readonly format: Format;
  readonly input: boolean;
  /** True when stderr is a terminal on which a block can be redrawn in place. */
  readonly live: boolean;
  private readonly colors: ReturnType<typeof createColors>;

  constructor(options: OutputOptions) {
    this.format = options.format;
    this.input = options.input && process.stdin.isTTY === true;
    this.live = options.color && process.stderr.isTTY === true && process.env.TERM !== 'dumb';
    this.colors = createColors(options.color && process.stderr.isTTY === true);
  }

  /** A message for a person; its continuation lines are indented. */
  say(line = ''): void {
    sayLine(line);
  }

  /** A message whose beginning is styled. */
  sayStyled(style: Style, beginning: string, rest = ''): void {
    sayLine(rest, this.colors[style](visibleText(beginning)));
  }

  /** False where a question would not be visible. */
  get canAsk(): boolean {
    return stderr.problem === null;
  }

  /** Prints a question on the terminal; the answer is read elsewhere. */
  ask(question: string): void {
    stderr.write(`${shown(question)} `);
  }

  /** Replaces the last drawn block. */
  redraw(lines: readonly string[], linesBefore: number): void {
    const width = Math.max(20, (process.stderr.columns ?? 80) - 1);
    const back = linesBefore > 0 ? `\u001b[${linesBefore}A\r\u001b[J` : '';
    stderr.write(back + lines.map((line) => `${clipped(visibleText(line), width)}\n`).join(''));
  }

  /** Rows as a table, one JSON array, or one JSON object a line. */
  rows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], nothing = 'Nothing to show.'): void {
    if (this.format === 'jsonl') for (const row of rows) this.line(row);
    else if (this.format === 'json') this.json(rows);
    else if (rows.length === 0) this.say(nothing);
    else this.verbatim(`${tableOf(rows, columns)}\n`);
  }

  /** One row as a list of fields, or as JSON. */
  one<Row>(row: Row, columns: readonly Column<Row>[]): void {
    if (this.format === 'jsonl') this.line(row);
    else if (this.format === 'json') this.json(row);
    else this.verbatim(`${fieldsOf(row, columns)}\n`);
  }

  /** One JSON object a line in every format, for programs that wait for it. */
  line(value: unknown): void {
    this.jsonText(JSON.stringify(value));
  }

  write(line: string): void {
    stdout.write(`${shown(line)}\n`);
  }

  /** Serialised JSON from elsewhere. */
  jsonText(json: string): void {
    stdout.write(`${visibleJson(json)}\n`);
  }

  /** Text of ours, written unchanged. */
  verbatim(text: string): void {
    stdout.write(text);
  }

  private json(value: unknown): void {
    this.jsonText(JSON.stringify(value, null, 2));
  }
}

function fieldsOf<Row>(row: Row, columns: readonly Column<Row>[]): string {
  const shown = columns
    .map(({ heading, of }) => [heading, visibleLines(text(of(row)))] as const)
    .filter(([, value]) => value !== '');
  const width = Math.max(...shown.map(([heading]) => stringWidth(heading)));
  return shown.map(([heading, value]) => `${padded(heading, width)}  ${indented(value, width + 2)}`).join('\n');
}

function text(value: string | number | boolean | null | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}

function indented(value: string, by: number): string {
  return value.replaceAll('\n', `\n${' '.repeat(by)}`);
}

/** Without frames, so that cut, sort and paste work. */
function tableOf<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ of }) => visibleText(text(of(row))))),
  ];
  const widths = columns.map((_, index) =>
    lines.reduce((widest, line) => Math.max(widest, stringWidth(line[index] ?? '')), 0),
  );
  return lines
    .map((line) =>
      line
        .map((cell, index) => padded(cell, widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Pads to a width in terminal cells: a Chinese character takes two, a combining one none. */
function padded(value: string, width: number): string {
  return value + ' '.repeat(Math.max(0, width - stringWidth(value)));
}

const CHARACTERS = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Shortens to a width in terminal cells, with `…` where text is omitted. */
export function clipped(value: string, width: number): string {
  if (stringWidth(value) <= width) return value;
  let [kept, cells] = ['', 0];
  for (const { segment } of CHARACTERS.segment(value)) {
    cells += stringWidth(segment);
    if (cells > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
