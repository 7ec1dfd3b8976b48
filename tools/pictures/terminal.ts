import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
// A CommonJS package whose names Node cannot see: it has to be taken whole.
import xterm from '@xterm/headless';

/** Letters that look the same, one after the other. */
export interface Run {
  text: string;
  bold: boolean;
  dim: boolean;
  /** Number of the colour, 0 to 7 as ANSI has them and 8 to 15 the bright ones; null for the usual one. */
  color: number | null;
}

/** What stood on the screen from `atMs` on. */
export interface Frame {
  atMs: number;
  rows: readonly (readonly Run[])[];
}

/** What a command came to. */
export interface Ended {
  exitCode: number;
  /** What it printed, as it stands on the screen after its end. */
  output: string;
}

export interface TerminalOptions {
  columns: number;
  rows: number;
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** What the shell says, where nobody sees it, before each prompt: that a command has ended, and how. */
const PROMPT_OSC = 7_777;
const PROMPT = '$';
/** Output that comes in pieces closer to each other than this, in milliseconds, is one picture. */
const SETTLED_MS = 30;
/** Nothing that is shown here takes longer, in milliseconds. */
const COMMAND_MS = 120_000;
/** From a command that stands there to the enter key, in milliseconds, so that it can be read. */
const READ_MS = 700;

/**
 * A shell in a pseudo-terminal (by util-linux' `script`) and the screen that a person would see, by a real terminal's
 * own code. It records each change of the screen.
 */
export class Terminal {
  readonly frames: Frame[] = [];
  private readonly screen: xterm.Terminal;
  private readonly shell: ChildProcessWithoutNullStreams;
  private readonly begun = performance.now();
  private prompts = 0;
  private lastExitCode = 0;
  private settling: NodeJS.Timeout | undefined;
  private ended = false;
  private closing = false;

  private constructor({ columns, rows, cwd, env }: TerminalOptions) {
    this.screen = new xterm.Terminal({ cols: columns, rows, scrollback: 5_000, allowProposedApi: true });
    this.screen.parser.registerOscHandler(PROMPT_OSC, (exitCode) => {
      this.lastExitCode = Number(exitCode);
      this.prompts++;
      return true;
    });
    const shell = `stty cols ${columns} rows ${rows}; exec bash --noprofile --norc -i`;
    this.shell = spawn('script', ['--quiet', '--return', '--flush', '--command', shell, '/dev/null'], {
      cwd,
      env: {
        ...env,
        TERM: 'xterm-256color',
        HISTFILE: '',
        PROMPT_COMMAND: `printf '\\e]${PROMPT_OSC};%s\\a' "$?"; PS1='${PROMPT} '`,
      },
    });
    this.shell.stdout.on('data', (bytes: Buffer) => this.screen.write(bytes, () => this.changed()));
    this.shell.once('exit', () => {
      this.ended = true;
    });
  }

  /** @throws Error when there is no `script`, or no shell in it */
  static async open(options: TerminalOptions): Promise<Terminal> {
    const terminal = new Terminal(options);
    const failed = once(terminal.shell, 'error').then(([error]) => {
      throw new Error(`A terminal needs \`script\` of util-linux on PATH: ${String(error)}`);
    });
    await Promise.race([once(terminal.shell, 'spawn'), failed]);
    failed.catch(() => undefined);
    await terminal.until('a prompt', () => terminal.prompts === 1);
    return terminal;
  }

  /** Types a command, waits until it has ended, and tells what it printed. */
  async run(command: string, answers: readonly { to: string; type: string }[] = []): Promise<Ended> {
    const { firstLine, prompts } = await this.type(command);
    for (const { to, type } of answers) {
      await this.until(`"${to}"`, () => this.text(firstLine).includes(to));
      await sleep(READ_MS);
      this.shell.stdin.write(`${type}\r`);
    }
    await this.until(`the end of \`${command}\``, () => this.prompts > prompts);
    return this.endedSince(firstLine);
  }

