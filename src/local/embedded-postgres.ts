import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chown, type FileHandle, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { type PostgresUser, postgresBinaries, unprivilegedUser } from './embedded-binaries.js';
import { findFreePort, LOOPBACK } from './free-port.js';
import { LOCAL_SERVER_PROBLEMS, LocalServerError } from './local-server-error.js';
import { type OwnedProcess, startProcess } from './owned-process.js';
import { waitUntil } from './wait-until.js';

const NAME = 'PostgreSQL';
const SUPERUSER = 'postgres';
/** Recovery after a kill replays the log first; it takes seconds at our sizes. */
const READY_TIMEOUT_MS = 60_000;
const START_ATTEMPTS = 4;
/** A fast shutdown takes some 15 ms; this allows for a slow disk. */
const STOP_GRACE_MS = 3_000;

export interface EmbeddedPostgresOptions {
  /** Data folder, created at the first start and kept. Default: a temporary one, removed by `stop`. */
  dataDir?: string;
  /** Default 0: any free port. */
  port?: number;
  /** The database in `url`, created if missing; default `smart_erase`. */
  database?: string;
  /** Default 200: a test run has many pools at once. */
  maxConnections?: number;
  portFlag?: string;
  /** Reports the data folder of a temporary server, so that it can be removed after a kill. */
  onTemporaryFolder?: (path: string) => void;
  onLine?: (line: string) => void;
  onSpawn?: (pid: number) => void;
  onExit?: (pid: number) => void;
}

export interface EmbeddedPostgres {
  /** "postgres://postgres:…@127.0.0.1:5433/smart_erase" */
  readonly url: string;
  readonly port: number;
  /** Pid of the postmaster; its other processes end with it. */
  readonly pid: number;
  readonly dataDir: string;
  readonly process: OwnedProcess;
  /** A URL like `url` for another database of this server. */
  urlOf(database: string): string;
  /** Fast shutdown: open transactions are rolled back. SIGKILL follows after `graceMs` (default 3,000). */
  stop(options?: { graceMs?: number }): Promise<void>;
}

/**
 * Starts a PostgreSQL 18 server on loopback, as root too. An existing data folder is reused with its data and password, also
 * after a kill.
 * @throws LocalServerError when the port is in use, the folder cannot be used, or the server does not start
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  const temporary = options.dataDir === undefined;
  const dataDir = options.dataDir ? resolve(options.dataDir) : await mkdtemp(join(tmpdir(), 'smart-erase-postgres-'));
  if (temporary) options.onTemporaryFolder?.(dataDir);
  const removeTemporary = async () => {
    if (temporary) await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  let folder: FileHandle | undefined;
  try {
    const user = unprivilegedUser();
    const binaries = await postgresBinaries(user);
    folder = await openDataDir(dataDir, user);
    const cluster: Cluster = { binaries, dataDir, user, folder, temporary };
    const password = await initialise(cluster);
    const running = await startWithRetries(cluster, password, options);
    const stop = async ({ graceMs = STOP_GRACE_MS } = {}) => {
      await running.process.stop({ signal: 'SIGINT', graceMs });
      await removeTemporary();
    };
    return { ...running, dataDir, pid: running.process.pid, stop };
  } catch (error) {
    await removeTemporary();
    throw error;
  } finally {
    await folder?.close();
  }
}

interface Cluster {
  binaries: string;
  dataDir: string;
  user: PostgresUser | undefined;
  folder: FileHandle;
  temporary: boolean;
}

async function openDataDir(dataDir: string, user: PostgresUser | undefined): Promise<FileHandle> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    if (user) await chown(dataDir, user.uid, user.gid);
    return await open(dataDir, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LocalServerError(
      LOCAL_SERVER_PROBLEMS.dataFolder,
      `PostgreSQL's data folder ${dataDir} cannot be used (${reason}): choose another with --data.`,
      { cause },
    );
  }
}

/**
 * The data folder's path for the server. A server of root runs as another user, who may lack access to the parent folders, so it
 * uses an open descriptor.
 */
function pathForServer({ dataDir, user }: Cluster): string {
  return user && process.platform === 'linux' ? '/proc/self/fd/3' : dataDir;
}

function spawnOptions({ binaries, user, folder }: Cluster, program: string) {
  return {
    command: join(binaries, 'bin', program),
    cwd: '/',
    ...user,
    inheritFds: user ? [folder.fd] : [],
    // PG* variables refer to another server.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))),
  };
}

