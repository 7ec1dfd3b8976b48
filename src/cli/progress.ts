import type { Output } from './output.js';

/** How often plain lines repeat where there is no terminal, in milliseconds. */
const PLAIN_EVERY_MS = 5_000;
/** How often the block on a terminal is drawn again, in milliseconds. */
const DRAW_EVERY_MS = 200;

/** Progress on stderr: one block that is updated on a terminal; elsewhere a plain line now and then. */
export class Progress {
  private shownLines = 0;
  private lastPlain = '';
  private lastAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly output: Output) {}

  /** Shows where things stand. Call it as often as you like. */
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
