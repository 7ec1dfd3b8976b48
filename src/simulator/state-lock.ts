import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { resolve } from 'node:path';

/** The locks of this process. A lock with its pid that is not among them is of an earlier process, as in a container. */
const ours = new Set<string>();

export const lockOf = (path: string) => resolve(`${path}.lock`);

/** The pid of the process that has the state file open; null: none. */
export function lockHolder(path: string): number | null {
  const lock = lockOf(path);
  let pid: number;
  let takenMs: number;
  try {
    pid = Number(readFileSync(lock, 'utf8'));
    takenMs = statSync(lock).mtimeMs;
  } catch {
    return null;
  }
  if (pid === process.pid) return ours.has(lock) ? pid : null;
  // After a reboot, the pid may belong to another program.
  if (takenMs < Date.now() - uptime() * 1000) return null;
  return pid > 0 && isAlive(pid) ? pid : null;
}

/**
 * Takes the lock, also over a lock whose process has ended.
 * @returns releases it
 */
export function takeLock(path: string): () => void {
  const lock = lockOf(path);
  rmSync(lock, { force: true });
  writeFileSync(lock, String(process.pid), { flag: 'wx' });
  ours.add(lock);
  return () => {
    ours.delete(lock);
    rmSync(lock, { force: true });
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
