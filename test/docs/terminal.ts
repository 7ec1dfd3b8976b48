import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../support/cli.js';
import { eventually } from '../support/processes.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** A command that says nothing of its end within this, in milliseconds, hangs. */
const TIMEOUT_MS = 50_000;

export interface Ended {
  code: number | null;
  output: string;
}

interface Running {
  process: ChildProcess;
  output: () => string;
  ended: Promise<Ended>;
}

/** Folder of programs as a reader has them on PATH: the built command, by its name and by npx, and Temporal's. */
export function programsIn(folder: string, temporalCli: string): string {
  mkdirSync(folder, { recursive: true });
  const program = (name: string, script: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  program('smart-erase', `exec '${process.execPath}' '${MAIN}' "$@"`);
  // What npx itself does takes a second each time, and is looked at once elsewhere (test/docs/commands.test.ts).
  program('npx', '[ "$1" = smart-erase ] || { echo "npx $1: not here"; exit 127; }\nexec "$@"');
  symlinkSync(temporalCli, join(folder, 'temporal'));
  return folder;
}

/** A reader's shell: a folder, an environment that `export` changes, and programs that run until Ctrl-C. */
export class Terminal {
  private readonly running: Running[] = [];

  constructor(
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Of `export NAME=value …`, which has to last for the commands below it. */
  export(name: string, value: string): void {
    this.env[name] = value;
  }

  /** Runs a command to its end. */
  run(text: string): Promise<Ended> {
    return this.start(text).ended;
  }

  /** Starts one that does not end by itself, and returns when it has said that it is ready. */
  async runUntil(text: string, ready: RegExp): Promise<Running> {
    // Without a shell around it that Ctrl-C would end first.
    const started = this.start(`exec ${text}`);
    this.running.push(started);
    const end = started.ended.then(({ code, output }) => {
      throw new Error(`It ended with ${code} before it was ready: ${output}`);
    });
    await Promise.race([end, eventually(`${ready} from ${text}`, () => ready.test(started.output()) || undefined)]);
    end.catch(() => undefined);
    return started;
  }

  /** Ctrl-C in everything that still runs. @returns how each ended, the last started first */
  async interrupt(): Promise<Ended[]> {
    const ends: Ended[] = [];
    for (const { process: child, ended } of this.running.splice(0).reverse()) {
      signal(child, 'SIGINT');
      ends.push(await ended);
    }
    return ends;
  }

  private start(text: string): Running {
    // A group of its own, so that Ctrl-C and the end of a command that hangs reach whatever the shell started.
    const child = spawn('sh', ['-c', text], {
      cwd: this.folder,
      env: cleanEnvironment(this.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    }
    const timer = setTimeout(() => signal(child, 'SIGKILL'), TIMEOUT_MS);
    const ended = once(child, 'close').then(([code]) => {
      clearTimeout(timer);
      return { code, output };
    });
    return { process: child, output: () => output, ended };
  }
}

function signal({ pid, exitCode, signalCode }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  process.kill(-pid, name);
}