/** Creates the cluster if missing. @returns the password, random for each cluster and kept in its folder */
async function initialise(cluster: Cluster): Promise<string> {
  const { dataDir, user } = cluster;
  const passwordFile = join(dataDir, 'smart-erase-password');
  const present = await readdir(dataDir);
  if (present.includes('PG_VERSION') && present.includes('smart-erase-password')) {
    return (await readFile(passwordFile, 'utf8')).trim();
  }
  if (present.includes('PG_VERSION')) {
    throw new LocalServerError(
      LOCAL_SERVER_PROBLEMS.dataFolder,
      `${dataDir} holds a PostgreSQL that was not made by this program, or one whose making was cut short: choose another folder with --data, or remove this one.`,
    );
  }
  const password = randomBytes(18).toString('base64url');
  const folder = await mkdtemp(join(tmpdir(), 'smart-erase-initdb-'));
  try {
    const pwfile = join(folder, 'password');
    await writeFile(pwfile, `${password}\n`, { mode: 0o600 });
    if (user) for (const path of [folder, pwfile]) await chown(path, user.uid, user.gid);
    const initdb = await startProcess({
      name: 'initdb',
      ...spawnOptions(cluster, 'initdb'),
      args: [
        `--pgdata=${pathForServer(cluster)}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${pwfile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        // The same collation on every machine.
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-sync',
      ],
    });
    const { code } = await initdb.ended;
    if (code !== 0) throw startFailed(`could not make its data folder ${dataDir}: ${lastWords(initdb)}`);
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    return password;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function startWithRetries(cluster: Cluster, password: string, options: EmbeddedPostgresOptions) {
  let failure: unknown;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const port = await findFreePort({
      port: options.port ?? 0,
      purpose: NAME,
      flag: options.portFlag ?? '--database-port',
    });
    try {
      return await startOn(port, cluster, password, options);
    } catch (error) {
      failure = error;
      // The port was taken in between, or a killed server's processes have not ended yet.
      if (!(error instanceof LocalServerError && /in use|already|lock file/.test(error.message))) throw error;
      await new Promise((done) => setTimeout(done, 250 * (attempt + 1)));
    }
  }
  throw (await lockedByAnother(cluster.dataDir, failure)) ?? failure;
}

/** The server found a lock in its folder whose pid belongs to a running process. */
async function lockedByAnother(dataDir: string, failure: unknown): Promise<LocalServerError | null> {
  if (!(failure instanceof LocalServerError && /lock file "postmaster\.pid"/.test(failure.message))) return null;
  const file = join(dataDir, 'postmaster.pid');
  const pid = (await readFile(file, 'utf8').catch(() => '')).split('\n', 1)[0]?.trim() ?? '';
  const whose = /^\d+$/.test(pid) ? `names process ${pid}, which runs` : 'cannot be read as a lock';
  return new LocalServerError(
    LOCAL_SERVER_PROBLEMS.dataFolder,
    `PostgreSQL's data folder ${dataDir} is locked: ${file} ${whose}. If that is a PostgreSQL, end it, or choose another folder with --data; if it is not (\`ps -p ${pid || 'PID'}\` shows it), remove that file.`,
    { cause: failure },
  );
}

async function startOn(port: number, cluster: Cluster, password: string, options: EmbeddedPostgresOptions) {
  const { database = 'smart_erase', maxConnections = 200, onLine, onSpawn, onExit } = options;
  const settings: Record<string, string | number> = {
    listen_addresses: LOOPBACK,
    unix_socket_directories: '',
    max_connections: maxConnections,
    // A temporary server's data need not survive the machine's shutdown.
    ...(cluster.temporary ? { fsync: 'off', full_page_writes: 'off' } : {}),
  };
  const server = await startProcess({
    name: NAME,
    ...spawnOptions(cluster, 'postgres'),
    args: [
      '-D',
      pathForServer(cluster),
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
    ],
    onLine,
    onSpawn,
    onExit,
  });
  const urlOf = (name: string) => `postgres://${SUPERUSER}:${password}@${LOOPBACK}:${port}/${encodeURIComponent(name)}`;
  try {
    const ready = await waitUntil(
      async () => {
        if (server.hasEnded()) {
          await server.ended;
          throw startFailed(`ended before it was ready: ${lastWords(server)}`);
        }
        return (await ensureDatabase(urlOf('postgres'), database)) || undefined;
      },
      { timeoutMs: READY_TIMEOUT_MS },
    );
    if (!ready) throw startFailed(`was not ready within ${READY_TIMEOUT_MS / 1000} s: ${lastWords(server)}`);
  } catch (error) {
    await server.stop({ signal: 'SIGQUIT', graceMs: 1_000 });
    throw error;
  }
  return { url: urlOf(database), urlOf, port, process: server };
}

/** @returns false while the server does not accept connections */
async function ensureDatabase(adminUrl: string, database: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: adminUrl, ssl: false, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    // 28P01: the server answered, but refused our password.
    if ((error as { code?: string }).code === '28P01')
      throw startFailed('refuses the password kept in its data folder');
    return false;
  }
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(database)}`);
    return true;
  } finally {
    await client.end();
  }
}

function lastWords(server: OwnedProcess): string {
  const lines = server.lastLines();
  return lines.findLast((line) => /FATAL|error:|ERROR/.test(line)) ?? lines.at(-1) ?? 'it said nothing';
}

function startFailed(what: string): LocalServerError {
  return new LocalServerError(LOCAL_SERVER_PROBLEMS.startFailed, `PostgreSQL ${what}`);
}
