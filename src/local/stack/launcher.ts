import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `npx` puts at most a shell and a script of ours between itself and us. */
const MAX_GENERATIONS = 5;
const LOOK_EVERY_MS = 500;

interface Ancestor {
  pid: number;
  parentPid: number;
}

/**
 * Tells when the npm or npx that started us is gone. Killed with SIGKILL it cannot pass that on, and the shell that it
 * puts between itself and us lives on, so we look at the whole chain of our parents up to npm. Started by anything else
 * (a shell, nohup, a service manager) we outlive our parent and nothing is watched.
 * @returns a function that ends the watching
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

/** npm sets these for what it runs, and what that starts inherits them. */
function startedByNpm(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env.npm_command || env.npm_lifecycle_event);
}

/** From us to the child of npm; undefined when there is no npm above us: it ended, or we only inherited its variables. */
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
    // "PID (name, which may hold anything) STATE PPID …"
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
