import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Ends our child processes after we were killed without a chance to do so. */
export interface Reaper {
  readonly pid: number | undefined;
  /** From now on `pid` is ended with us. `signal` (default SIGTERM) asks it first; SIGKILL follows. */
  add(pid: number, signal?: NodeJS.Signals): void;
  /** It has ended; its pid may soon be another's. */
  remove(pid: number): void;
  /** A temporary folder (an absolute path) that is removed when we are gone and what was registered has ended. */
  addFolder(path: string): void;
  /** Ends whatever is still registered, and the reaper. */
  close(): Promise<void>;
}

/**
 * Starts the reaper: a small process in a session of its own, which waits for the end of a pipe that only we hold.
 * Start it first, so that nothing is ever without it.
 */
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
      // It should be neither debugged nor loaded with what our own Node was told to load.
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

/** Compiled, it is a JavaScript file beside this one; from source, Node needs tsx to read it. */
function helperArguments(): string[] {
  const fromSource = import.meta.url.endsWith('.ts');
  const file = fileURLToPath(new URL(`./reaper-process.${fromSource ? 'ts' : 'js'}`, import.meta.url));
  return fromSource ? ['--import', createRequire(import.meta.url).resolve('tsx'), file] : [file];
}
