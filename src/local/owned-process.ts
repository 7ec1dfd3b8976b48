import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Lines of output kept for an error message; more than a person would read. */
const KEPT_LINES = 40;
/** How a program made with Go begins its last words. The trace that follows would push out what it said before. */
const GO_CRASH = /^(?:panic|fatal error): /;
/** How long a process may take to end before SIGKILL; `dev` promises to be gone within 5 s in all. */
const DEFAULT_GRACE_MS = 3_000;
/** The last output is read before `ended` settles, unless a grandchild holds the pipe open for longer than this. */
const LAST_WORDS_MS = 250;

export interface ProcessSpec {
  /** As a person knows it: "the Temporal dev server". */
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
  /** Called before anything else can happen, so that a reaper knows the process from its first moment. */
  onSpawn?: (pid: number) => void;
  /** Called once it has ended, however that came. */
  onExit?: (pid: number) => void;
}

export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process that we started and that we alone end, by its pid. */
export interface OwnedProcess {
  readonly name: string;
  readonly pid: number;
  /** Settles when it has ended; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  hasEnded(): boolean;
  /** The last lines of stdout and stderr, oldest first, without the trace of a crash of Go. */
  lastLines(): readonly string[];
  /** Asks by `signal` (default SIGTERM), then SIGKILL after `graceMs` (default 3,000). Safe to call again. */
  stop(options?: { signal?: NodeJS.Signals; graceMs?: number }): Promise<ProcessEnd>;
}

/**
 * Starts a process in a group of its own: Ctrl-C in a terminal reaches only us, and we end our servers in order.
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
