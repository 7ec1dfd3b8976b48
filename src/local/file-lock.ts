import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The holder touches its lock this often … */
const TOUCH_EVERY_MS = 2_000;
/** … and one that was not touched for so long belongs to nobody, even when its pid lives again as something else. */
const STALE_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 250;

export interface LockWaiting {
  /** Whose lock it is: it is free once this process is gone. Default: ours. */
  holder?: number;
  /** Called at each look while another process holds the lock. A true value ends the waiting without the lock. */
  whileWaiting?: () => Promise<boolean> | boolean;
  signal?: AbortSignal;
}

/**
 * Takes a lock between processes of one machine, as a file that holds the holder's pid.
 * Two processes that find a dead holder's lock in the same instant may both go on: guard only what is safe, though
 * wasteful, to do twice.
 * @returns a function that gives the lock back, or undefined when `whileWaiting` ended the waiting
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
    // Empty for the moment between creating and writing.
    return holder !== '' && !isAlive(Number(holder));
  } catch {
    return false;
  }
}

/** Whether a process with this pid exists, ours or another's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
