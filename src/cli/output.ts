import { createColors } from 'picocolors';

export const FORMATS = ['table', 'json', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/** One column of a table: a heading and what to show of a row. */
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

/** Where results (stdout) and messages (stderr) go. Nothing else in the CLI writes to either. */
export class Output {
  readonly format: Format;
  readonly input: boolean;
  readonly colors: ReturnType<typeof createColors>;
  /** True when stderr is a terminal on which a block can be updated in place. */
  readonly live: boolean;

  constructor(options: OutputOptions) {
    this.format = options.format;
    this.input = options.input && process.stdin.isTTY === true;
    this.live = options.color && process.stderr.isTTY === true && process.env.TERM !== 'dumb';
    this.colors = createColors(options.color && process.stderr.isTTY === true);
  }

  /** A message for a person. */
  say(line = ''): void {
    process.stderr.write(`${line}\n`);
  }

  /** Rows that belong together: a table, one JSON array, or one JSON object a line. */
  rows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], nothing = 'Nothing to show.'): void {
    if (this.format === 'jsonl') for (const row of rows) this.line(row);
    else if (this.format === 'json') this.json(rows);
    else if (rows.length === 0) this.say(nothing);
    else this.write(tableOf(rows, columns));
  }

  /** One thing: a list of its fields, or its JSON. */
  one<Row>(row: Row, columns: readonly Column<Row>[]): void {
    if (this.format === 'jsonl') this.line(row);
    else if (this.format === 'json') this.json(row);
    else this.write(fieldsOf(row, columns));
  }

  /** One JSON object a line, whatever the format: what a program waits for. */
  line(value: unknown): void {
    this.write(JSON.stringify(value));
  }

  write(lines: string): void {
    process.stdout.write(`${lines}\n`);
  }

  private json(value: unknown): void {
    this.write(JSON.stringify(value, null, 2));
  }
}

function fieldsOf<Row>(row: Row, columns: readonly Column<Row>[]): string {
  const shown = columns.map(({ heading, of }) => [heading, text(of(row))] as const).filter(([, value]) => value !== '');
  const width = Math.max(...shown.map(([heading]) => heading.length));
  return shown.map(([heading, value]) => `${heading.padEnd(width)}  ${indented(value, width + 2)}`).join('\n');
}

function text(value: string | number | boolean | null | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}

function indented(value: string, by: number): string {
  return value.replaceAll('\n', `\n${' '.repeat(by)}`);
}

/** No frames: such a table can be cut, sorted and pasted. */
function tableOf<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [columns.map(({ heading }) => heading), ...rows.map((row) => columns.map(({ of }) => text(of(row))))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
