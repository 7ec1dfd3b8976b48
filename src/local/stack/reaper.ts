import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Ends our child processes after we were killed. */
export interface Reaper {
  readonly pid: number | undefined;
  /** Registers a child. After our end it receives `signal` (default SIGTERM), then SIGKILL. */
  add(pid: number, signal?: NodeJS.Signals): void;
  /** Unregisters an ended child, whose pid may be reused. */
  remove(pid: number): void;
  /** A temporary folder (an absolute path), removed after our end and that of all registered children. */
  addFolder(path: string): void;
  /** Ends all registered processes, and the reaper. */
  close(): Promise<void>;
}

/** Starts the reaper in its own session; it waits for the end of a pipe that only we hold. Start it before any child. */
export function startReaper(): Reaper {
  const registered = new Map<number, NodeJS.Signals>();
  const folders: string[] = [];
  let closing = false;
  let helper = start();

  function start(): ChildProcess {
    const child = spawn(process.execPath, [...helperArguments()], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      // The reaper must not inherit our debugger or our Node options.
      env: { PATH: process.env.PATH },
    });
    child.unref();
    (child.stdin as unknown as { unref(): void }).unref();
    child.stdin?.on('error', () => undefined);
    child.on('error', () => undefined);
    child.once('exit', () => {
      if (closing) return;
      helper = start();
      for (const [pid, signal] of registered) helper.stdin?.write(`add ${pid} ${signal}\n`);
      for (const path of folders) helper.stdin?.write(`folder ${path}\n`);
    });
    return child;
  }

  return {
    get pid() {
      return helper.pid;
    },
    add(pid, signal = 'SIGTERM') {
      registered.set(pid, signal);
      helper.stdin?.write(`add ${pid} ${signal}\n`);
    },
    remove(pid) {
      registered.delete(pid);
      helper.stdin?.write(`remove ${pid}\n`);
    },
    addFolder(path) {
      folders.push(path);
      helper.stdin?.write(`folder ${path}\n`);
    },
    close() {
      closing = true;
      return new Promise((resolve) => {
        if (helper.exitCode !== null || helper.signalCode !== null) return resolve();
        helper.ref();
        helper.once('exit', () => resolve());
        helper.stdin?.end();
      });
    },
  };
}

/** The compiled helper is a JavaScript file beside this one; the TypeScript source needs tsx. */
function helperArguments(): string[] {
  const fromSource = import.meta.url.endsWith('.ts');
  const file = fileURLToPath(new URL(`./reaper-process.${fromSource ? 'ts' : 'js'}`, import.meta.url));
  return fromSource ? ['--import', createRequire(import.meta.url).resolve('tsx'), file] : [file];
}
