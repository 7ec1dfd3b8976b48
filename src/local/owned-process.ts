import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Output lines kept for an error message. */
const KEPT_LINES = 40;
/** The start of a Go program's crash message. The trace after it is dropped, since it would displace earlier lines. */
const GO_CRASH = /^(?:panic|fatal error): /;
/** Grace period before SIGKILL, in milliseconds; `dev` must end within 5 s in total. */
const DEFAULT_GRACE_MS = 3_000;
/** Time for the last output before `ended` settles, in milliseconds; a grandchild may keep the pipe open longer. */
const LAST_WORDS_MS = 250;

export interface ProcessSpec {
  /** Name in messages: "the Temporal dev server". */
  name: string;
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Open file descriptors that the child inherits as 3, 4, … */
  inheritFds?: readonly number[];
  /** Each line of stdout and stderr. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Called synchronously after the spawn, so that the reaper knows the process from the start. */
  onSpawn?: (pid: number) => void;
  /** Called once after its end, whatever the reason. */
  onExit?: (pid: number) => void;
}

export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A child process that only we end, by its pid. */
export interface OwnedProcess {
  readonly name: string;
  readonly pid: number;
  /** Settles at its end; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  hasEnded(): boolean;
  /** The last lines of stdout and stderr, oldest first, without a Go crash trace. */
  lastLines(): readonly string[];
  /** Sends `signal` (default SIGTERM), then SIGKILL after `graceMs` (default 3,000). Safe to call again. */
  stop(options?: { signal?: NodeJS.Signals; graceMs?: number }): Promise<ProcessEnd>;
}

/**
 * Starts a process in its own group: Ctrl-C in a terminal reaches only us, so that servers are ended in order.
 * @throws the system's error (ENOENT, EACCES, …) when it cannot be started
 */
export async function startProcess(spec: ProcessSpec): Promise<OwnedProcess> {
  const options: SpawnOptions = {
    cwd: spec.cwd,
    env: spec.env ?? process.env,
    uid: spec.uid,
    gid: spec.gid,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(spec.inheritFds ?? [])],
  };
  const child = spawn(spec.command, spec.args, options);
  const { pid } = child;
  if (pid === undefined) {
    const [error] = await once(child, 'error');
    throw error;
  }
  spec.onSpawn?.(pid);
  return ownProcess(child, pid, spec);
}

function ownProcess(child: ChildProcess, pid: number, spec: ProcessSpec): OwnedProcess {
  let end: ProcessEnd | undefined;
  const lines: string[] = [];
  let crashed = false;
  const keep = (stream: 'stdout' | 'stderr') => (line: string) => {
    if (!crashed) lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    crashed ||= GO_CRASH.test(line);
    spec.onLine?.(line, stream);
  };
  for (const stream of ['stdout', 'stderr'] as const) {
    const source = child[stream];
    if (source) createInterface({ input: source }).on('line', keep(stream));
  }
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('exit', (code, signal) => {
      end = { code, signal };
      spec.onExit?.(pid);
      const finished = () => resolve({ code, signal });
      child.once('close', finished);
      setTimeout(finished, LAST_WORDS_MS).unref();
    });
  });
  return {
    name: spec.name,
    pid,
    ended,
    hasEnded: () => end !== undefined,
    lastLines: () => lines,
    async stop({ signal = 'SIGTERM', graceMs = DEFAULT_GRACE_MS } = {}) {
      if (end) return end;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
