import { join, resolve } from 'node:path';
import { loadPrefix } from '../../config/temporal-settings.js';
import { namesWith } from '../../contract/names.js';
import { migrateLedger } from '../../ledger/db/migrate.js';
import { startEmbeddedPostgres } from '../embedded-postgres.js';
import { findTemporalCli } from '../temporal-cli.js';
import { startDevServer } from '../temporal-dev-server.js';
import { lockDataDir } from './data-folder.js';
import { stackEnvironment } from './stack-environment.js';
import { StackParts } from './stack-parts.js';
import { startChild } from './start-child.js';

/** Temporal's default ports, so that every tool finds this server. */
export const DEFAULT_TEMPORAL_PORT = 7233;
export const DEFAULT_UI_PORT = 8233;
export const DEFAULT_SIMULATOR_PORT = 7280;
export const DEFAULT_DATABASE_PORT = 7243;

/** Command of the simulator or the worker: arguments of this program, or another program. */
export interface StackChild {
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  program?: readonly [string, ...string[]];
}

export interface DevStackOptions {
  /** 0 means any free port, here and below. */
  temporalPort?: number;
  uiPort?: number;
  simulatorPort?: number;
  databasePort?: number;
  /** Folder kept between runs: `temporal.db`, `postgres/`, `simulator.jsonl`. Default: nothing is kept. */
  dataDir?: string;
  /** Additional arguments of the simulator ("--task-duration", …). */
  simulatorArgs?: readonly string[];
  /** Additional environment of the worker; overrides everything else. */
  workerEnvironment?: NodeJS.ProcessEnv;
  /** `false` omits it. Default: this program's own `simulator` and `worker`. */
  simulator?: false | ((context: { port: number; stateFile: string | undefined }) => StackChild);
  worker?: false | ((context: { environment: NodeJS.ProcessEnv }) => StackChild);
  onProgress?: (line: string) => void;
  /** Called for each output line of a part: ("the worker", "…"). */
  onLine?: (part: string, line: string) => void;
  /** Aborts the start, and stops the parts already started. */
  signal?: AbortSignal;
}

export interface DevStack {
  /** "127.0.0.1:7233" */
  readonly temporal: string;
  readonly namespace: string;
  /** "http://127.0.0.1:8233" */
  readonly ui: string;
  /** URL of the simulator; undefined when it was omitted. */
  readonly simulator: string | undefined;
  /** URL of the ledger's database, with its password. */
  readonly database: string;
  /** The environment that a client, a worker or a command needs to use this stack. */
  readonly environment: NodeJS.ProcessEnv;
  /** Pids of the running processes, by part. */
  readonly pids: Readonly<Record<string, number>>;
  /** Settles with a sentence when a part ends unexpectedly. */
  readonly failed: Promise<string>;
  /** Stops the worker first, then the simulator and Temporal, then PostgreSQL; within 5 s. Safe to call again. */
  stop(): Promise<void>;
}

/**
 * Starts a local stack for erases: a Temporal server with its UI, PostgreSQL with the ledger's schema, the simulator and a
 * worker. They end with this process, even after a kill.
 * @throws LocalServerError with one sentence, after all started parts have been stopped
 */
export async function startDevStack(options: DevStackOptions = {}): Promise<DevStack> {
  const parts = new StackParts(options.onLine);
  try {
    return await start(parts, options);
  } catch (error) {
    await parts.stop();
    options.signal?.throwIfAborted();
    throw error;
  }
}

async function start(parts: StackParts, options: DevStackOptions): Promise<DevStack> {
  const { onProgress, signal } = options;
  const { searchAttribute } = namesWith(loadPrefix(process.env));
  const dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir);
  if (dataDir) parts.unlock = await lockDataDir(dataDir, parts.reaper.pid, signal);
  onProgress?.('looking for the Temporal CLI …');
  const cli = await findTemporalCli({ onProgress, signal });
  onProgress?.('starting Temporal, PostgreSQL and the simulator …');
  await all([
    startDevServer({
      cliPath: cli.path,
      port: options.temporalPort ?? DEFAULT_TEMPORAL_PORT,
      uiPort: options.uiPort ?? DEFAULT_UI_PORT,
      dbFile: dataDir && join(dataDir, 'temporal.db'),
      searchAttributes: Object.fromEntries(Object.values(searchAttribute).map((name) => [name, 'Keyword'])),
      ...parts.hooks('Temporal'),
    }).then((server) => {
      parts.temporal = server;
      parts.add('Temporal', server.process);
    }),
    startEmbeddedPostgres({
      port: options.databasePort ?? DEFAULT_DATABASE_PORT,
      dataDir: dataDir && join(dataDir, 'postgres'),
      onTemporaryFolder: (path) => parts.reaper.addFolder(path),
      ...parts.hooks('PostgreSQL', 'SIGINT'),
    }).then((database) => {
      parts.database = database;
      parts.add('PostgreSQL', database.process);
    }),
    startSimulator(parts, options, dataDir && join(dataDir, 'simulator.jsonl')),
  ]);
  signal?.throwIfAborted();
  const { temporal, database } = parts;
  if (!temporal || !database) throw new Error('unreachable: a part neither started nor failed');
  await migrateLedger(database.url, { namespace: temporal.namespace });
  const simulator = typeof parts.simulator?.ready.url === 'string' ? parts.simulator.ready.url : undefined;
  const environment = stackEnvironment({ temporal, databaseUrl: database.url, simulatorUrl: simulator });
  if (options.worker !== false) {
    onProgress?.('starting a worker …');
    const env = { ...process.env, ...environment, ...options.workerEnvironment };
    const child = options.worker?.({ environment: env }) ?? { args: ['worker', '-o', 'json'] };
    parts.worker = await startChild({ name: 'the worker', env, ...child, signal, ...parts.hooks('the worker') });
    parts.add('worker', parts.worker.process);
  }
  signal?.throwIfAborted();
  return {
    temporal: temporal.address,
    namespace: temporal.namespace,
    ui: temporal.uiUrl ?? '',
    simulator,
    database: database.url,
    environment,
    pids: parts.pids,
    failed: parts.failed,
    stop: () => parts.stop(),
  };
}

async function startSimulator(
  parts: StackParts,
  options: DevStackOptions,
  stateFile: string | undefined,
): Promise<void> {
  if (options.simulator === false) return;
  const port = options.simulatorPort ?? DEFAULT_SIMULATOR_PORT;
  const child = options.simulator?.({ port, stateFile }) ?? {
    args: ['simulator', '-o', 'json', '--port', String(port), ...(stateFile ? ['--state-file', stateFile] : [])],
  };
  const args = [...child.args, ...(options.simulatorArgs ?? [])];
  const hooks = parts.hooks('the simulator');
  parts.simulator = await startChild({ name: 'the simulator', ...child, args, signal: options.signal, ...hooks });
  parts.add('simulator', parts.simulator.process);
}

/** Waits for all, so that late starts are registered too; then throws the first failure. */
async function all(starts: Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(starts);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
