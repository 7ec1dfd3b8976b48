import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Interval at which the holder touches its lock. */
const TOUCH_EVERY_MS = 2_000;
/** A lock not touched for this long is stale, even if another process now has its pid. */
const STALE_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 250;

export interface LockWaiting {
  /** Pid of the lock's owner; the lock is free once this process has ended. Default: ours. */
  holder?: number;
  /** Called at each check while another process holds the lock. A true value ends the wait without the lock. */
  whileWaiting?: () => Promise<boolean> | boolean;
  signal?: AbortSignal;
}

/**
 * Takes a lock between processes of one machine: a file with the holder's pid. Two processes that find a stale lock at the same
 * instant may both proceed, so guard only work that is safe to do twice.
 * @returns a function that releases the lock, or undefined when `whileWaiting` ended the wait
 */
export async function takeFileLock(
  path: string,
  waiting: LockWaiting = {},
): Promise<(() => Promise<void>) | undefined> {
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    waiting.signal?.throwIfAborted();
    try {
      await writeFile(path, String(waiting.holder ?? process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isAbandoned(path)) {
      await rm(path, { force: true });
      continue;
    }
    if (await waiting.whileWaiting?.()) return undefined;
    await delay(LOOK_EVERY_MS, undefined, { signal: waiting.signal });
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH_EVERY_MS);
  touching.unref();
  return async () => {
    clearInterval(touching);
    await rm(path, { force: true });
  };
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const [holder, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    if (Date.now() - mtimeMs > STALE_AFTER_MS) return true;
    // Empty between creation and the first write.
    return holder !== '' && !isAlive(Number(holder));
  } catch {
    return false;
  }
}

/** Whether a process with this pid exists, of any user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
