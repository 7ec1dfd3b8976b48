/** One row of CSV. */
export interface CsvRecord {
  cells: string[];
  /** Quoting error as the end of a sentence that names the row; null when there is none. */
  problem: string | null;
  /** True when a quoted cell contains a delimiter. */
  quotedDelimiter: boolean;
  /** Quoted cells that span several lines, including one closed incorrectly. */
  multiline: string[];
}

/** White space before an opening quote, including invisible characters such as the byte order marks of concatenated files. */
const BLANK = /^[^\S\n]*(?:\p{Default_Ignorable_Code_Point}[^\S\n]*)*$/u;

/**
 * Strict CSV parser, line by line: an opening quote must be closed at the cell's end. A quote within an unquoted cell, such as an
 * inch mark, is an ordinary character.
 */
export class CsvRecordParser {
  #record = emptyRecord();
  /** The content so far of a quoted cell that is still open. */
  #open: string | null = null;

  constructor(readonly delimiter: string) {}

  /** Whether the last line ended inside quotes. */
  get isOpen(): boolean {
    return this.#open !== null;
  }

  /** The row that ends with this line; null while a cell is open. */
  push(line: string): CsvRecord | null {
    if (this.#open === null && !line.includes('"')) return { ...emptyRecord(), cells: line.split(this.delimiter) };
    let at: number | null = 0;
    if (this.#open !== null) {
      this.#open += '\n';
      at = this.#inQuotes(line, 0);
      if (at === null) return null;
      at = this.#afterQuotes(line, at);
    }
    while (at !== null) {
      const quote = line.indexOf('"', at);
      if (quote !== -1 && this.#isBlank(line.slice(at, quote))) {
        this.#open = '';
        at = this.#inQuotes(line, quote + 1);
        if (at === null) return null;
        at = this.#afterQuotes(line, at);
      } else {
        const end = line.indexOf(this.delimiter, at);
        this.#record.cells.push(end === -1 ? line.slice(at) : line.slice(at, end));
        at = end === -1 ? null : end + this.delimiter.length;
      }
    }
    const record = this.#record;
    this.#record = emptyRecord();
    return record;
  }

  /** Content of a cell that is still open at the end of the input. */
  rest(): string {
    return this.#open ?? '';
  }

  #isBlank(text: string): boolean {
    return text === '' || (!text.includes(this.delimiter) && BLANK.test(text));
  }

  /** @returns the position after the closing quote, or null where the line ends first */
  #inQuotes(line: string, from: number): number | null {
    for (let at = from; ; ) {
      const quote = line.indexOf('"', at);
      if (quote === -1) {
        this.#open += line.slice(at);
        return null;
      }
      const doubled = line[quote + 1] === '"';
      this.#open += line.slice(at, doubled ? quote + 1 : quote);
      if (!doubled) return quote + 1;
      at = quote + 2;
    }
  }

  /** @returns the start of the next cell, or null at the end of the row */
  #afterQuotes(line: string, from: number): number | null {
    const cell = this.#open ?? '';
    this.#open = null;
    this.#record.cells.push(cell);
    if (cell.includes(this.delimiter)) this.#record.quotedDelimiter = true;
    if (cell.includes('\n')) this.#record.multiline.push(cell);
    const end = line.indexOf(this.delimiter, from);
    const between = end === -1 ? line.slice(from) : line.slice(from, end);
    if (between === '' || BLANK.test(between)) return end === -1 ? null : end + this.delimiter.length;
    this.#record.problem =
      'has text behind the quote that closes a cell; inside of quotes a quote is written twice ("")';
    return null;
  }
}

function emptyRecord(): CsvRecord {
  return { cells: [], problem: null, quotedDelimiter: false, multiline: [] };
}
