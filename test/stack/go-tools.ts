import { createHash } from 'node:crypto';
import { access, constants, copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeFileLock } from '../../src/process/file-lock.js';
import { startProcess } from '../../src/process/owned-process.js';

/** A Go module of this folder, and the programs that are built from it: their name in a container, and their package. */
interface GoModule {
  readonly folder: string;
  readonly programs: Readonly<Record<string, string>>;
  /** For a person who waits. Measured on two cores with empty caches. */
  readonly usualBuild: string;
}

export const TEMPORAL_SERVER: GoModule = {
  folder: 'temporal-server',
  programs: {
    'temporal-server': 'go.temporal.io/server/cmd/server',
    'temporal-sql-tool': 'go.temporal.io/server/cmd/tools/sql',
  },
  usualBuild: 'about 5 minutes, once',
};

export const DOCKER_COMPOSE: GoModule = {
  folder: 'docker-compose',
  programs: { 'docker-compose': 'github.com/docker/compose/v2/cmd' },
  usualBuild: 'about 2 minutes, once',
};

const goModulePath = (module: GoModule, name: string) =>
  fileURLToPath(new URL(`go/${module.folder}/${name}`, import.meta.url));

/** The version that the module pins: "v1.29.1". */
export async function pinnedVersion(module: GoModule): Promise<string> {
  const text = await readFile(goModulePath(module, 'go.mod'), 'utf8');
  const version = /^require \S+ (v\S+)$/m.exec(text)?.[1];
  if (version === undefined) throw new Error(`${module.folder}/go.mod pins nothing.`);
  return version;
}

/**
 * A folder with the module's programs, built by Go the first time and kept for every clone on this machine, one folder
 * for each state of go.mod and go.sum.
 */
export async function goPrograms(module: GoModule, say: (line: string) => void): Promise<string> {
  const pins = await Promise.all(['go.mod', 'go.sum'].map((name) => readFile(goModulePath(module, name))));
  const key = createHash('sha256').update(Buffer.concat(pins)).digest('hex').slice(0, 16);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vod-smart-erase', 'stack');
  const target = join(cache, `${module.folder}-${key}`);
  const ready = () => hasAll(target, Object.keys(module.programs));
  if (await ready()) return target;
  const release = await takeFileLock(`${target}.lock`, { whileWaiting: ready });
  try {
    if (await ready()) return target;
    say(`building ${Object.keys(module.programs).join(', ')} with Go (${module.usualBuild}) …`);
    const part = `${target}.${process.pid}.part`;
    await mkdir(part, { recursive: true });
    try {
      for (const [name, path] of Object.entries(module.programs)) {
        await goBuild(goModulePath(module, ''), join(part, name), path);
      }
      await rm(target, { recursive: true, force: true });
      await rename(part, target);
    } finally {
      await rm(part, { recursive: true, force: true });
    }
    return target;
  } finally {
    await release?.();
  }
}

async function goBuild(cwd: string, target: string, path: string): Promise<void> {
  const args = ['build', '-mod=readonly', '-ldflags=-s -w', '-o', target, path];
  const go = await startProcess({ name: 'go build', command: 'go', args, cwd }).catch((error) => {
    throw new Error(`Go cannot be started (${error.code}): install Go 1.25 or newer.`);
  });
  const { code } = await go.ended;
  if (code !== 0) throw new Error(`go build ${path} failed: ${go.lastLines().join('\n')}`);
}

async function hasAll(folder: string, names: readonly string[]): Promise<boolean> {
  const looks = names.map((name) => access(join(folder, name), constants.X_OK));
  return (await Promise.allSettled(looks)).every(({ status }) => status === 'fulfilled');
}

/** Puts copies of programs into one folder, as an image has them on its PATH. */
export async function onOnePath(folder: string, programs: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, source] of Object.entries(programs)) await copyFile(source, join(folder, name));
}
