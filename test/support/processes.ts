import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isAlive } from '../../src/local/file-lock.js';
import { waitUntil } from '../../src/local/wait-until.js';

/** A pid that answers no signal any more; one that is dead and not yet collected by its parent counts as gone. */
export function isGone(pid: number): boolean {
  if (!isAlive(pid)) return true;
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The processes that this one started and that live. */
export function livingChildren(): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n');
  const rows = table.map((row) => row.trim().split(/\s+/));
  const mine = rows.filter(([, parent, command]) => Number(parent) === process.pid && command !== 'ps');
  return mine.map(([pid]) => Number(pid)).filter((pid) => !isGone(pid));
}

/** Polls until none of them lives. @returns those that still do after `timeoutMs` */
export async function stillAliveAfter(pids: readonly number[], timeoutMs: number): Promise<number[]> {
  const alive = () => pids.filter((pid) => !isGone(pid));
  await waitUntil(() => alive().length === 0 || undefined, { timeoutMs });
  return alive();
}

/** Polls until `look` gives something. @throws Error naming `what` after `timeoutMs` (default 30 s) */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const found = await waitUntil(look, { timeoutMs });
  if (found === undefined) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
  return found;
}
