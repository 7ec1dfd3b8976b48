import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Longer than anything here takes on a slow machine; a command that hangs is then ended. */
const TIMEOUT_MS = 50_000;

export interface CliEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningCli {
  readonly process: ChildProcess;
  /** All that it has printed so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Settles when it has ended; never rejects. */
  readonly ended: Promise<CliEnd>;
}

/** Nothing of this machine's own Temporal or Tencent Cloud settings may reach a test; nor does it matter who runs it. */
export function cleanEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(TEMPORAL_|TENCENTCLOUD_|VOD_|SMART_ERASE_|DATABASE_URL|npm_|NO_COLOR|FORCE_COLOR)/;
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(own), TEMPORAL_CONFIG_FILE: '/dev/null', USER: 'somebody', ...env };
}

/** Starts the built command, as a person would. */
export function startCli(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { timeoutMs = TIMEOUT_MS } = {},
): RunningCli {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const ended = once(child, 'close').then(([code, signal]) => {
    clearTimeout(timer);
    return { code, signal, stdout, stderr };
  });
  return { process: child, stdout: () => stdout, stderr: () => stderr, ended };
}

/** Runs the built command to its end. */
export function runCli(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  options?: { timeoutMs: number },
): Promise<CliEnd> {
  return startCli(args, env, options).ended;
}
