import { fileURLToPath } from 'node:url';
import { LOCAL_SERVER_PROBLEMS, LocalServerError } from '../local-server-error.js';
import { type OwnedProcess, startProcess } from '../owned-process.js';

/** A worker loads its bundle and connects, which takes longer on a busy machine. */
const READY_TIMEOUT_MS = 60_000;

export interface ChildSpec {
  /** Name in messages: "the simulator". */
  name: string;
  /** Arguments of this program ("simulator", "-o", "json"). */
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** The command to run instead of this program, with the executable first. */
  program?: readonly [string, ...string[]];
  /** Parses the ready line on stdout; default: a JSON object with `"ready": true`. */
  readyLine?: (line: string) => Record<string, unknown> | undefined;
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  onSpawn?: (pid: number) => void;
  onExit?: (pid: number) => void;
  signal?: AbortSignal;
}

export interface ReadyChild {
  process: OwnedProcess;
  /** The parsed ready line. */
  ready: Record<string, unknown>;
}

/**
 * Starts this program in a child process and waits for its ready line.
 * @throws LocalServerError with the child's last output, when it ends or prints none in time
 */
export async function startChild(spec: ChildSpec): Promise<ReadyChild> {
  const { name, args, readyLine = parseReadyLine, onLine, signal } = spec;
  const [command, ...first] = spec.program ?? thisProgram();
  let tellReady: (ready: Record<string, unknown>) => void = () => undefined;
  const whenReady = new Promise<Record<string, unknown>>((resolve) => {
    tellReady = resolve;
  });
  const child = await startProcess({
    name,
    command,
    args: [...first, ...args],
    env: spec.env,
    onSpawn: spec.onSpawn,
    onExit: spec.onExit,
    onLine: (line, stream) => {
      const ready = stream === 'stdout' ? readyLine(line) : undefined;
      if (ready) tellReady(ready);
      onLine?.(line, stream);
    },
  });
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<'silent'>((resolve) => {
    timer = setTimeout(resolve, READY_TIMEOUT_MS, 'silent');
    signal?.addEventListener('abort', () => resolve('silent'), { once: true });
  });
  const outcome = await Promise.race([whenReady, child.ended.then(() => 'ended' as const), tooLate]);
  clearTimeout(timer);
  if (typeof outcome === 'object') return { process: child, ready: outcome };
  await child.stop({ graceMs: 1_000 });
  signal?.throwIfAborted();
  const how = outcome === 'ended' ? 'ended before it was ready' : `was not ready within ${READY_TIMEOUT_MS / 1000} s`;
  throw new LocalServerError(LOCAL_SERVER_PROBLEMS.startFailed, `${capitalised(name)} ${how}: ${lastWords(child)}`);
}

/** Command of this program: compiled, or from its source. */
export function thisProgram(): [string, string] {
  const fromSource = import.meta.url.endsWith('.ts');
  const main = new URL(fromSource ? '../../../dist/cli/main.js' : '../../cli/main.js', import.meta.url);
  return [process.execPath, fileURLToPath(main)];
}

function parseReadyLine(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'ready' in value ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function lastWords(child: OwnedProcess): string {
  const lines = child.lastLines();
  const logged = lines.map(lastEntry).findLast((each) => each !== undefined);
  if (logged !== undefined) return logged;
  // This program prints an error in one line, then the advice.
  const sentence = lines.findLast((line) => line.startsWith('smart-erase: '))?.slice('smart-erase: '.length);
  return sentence ?? lines.findLast((line) => line.trim() !== '' && !/^\s+at /.test(line)) ?? 'it said nothing.';
}

/** The fatal entry of a worker, whose log is JSON. */
function lastEntry(line: string): string | undefined {
  if (!line.startsWith('{"level":"fatal"')) return undefined;
  try {
    const { msg } = JSON.parse(line) as { msg?: unknown };
    return typeof msg === 'string' ? msg : undefined;
  } catch {
    return undefined;
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
