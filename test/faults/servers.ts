import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTE } from '../../src/contract/names.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/local/embedded-postgres.js';
import { type Reaper, startReaper } from '../../src/local/stack/reaper.js';
import { findTemporalCli } from '../../src/local/temporal-cli.js';
import { type DevServer, type DevServerOptions, startDevServer } from '../../src/local/temporal-dev-server.js';
import { build } from '../../tools/build.mjs';
import { eventually } from '../support/processes.js';

/** What all groups of cells share, and the reaper that ends it all with us. */
export interface SharedServers {
  readonly reaper: Reaper;
  readonly postgres: EmbeddedPostgres;
  /** @throws where it was not asked for */
  readonly temporal: TemporalOnFile;
  /** A server of one's own, to be killed. */
  startTemporal(): Promise<TemporalOnFile>;
  /** The same of PostgreSQL. */
  startPostgres(): Promise<PostgresOnFolder>;
  stop(): Promise<void>;
}

/** A Temporal dev server on a database file: it can be killed and started again where it was. */
export interface TemporalOnFile {
  readonly address: string;
  /** Of the server that runs now; another after {@link startAgain}. */
  pid(): number;
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** A PostgreSQL on a data folder: it can be killed and started again where it was. */
export interface PostgresOnFolder {
  urlOf(database: string): string;
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

export interface SharedServersOptions {
  /** Whether there is a Temporal server that all share, default true. One that idles takes some hundredths of a core. */
  sharedTemporal?: boolean;
  /**
   * Temporal servers keep their data in a file, so that they can be killed; default true. In memory they leave the disk to
   * the ledger, as a server on a machine of its own does.
   */
  temporalOnFile?: boolean;
  /** Environment of Temporal servers, besides this process's own. */
  temporalEnv?: Readonly<Record<string, string>>;
  /** Dynamic configuration of Temporal servers. */
  temporalConfig?: Readonly<Record<string, unknown>>;
}

export async function startSharedServers(
  say: (line: string) => void,
  { sharedTemporal = true, temporalOnFile = true, temporalEnv = {}, temporalConfig = {} }: SharedServersOptions = {},
): Promise<SharedServers> {
  await build({ onProgress: say, strict: false });
  const { path: cliPath } = await findTemporalCli({ onProgress: say });
  const reaper = startReaper();
  const started: (TemporalOnFile | PostgresOnFolder)[] = [];
  const startTemporal = async () => {
    const how = { onFile: temporalOnFile, env: temporalEnv, dynamicConfig: temporalConfig };
    const server = await startTemporalServer(cliPath, reaper, how);
    started.push(server);
    return server;
  };
  const startPostgres = async () => {
    const server = await startPostgresOnFolder(reaper);
    started.push(server);
    return server;
  };
  const [postgres, temporal] = await Promise.all([
    startEmbeddedPostgres({
      maxConnections: 400,
      onExit: (pid) => reaper.remove(pid),
      onSpawn: (pid) => reaper.add(pid, 'SIGINT'),
      onTemporaryFolder: (path) => reaper.addFolder(path),
    }),
    sharedTemporal ? startTemporal() : undefined,
  ]);
  return {
    reaper,
    postgres,
    get temporal() {
      if (temporal === undefined) throw new Error('There is no shared Temporal server here: start one.');
      return temporal;
    },
    startTemporal,
    startPostgres,
    async stop() {
      await Promise.allSettled([postgres.stop(), ...started.map((server) => server.stop())]);
      await reaper.close();
    },
  };
}

async function startTemporalServer(
  cliPath: string,
  reaper: Reaper,
  { onFile, env, dynamicConfig }: { onFile: boolean } & Pick<Required<DevServerOptions>, 'env' | 'dynamicConfig'>,
): Promise<TemporalOnFile> {
  let dbFile: string | undefined;
  if (onFile) {
    const folder = await mkdtemp(join(tmpdir(), 'smart-erase-faults-'));
    reaper.addFolder(folder);
    dbFile = join(folder, 'temporal.db');
  }
  const searchAttributes = Object.fromEntries(Object.values(SEARCH_ATTRIBUTE).map((n) => [n, 'Keyword' as const]));
  const start = (port?: number): Promise<DevServer> =>
    startDevServer({
      cliPath,
      port,
      uiPort: false,
      dbFile,
      logLevel: 'never',
      env,
      dynamicConfig,
      searchAttributes,
      onExit: (pid) => reaper.remove(pid),
      onSpawn: (pid) => reaper.add(pid),
    });
  let server = await start();
  const { address } = server;
  const port = Number(address.split(':')[1]);
  return {
    address,
    pid: () => server.pid,
    async kill() {
      process.kill(server.pid, 'SIGKILL');
      await server.process.ended;
    },
    async startAgain() {
      server = await start(port);
    },
    stop: () => server.stop(),
  };
}

/** It writes as one in production does: every commit is on the disk before it counts. */
async function startPostgresOnFolder(reaper: Reaper): Promise<PostgresOnFolder> {
  const dataDir = await mkdtemp(join(tmpdir(), 'smart-erase-faults-'));
  reaper.addFolder(dataDir);
  const start = (port?: number): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({
      dataDir,
      port,
      onExit: (pid) => reaper.remove(pid),
      onSpawn: (pid) => reaper.add(pid, 'SIGINT'),
    });
  let server = await start();
  const { port } = server;
  return {
    urlOf: (database) => server.urlOf(database),
    async kill() {
      // Its other processes end as soon as they notice.
      process.kill(server.pid, 'SIGKILL');
      await server.process.ended;
    },
    async startAgain() {
      server = await start(port);
    },
    async stop() {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A namespace with the search attributes; ready when this returns. */
export async function createNamespace(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    // 2 is Keyword in temporal.api.enums.v1.IndexedValueType.
    const searchAttributes = Object.fromEntries(Object.values(SEARCH_ATTRIBUTE).map((name) => [name, 2]));
    await eventually(`search attributes in ${namespace}`, async () => {
      try {
        await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
        return true;
      } catch (error) {
        return /already exist/i.test(String(error)) || undefined;
      }
    });
  } finally {
    await connection.close();
  }
}