  /** Types a command, presses Ctrl-C once the screen says it, and waits for the end. */
  async interrupt(command: string, when: (text: string) => boolean): Promise<Ended> {
    const { firstLine, prompts } = await this.type(command);
    await this.until(`what \`${command}\` shows`, () => when(this.text(firstLine)));
    await sleep(READ_MS);
    this.shell.stdin.write('\u0003');
    await this.until(`the end of \`${command}\``, () => this.prompts > prompts);
    return this.endedSince(firstLine);
  }

  async close(): Promise<void> {
    if (this.ended) return;
    this.closing = true;
    const exit = once(this.shell, 'exit');
    this.shell.stdin.write('exit\r');
    const timer = setTimeout(() => this.shell.kill('SIGKILL'), 5_000);
    await exit;
    clearTimeout(timer);
  }

  private async type(command: string): Promise<{ firstLine: number; prompts: number }> {
    const { prompts } = this;
    const buffer = this.screen.buffer.active;
    const firstLine = buffer.baseY + buffer.cursorY;
    this.shell.stdin.write(command);
    await this.until('the command that was typed', () => this.text(firstLine).replaceAll('\n', '').includes(command));
    await sleep(READ_MS);
    this.shell.stdin.write('\r');
    return { firstLine, prompts };
  }

  private endedSince(firstLine: number): Ended {
    const lines = this.text(firstLine).split('\n');
    // The first is the command, the last the next prompt.
    return { exitCode: this.lastExitCode, output: lines.slice(1, lines.lastIndexOf(PROMPT)).join('\n') };
  }

  /** What stands there from this line on, without what is empty at its end; a line that was wrapped is one. */
  private text(firstLine: number): string {
    const buffer = this.screen.buffer.active;
    const lines: string[] = [];
    for (let at = firstLine; at < buffer.length; at++) {
      const line = buffer.getLine(at);
      const text = line?.translateToString(true) ?? '';
      if (line?.isWrapped) lines.push((lines.pop() ?? '') + text);
      else lines.push(text.trimEnd());
    }
    return lines.join('\n').trimEnd();
  }

  private changed(): void {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.record(), SETTLED_MS);
  }

  private record(): void {
    if (this.closing) return;
    const rows = this.look();
    const last = this.frames.at(-1);
    if (last !== undefined && JSON.stringify(last.rows) === JSON.stringify(rows)) return;
    this.frames.push({ atMs: performance.now() - this.begun, rows });
  }

  private look(): Run[][] {
    const buffer = this.screen.buffer.active;
    return Array.from({ length: this.screen.rows }, (_, at) => {
      const line = buffer.getLine(buffer.viewportY + at);
      const runs: Run[] = [];
      for (let column = 0; column < this.screen.cols; column++) {
        const cell = line?.getCell(column);
        if (cell === undefined) break;
        const text = cell.getChars() === '' ? ' ' : cell.getChars();
        const bold = cell.isBold() !== 0;
        const dim = cell.isDim() !== 0;
        const color = cell.isFgPalette() && cell.getFgColor() < 16 ? cell.getFgColor() : null;
        const run = runs.at(-1);
        if (run && run.bold === bold && run.dim === dim && run.color === color) run.text += text;
        else runs.push({ text, bold, dim, color });
      }
      const last = runs.at(-1);
      if (last !== undefined) last.text = last.text.trimEnd();
      return runs.filter(({ text }) => text !== '');
    });
  }

  private async until(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + COMMAND_MS;
    while (!holds()) {
      if (this.ended) throw new Error(`The shell ended before ${what} came. The screen says:\n${this.text(0)}`);
      if (performance.now() > deadline)
        throw new Error(`No ${what} within ${COMMAND_MS / 1_000} s. The screen says:\n${this.text(0)}`);
      await sleep(SETTLED_MS);
    }
    // What is on its way to the screen belongs to it.
    await new Promise<void>((resolve) => this.screen.write('', resolve));
    await sleep(2 * SETTLED_MS);
  }
}
