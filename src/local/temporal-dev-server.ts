import { Connection } from '@temporalio/client';
import { DIRECT_CHANNEL } from '../temporal/connection.js';
import { findFreePort, isPortFree, LOOPBACK } from './free-port.js';
import { LOCAL_SERVER_PROBLEMS, LocalServerError } from './local-server-error.js';
import { type OwnedProcess, startProcess } from './owned-process.js';
import { waitUntil } from './wait-until.js';

const NAME = 'the Temporal dev server';
/** It starts in half a second on a quiet machine; this allows for a busy one. */
const READY_TIMEOUT_MS = 60_000;
/** A free port may be taken before its use, and the server picks three more itself. */
const START_ATTEMPTS = 4;
/** The server's messages on port conflicts: on Unix, on Windows, and for a port that it picks itself. */
const PORT_TROUBLE = /address already in use|only one usage of each socket address|failed assigning ephemeral port/i;
const DEFAULT_NAMESPACE = 'default';

export type SearchAttributeKind = 'Text' | 'Keyword' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList';

export interface DevServerOptions {
  /** The Temporal CLI, from `findTemporalCli`. */
  cliPath: string;
  /** gRPC; default 0: any free port. */
  port?: number;
  /** Default 0: any free port. `false` disables the UI. */
  uiPort?: number | false;
  /** Default: in memory. A restart on the same file continues with its data, also after a kill. */
  dbFile?: string;
  /** Created if missing; default `default`. */
  namespace?: string;
  searchAttributes?: Readonly<Record<string, SearchAttributeKind>>;
  /** Default `warn`. */
  logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'never';
  /** Values are written as JSON: `{'limit.numPendingActivities.error': 2000}`. */
  dynamicConfig?: Readonly<Record<string, unknown>>;
  /** Additional environment of the process, to ours without Temporal client settings. */
  env?: Readonly<Record<string, string>>;
  /** Named in the message when a port is in use. */
  portFlag?: string;
  uiPortFlag?: string;
  onLine?: (line: string) => void;
  onSpawn?: (pid: number) => void;
  onExit?: (pid: number) => void;
}

export interface DevServer {
  /** "127.0.0.1:7233" */
  readonly address: string;
  /** "http://127.0.0.1:8233"; undefined without a UI. */
  readonly uiUrl: string | undefined;
  readonly namespace: string;
  readonly pid: number;
  readonly process: OwnedProcess;
  /** Ends it within 3 s. */
  stop(): Promise<void>;
}

/**
 * Starts `temporal server start-dev` on loopback and waits until gRPC, the namespace and the search attributes are ready.
 * @throws LocalServerError when a port is in use, or the server ends or does not become ready
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  let failure: unknown;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const ports = await findPorts(options);
    try {
      return await startOn(ports, options);
    } catch (error) {
      failure = error;
      // Retries after a port was taken in between; for a wanted port, the next check reports it.
      if (!(error instanceof LocalServerError) || !(await isPortTrouble(error, ports))) throw error;
    }
  }
  throw failure;
}

interface Ports {
  grpc: number;
  ui: number | undefined;
  /** The server would pick these two itself, and end on a conflict. */
  http: number;
  metrics: number;
}

async function findPorts(options: DevServerOptions): Promise<Ports> {
  const { port = 0, uiPort = 0, portFlag = '--temporal-port', uiPortFlag = '--ui-port' } = options;
  return {
    grpc: await findFreePort({ port, purpose: NAME, flag: portFlag }),
    ui: uiPort === false ? undefined : await findFreePort({ port: uiPort, purpose: "Temporal's UI", flag: uiPortFlag }),
    http: await findFreePort({ port: 0, purpose: "Temporal's HTTP API" }),
    metrics: await findFreePort({ port: 0, purpose: "Temporal's metrics" }),
  };
}

/** Detects port conflicts by the server's message, or by a port that is no longer free. */
async function isPortTrouble(error: LocalServerError, { grpc, ui, http, metrics }: Ports): Promise<boolean> {
  if (PORT_TROUBLE.test(error.message)) return true;
  const given = [grpc, http, metrics, ...(ui === undefined ? [] : [ui])];
  return (await Promise.all(given.map(isPortFree))).includes(false);
}

