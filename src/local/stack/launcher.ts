import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `npx` has at most a shell and a script of ours between itself and us. */
const MAX_GENERATIONS = 5;
const LOOK_EVERY_MS = 500;

interface Ancestor {
  pid: number;
  parentPid: number;
}

/**
 * Detects the end of the npm or npx that started us. After SIGKILL it cannot forward a signal, and its shell lives on, so the
 * whole parent chain up to npm is checked. Without npm (a shell, nohup, a service manager) nothing is watched.
 * @returns a function that ends the checks
 */
export function watchLauncher(onGone: () => void, env: NodeJS.ProcessEnv = process.env): () => void {
  const chain = startedByNpm(env) ? ancestorsUpToNpm() : undefined;
  if (!chain) return () => undefined;
  const looking = setInterval(() => {
    if (chain.every(({ pid, parentPid }) => parentOf(pid) === parentPid)) return;
    clearInterval(looking);
    onGone();
  }, LOOK_EVERY_MS);
  looking.unref();
  return () => clearInterval(looking);
}

/** npm sets these for its children, whose own children inherit them. */
function startedByNpm(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env.npm_command || env.npm_lifecycle_event);
}

/** From us to npm's child; undefined without an npm above us: it has ended, or only its variables were inherited. */
function ancestorsUpToNpm(): Ancestor[] | undefined {
  const chain: Ancestor[] = [{ pid: process.pid, parentPid: process.ppid }];
  for (let generation = 0; generation < MAX_GENERATIONS; generation++) {
    const pid = chain.at(-1)?.parentPid;
    if (!pid || pid === 1) return undefined;
    if (isNpm(pid)) return chain;
    const parentPid = parentOf(pid);
    if (!parentPid) return undefined;
    chain.push({ pid, parentPid });
  }
  return undefined;
}

/** npm names its process "npm exec smart-erase …"; before that it is node with npm's or npx's script. */
function isNpm(pid: number): boolean {
  const command = commandOf(pid);
  return /^np[mx]( |$)/.test(command) || /[/\\](npm|npx)(-cli\.js)?(\s|$)/.test(command);
}

function parentOf(pid: number): number | undefined {
  if (pid === process.pid) return process.ppid;
  try {
    if (process.platform !== 'linux') return Number(ps('ppid=', pid)) || undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // "PID (name, which may contain any characters) STATE PPID …"
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string {
  try {
    if (process.platform !== 'linux') return ps('command=', pid);
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function ps(column: string, pid: number): string {
  return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim();
}
