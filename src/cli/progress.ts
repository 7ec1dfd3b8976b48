import type { Output } from './output.js';

/** Interval of plain lines without a terminal, in milliseconds. */
const PLAIN_EVERY_MS = 5_000;
/** Interval at which the block on a terminal is redrawn, in milliseconds. */
const DRAW_EVERY_MS = 200;

/** Progress on stderr: a block redrawn on a terminal; elsewhere periodic plain lines. */
export class Progress {
  private shownLines = 0;
  private lastPlain = '';
  private lastAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly output: Output) {}

  /** Shows the current progress; frequent calls are throttled. */
  update(lines: readonly string[]): void {
    const now = performance.now();
    if (this.output.live) {
      if (now - this.lastAt < DRAW_EVERY_MS) return;
      this.lastAt = now;
      this.draw(lines);
      return;
    }
    const plain = lines.map((line) => line.trim()).join(' · ');
    if (plain === this.lastPlain || now - this.lastAt < PLAIN_EVERY_MS) return;
    this.lastPlain = plain;
    this.lastAt = now;
    this.output.say(plain);
  }

  /** Ends the block; `lines`, when given, stay on the screen. */
  end(lines: readonly string[] = []): void {
    if (this.output.live) this.draw([]);
    for (const line of lines) this.output.say(line);
    this.lastAt = Number.NEGATIVE_INFINITY;
  }

  private draw(lines: readonly string[]): void {
    this.output.redraw(lines, this.shownLines);
    this.shownLines = lines.length;
  }
}

/** `[##########----------]` */
export function bar(done: number, total: number, width = 30): string {
  const full = total === 0 ? 0 : Math.min(width, Math.floor((done / total) * width));
  return `[${'#'.repeat(full)}${'-'.repeat(width - full)}]`;
}