async function startOn(ports: Ports, options: DevServerOptions): Promise<DevServer> {
  const { onLine, onSpawn, onExit, namespace = DEFAULT_NAMESPACE } = options;
  const server = await startProcess({
    name: NAME,
    command: options.cliPath,
    args: serverArguments(ports, options),
    env: { ...environmentWithoutTemporal(), ...options.env },
    onLine,
    onSpawn,
    onExit,
  }).catch((error) => {
    throw startFailed(`cannot be run (${error.message}): check ${options.cliPath}`);
  });
  const address = `${LOOPBACK}:${ports.grpc}`;
  try {
    await untilReady(server, address, namespace, Object.keys(options.searchAttributes ?? {}));
  } catch (error) {
    await server.stop({ graceMs: 0 });
    throw error;
  }
  return {
    address,
    uiUrl: ports.ui === undefined ? undefined : `http://${LOOPBACK}:${ports.ui}`,
    namespace,
    pid: server.pid,
    process: server,
    stop: async () => void (await server.stop()),
  };
}

function serverArguments({ grpc, ui, http, metrics }: Ports, options: DevServerOptions): string[] {
  const args = ['server', 'start-dev', '--ip', LOOPBACK, '--port', String(grpc), '--color', 'never'];
  args.push('--http-port', String(http), '--metrics-port', String(metrics));
  args.push('--log-level', options.logLevel ?? 'warn', '--namespace', options.namespace ?? DEFAULT_NAMESPACE);
  args.push(...(ui === undefined ? ['--headless'] : ['--ui-ip', LOOPBACK, '--ui-port', String(ui)]));
  if (options.dbFile) args.push('--db-filename', options.dbFile);
  for (const [name, kind] of Object.entries(options.searchAttributes ?? {})) {
    args.push('--search-attribute', `${name}=${kind}`);
  }
  for (const [key, value] of Object.entries(options.dynamicConfig ?? {})) {
    args.push('--dynamic-config-value', `${key}=${JSON.stringify(value)}`);
  }
  return args;
}

/** The CLI reads TEMPORAL_* as client settings, which refer to another server. */
function environmentWithoutTemporal(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

async function untilReady(server: OwnedProcess, address: string, namespace: string, attributes: string[]) {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  const connection = await waitUntil(
    async () => {
      if (server.hasEnded()) throw await endedEarly(server);
      return Connection.connect({ address, connectTimeout: '1s', channelArgs: DIRECT_CHANNEL }).catch(() => undefined);
    },
    { timeoutMs: READY_TIMEOUT_MS },
  );
  if (!connection) throw silent(server);
  try {
    const ready = await waitUntil(
      async () => {
        if (server.hasEnded()) throw await endedEarly(server);
        return (await knowsAll(connection, namespace, attributes).catch(() => false)) || undefined;
      },
      { timeoutMs: Math.max(0, deadline - performance.now()) },
    );
    if (!ready) throw silent(server);
  } finally {
    await connection.close();
  }
}

async function knowsAll(connection: Connection, namespace: string, attributes: string[]): Promise<boolean> {
  await connection.workflowService.describeNamespace({ namespace });
  if (attributes.length === 0) return true;
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return attributes.every((name) => customAttributes && name in customAttributes);
}

async function endedEarly(server: OwnedProcess): Promise<LocalServerError> {
  const { code, signal } = await server.ended;
  return startFailed(`ended before it was ready (${signal ?? `exit code ${code}`}): ${lastWords(server)}`);
}

function silent(server: OwnedProcess): LocalServerError {
  return startFailed(`was not ready within ${READY_TIMEOUT_MS / 1000} s: ${lastWords(server)}`);
}

/** A crash message alone is not enough; the error before it has the cause. */
function lastWords(server: OwnedProcess): string {
  const lines = server.lastLines();
  const telling = lines.filter((line) => /error|fatal|in use|^panic: /i.test(line));
  const crash = /^(?:panic|fatal error): /.test(telling.at(-1) ?? '');
  return telling.slice(crash ? -2 : -1).join('; ') || (lines.at(-1) ?? 'it said nothing');
}

function startFailed(what: string): LocalServerError {
  return new LocalServerError(LOCAL_SERVER_PROBLEMS.startFailed, `The Temporal dev server ${what}`);
}
