import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** The folder is not writable, or must not be replaced. Nothing was changed. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
  constructor(
    message: string,
    readonly advice: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface FolderOptions {
  /** Replace a folder that contains only files of known names. */
  replace: boolean;
  /** Names that a replaced folder may contain; any other file belongs to the user. */
  knownNames: readonly string[];
}

/**
 * Creates a folder atomically: `fill` writes into a temporary one beside it, which is renamed once all is on the disk. A killed
 * process leaves a folder named `.<name>.unfinished-…`.
 *
 * @throws FolderError
 */
export async function writeWholeFolder<T>(
  folder: string,
  { replace, knownNames }: FolderOptions,
  fill: (temporary: string) => Promise<T>,
): Promise<T> {
  const target = resolve(folder);
  const parent = dirname(target);
  let temporary: string | null = null;
  try {
    const inTheWay = await look(target, folder, { replace, knownNames });
    await mkdir(parent, { recursive: true });
    const own = join(parent, `.${basename(target)}.unfinished-${process.pid}-${Date.now().toString(36)}`);
    await mkdir(own);
    temporary = own;
    const result = await fill(own);
    await syncFolder(own);
    if (inTheWay) await swap(own, target);
    else await rename(own, target);
    temporary = null;
    await syncFolder(parent);
    return result;
  } catch (error) {
    throw asFolderError(error, folder);
  } finally {
    if (temporary !== null) await rm(temporary, { recursive: true, force: true }).catch(() => {});
  }
}

/** True when an existing folder with files is to be replaced. */
async function look(target: string, folder: string, { replace, knownNames }: FolderOptions): Promise<boolean> {
  const found = await stat(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return false;
  if (!found.isDirectory()) throw new FolderError(`${folder} is not a folder.`, 'Give another folder.');
  const names = await readdir(target);
  if (names.length === 0) return false;
  if (!replace) {
    throw new FolderError(
      `The folder ${folder} is not empty.`,
      'Give another folder, or replace the report in it with --force.',
    );
  }
  const foreign = names.filter((name) => !knownNames.includes(name));
  if (foreign.length > 0) {
    const which = foreign.slice(0, 3).join(', ') + (foreign.length > 3 ? ', …' : '');
    throw new FolderError(
      `The folder ${folder} holds more than a report (${which}), and is not replaced.`,
      'Give another folder.',
    );
  }
  return true;
}

/** The old folder is removed only after the new one has its place. */
async function swap(temporary: string, target: string): Promise<void> {
  const old = `${temporary}-replaced`;
  await rename(target, old);
  try {
    await rename(temporary, target);
  } catch (error) {
    await rename(old, target);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

/** File names are durable only once their folder is synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const WHY: Readonly<Record<string, [why: string, advice: string]>> = {
  ENOSPC: ['the disk is full', 'Make room, or give a folder on another disk.'],
  EDQUOT: ['your quota of the disk is used up', 'Make room, or give a folder on another disk.'],
  EACCES: ['you may not write there', 'Give a folder that you may write.'],
  EPERM: ['you may not write there', 'Give a folder that you may write.'],
  EROFS: ['it is on a disk that can only be read', 'Give a folder on another disk.'],
  ENOTDIR: ['a part of its path is not a folder', 'Give another folder.'],
  EFBIG: ['a file of it would be too large', 'Give a folder on another disk.'],
};

function asFolderError(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (error instanceof FolderError || code === undefined || !/^E[A-Z]+$/.test(code)) return error;
  if ((error as NodeJS.ErrnoException).syscall === undefined) return error;
  const [why, advice] = WHY[code] ?? [(error as Error).message, 'Give another folder.'];
  return new FolderError(
    `The report cannot be written to ${folder}: ${why} (${code}). Nothing was left there.`,
    advice,
    {
      cause: error,
    },
  );
}
