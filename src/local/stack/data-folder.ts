import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { takeFileLock } from '../file-lock.js';
import { LOCAL_SERVER_PROBLEMS, LocalServerError } from '../local-server-error.js';

/** Time that the reaper of a killed `dev` needs to end its servers, in milliseconds. */
const PREVIOUS_RUN_MS = 6_000;

/** Allows one `dev` per folder. The lock belongs to the reaper, so after a kill it holds until the old servers have ended. */
export async function lockDataDir(dataDir: string, reaperPid: number | undefined, signal?: AbortSignal) {
  const deadline = performance.now() + PREVIOUS_RUN_MS;
  const trouble = (what: string, cause?: unknown) =>
    new LocalServerError(LOCAL_SERVER_PROBLEMS.dataFolder, `${dataDir} ${what}: choose another with --data.`, {
      cause,
    });
  let release: (() => Promise<void>) | undefined;
  try {
    await mkdir(dataDir, { recursive: true });
    const whileWaiting = () => performance.now() > deadline;
    release = await takeFileLock(join(dataDir, '.lock'), { holder: reaperPid, whileWaiting, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw trouble(`cannot be used (${error instanceof Error ? error.message : String(error)})`, error);
  }
  if (!release) throw trouble('is in use by another smart-erase dev, which can be stopped with Ctrl-C, or');
  return release;
}
