import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { takeFileLock } from '../../src/local/file-lock.js';
import { startProcess } from '../../src/local/owned-process.js';
import { goCommand, goEnvironment, stackCache } from './go-command.js';

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
  usualBuild: 'about 6 minutes, once',
};

export const TEMPORAL_UI: GoModule = {
  folder: 'temporal-ui',
  programs: { 'ui-server': 'github.com/temporalio/ui-server/v2/cmd/server' },
  usualBuild: 'half a minute, once',
};

export const DOCKER_COMPOSE: GoModule = {
  folder: 'docker-compose',
  programs: { 'docker-compose': 'github.com/docker/compose/v2/cmd' },
  usualBuild: 'about 2 minutes, once',
};

const goModulePath = (module: GoModule, name: string) =>
  fileURLToPath(new URL(`go/${module.folder}/${name}`, import.meta.url));

/** The version that the module pins: "v1.32.2". */
export async function pinnedVersion(module: GoModule): Promise<string> {
  return (await pinned(module)).version;
}

/** Path, version and oldest Go of what the module pins. */
async function pinned(module: GoModule): Promise<{ path: string; version: string; go: string }> {
  const text = await readFile(goModulePath(module, 'go.mod'), 'utf8');
  const [, path, version] = /^require (\S+) (v\S+)$/m.exec(text) ?? [];
  const [, go] = /^go (\S+)$/m.exec(text) ?? [];
  if (path === undefined || version === undefined || go === undefined) {
    throw new Error(`${module.folder}/go.mod pins nothing.`);
  }
  return { path, version, go };
}

/** The folder with the sources of what the module pins, for a file that its image takes from there. */
export async function sourceFolder(module: GoModule, say: (line: string) => void): Promise<string> {
  const { path, go } = await pinned(module);
  const args = ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', path];
  const { stdout } = await promisify(execFile)(await goCommand(go, say), args, {
    cwd: goModulePath(module, ''),
    env: goEnvironment(),
  });
  return stdout.trim();
}

/**
 * A folder with the module's programs, built by Go the first time and kept for every clone on this machine, one folder
 * for each state of go.mod and go.sum.
 */
export async function goPrograms(module: GoModule, say: (line: string) => void): Promise<string> {
  const pins = await Promise.all(['go.mod', 'go.sum'].map((name) => readFile(goModulePath(module, name))));
  const key = createHash('sha256').update(Buffer.concat(pins)).digest('hex').slice(0, 16);
  const target = join(stackCache(), `${module.folder}-${key}`);
  const ready = () => hasAll(target, Object.keys(module.programs));
  if (await ready()) return target;
  const release = await takeFileLock(`${target}.lock`, { whileWaiting: ready });
  try {
    if (await ready()) return target;
    say(`building ${Object.keys(module.programs).join(', ')} with Go (${module.usualBuild}) …`);
    const part = `${target}.${process.pid}.part`;
    await mkdir(part, { recursive: true });
    try {
      const go = await goCommand((await pinned(module)).go, say);
      for (const [name, path] of Object.entries(module.programs)) {
        await goBuild(go, goModulePath(module, ''), join(part, name), path);
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

async function goBuild(command: string, cwd: string, target: string, path: string): Promise<void> {
  const args = ['build', '-mod=readonly', '-ldflags=-s -w', '-o', target, path];
  const go = await startProcess({ name: 'go build', command, args, cwd, env: goEnvironment() });
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
