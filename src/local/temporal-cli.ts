import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { takeFileLock } from './file-lock.js';
import { LOCAL_SERVER_PROBLEMS, LocalServerError } from './local-server-error.js';
import { buildTemporalCli } from './temporal-cli-build.js';
import { downloadTemporalCli } from './temporal-cli-download.js';

/**
 * The release pinned in tools/temporal/go.mod: server 1.29.1, UI 2.42.1; newer ones cannot be built from the Go proxy. The
 * everyday tests therefore run on the oldest tested server, and `npm run test:stack` on that of docker-compose.yml.
 */
export const TEMPORAL_CLI_VERSION = 'v1.5.1';
/** The first server with all features that this project uses (user metadata, update with start, completion by id). */
export const OLDEST_TEMPORAL_SERVER = '1.28.0';

export type TemporalCliSource = 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache' | 'download' | 'build';

export interface TemporalCli {
  path: string;
  source: TemporalCliSource;
  /** Version of the included server: "1.29.1". */
  serverVersion: string;
}

export interface FindTemporalCli {
  /**
   * Reads `TEMPORAL_CLI_PATH`, `PATH`, `XDG_CACHE_HOME`, `TEMPORAL_CLI_DOWNLOAD` (`off` skips the download). Default
   * `process.env`.
   */
  env?: NodeJS.ProcessEnv;
  /** Progress lines for a person. */
  onProgress?: (line: string) => void;
  /** Download service; for tests. */
  downloadService?: string;
  /** Default `go`; for tests. */
  goCommand?: string;
  signal?: AbortSignal;
}

/** Cache of a downloaded or built CLI, shared by all clones on this machine: `${XDG_CACHE_HOME:-~/.cache}/…/temporal`. */
export function temporalCliCachePath(env: NodeJS.ProcessEnv = process.env): string {
  const cache = env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'vod-smart-erase', 'temporal-cli', TEMPORAL_CLI_VERSION, programName());
}

/**
 * Finds or installs the Temporal CLI: `TEMPORAL_CLI_PATH`; `temporal` on PATH, if new enough; our cache; a download; a build with
 * Go. The last two fill the cache, in one process at a time.
 * @throws LocalServerError `program-missing`, with all the ways in one sentence
 */
export async function findTemporalCli(options: FindTemporalCli = {}): Promise<TemporalCli> {
  const { env = process.env, onProgress } = options;
  if (env.TEMPORAL_CLI_PATH) return explicitCli(env.TEMPORAL_CLI_PATH);

  const reasons: string[] = [];
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, programName());
    if (!(await isExecutable(path))) continue;
    const version = await serverVersionOf(path).catch(() => undefined);
    if (version && isNewEnough(version)) return { path, source: 'PATH', serverVersion: version };
    const why = version ? `has server ${version}, ${OLDEST_TEMPORAL_SERVER} is needed` : 'does not tell its version';
    reasons.push(`${path} ${why}`);
    onProgress?.(`leaving out ${path}: it ${why}`);
    break;
  }

  const cached = temporalCliCachePath(env);
  const fromCache = () => cachedCli(cached);
  return (await fromCache()) ?? (await getCli(cached, fromCache, reasons, options));
}

async function getCli(
  cached: string,
  fromCache: () => Promise<TemporalCli | undefined>,
  reasons: string[],
  options: FindTemporalCli,
): Promise<TemporalCli> {
  const { env = process.env, onProgress, signal } = options;
  let told = false;
  const release = await takeFileLock(`${cached}.lock`, {
    signal,
    whileWaiting: async () => {
      if (!told) onProgress?.('another process is getting the Temporal CLI; waiting for it …');
      told = true;
      return (await fromCache()) !== undefined;
    },
  });
  const part = `${cached}.${process.pid}.part`;
  try {
    const already = await fromCache();
    if (already) return already;
    for (const source of ['download', 'build'] as const) {
      try {
        if (source === 'download' && env.TEMPORAL_CLI_DOWNLOAD === 'off') throw new Error('switched off');
        const common = { version: TEMPORAL_CLI_VERSION, target: part, signal };
        if (source === 'download') await downloadTemporalCli({ ...common, service: options.downloadService });
        else await buildTemporalCli({ ...common, goCommand: options.goCommand, onProgress });
        return await install(part, cached, source);
      } catch (error) {
        signal?.throwIfAborted();
        reasons.push(`${source}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    throw missingCli(reasons, cached);
  } finally {
    await rm(part, { force: true });
    await release?.();
  }
}

/** Atomically replaces the cached file, only after the new one has run and printed its version. */
async function install(part: string, cached: string, source: TemporalCliSource): Promise<TemporalCli> {
  await chmod(part, 0o755);
  const serverVersion = await serverVersionOf(part);
  await mkdir(join(cached, '..'), { recursive: true });
  await rename(part, cached);
  return { path: cached, source, serverVersion };
}

async function explicitCli(path: string): Promise<TemporalCli> {
  const trouble = (what: string) =>
    new LocalServerError(
      LOCAL_SERVER_PROBLEMS.programMissing,
      `TEMPORAL_CLI_PATH names ${path}, which ${what}: point it at a Temporal CLI with server ${OLDEST_TEMPORAL_SERVER} or newer, or unset it.`,
    );
  if (!(await isExecutable(path))) throw trouble('is not a program that can be run');
  const serverVersion = await serverVersionOf(path).catch(() => undefined);
  if (!serverVersion) throw trouble('does not tell its version as the Temporal CLI does');
  if (!isNewEnough(serverVersion)) throw trouble(`has server ${serverVersion}`);
  return { path, source: 'TEMPORAL_CLI_PATH', serverVersion };
}

async function cachedCli(path: string): Promise<TemporalCli | undefined> {
  if (!(await isExecutable(path))) return undefined;
  const serverVersion = await serverVersionOf(path).catch(() => undefined);
  return serverVersion ? { path, source: 'cache', serverVersion } : undefined;
}

function missingCli(reasons: readonly string[], cached: string): LocalServerError {
  return new LocalServerError(
    LOCAL_SERVER_PROBLEMS.programMissing,
    `The Temporal CLI was not found and could not be had (${reasons.join('; ')}): install it from https://docs.temporal.io/cli so that \`temporal\` is on PATH, or set TEMPORAL_CLI_PATH to one, or put one at ${cached}, or allow access to temporal.download, or install Go 1.25 or newer and run this again.`,
  );
}

/** Asks a CLI for the version of its server: "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)". */
async function serverVersionOf(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 });
  const version = /Server (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (!version) throw new Error(`${path} does not tell its server's version`);
  return version;
}

function isNewEnough(version: string): boolean {
  const [have, need] = [version, OLDEST_TEMPORAL_SERVER].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (have?.[i] ?? 0) - (need?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function programName(): string {
  return process.platform === 'win32' ? 'temporal.exe' : 'temporal';
}
