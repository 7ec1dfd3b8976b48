import { execFile, execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { startProcess } from '../../src/local/owned-process.js';
import { eventually } from '../support/processes.js';

/** Where Debian puts each version: /usr/lib/postgresql/15/bin. */
const DEBIAN_FOLDER = '/usr/lib/postgresql';
/** The ledger's and Temporal's oldest. */
const OLDEST = 14;

export interface ServiceUser {
  uid?: number;
  gid?: number;
}

/** @throws Error that says how to get it */
export function debianPostgres(): string {
  const versions = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER).map(Number) : [];
  const newest = Math.max(0, ...versions.filter((version) => existsSync(`${DEBIAN_FOLDER}/${version}/bin/initdb`)));
  if (newest >= OLDEST) return `${DEBIAN_FOLDER}/${newest}/bin`;
  throw new Error(`PostgreSQL ${OLDEST} or newer is not in ${DEBIAN_FOLDER}: apt-get install postgresql.`);
}

/** PostgreSQL refuses to run as root; Debian's package brings a user of its own. */
export function postgresUser(): ServiceUser {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export interface NewCluster {
  binaries: string;
  dataDir: string;
  socketDir: string;
  port: number;
  /** What compose gives to the container. */
  environment: Record<string, string>;
  /** The folder that compose mounts as /docker-entrypoint-initdb.d. */
  initScripts: string;
  path: string;
}

/**
 * What the image's entrypoint does with a new volume: a cluster with a password, then each init script against a server
 * that only its socket reaches.
 */
export async function initialiseCluster(cluster: NewCluster): Promise<void> {
  const { binaries, dataDir, socketDir, port, environment, initScripts } = cluster;
  const user = postgresUser();
  for (const folder of [dataDir, socketDir]) {
    await mkdir(dirname(folder), { recursive: true });
    await mkdir(folder, { mode: 0o700 });
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? user.uid);
  }
  const passwordFile = join(socketDir, 'password');
  await writeFile(passwordFile, environment.POSTGRES_PASSWORD ?? '');
  if (user.uid !== undefined) chownSync(passwordFile, user.uid, user.gid ?? user.uid);
  await chmod(passwordFile, 0o600);
  const own = { cwd: '/', ...user };
  const auth = ['--auth-local=trust', '--auth-host=scram-sha-256'];
  const superuser = ['--username', environment.POSTGRES_USER ?? 'postgres', '--pwfile', passwordFile];
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8'];
  await promisify(execFile)(join(binaries, 'initdb'), ['-D', dataDir, ...auth, ...superuser, ...locale], own);
  await rm(passwordFile);
  const server = await startProcess({
    name: 'PostgreSQL',
    command: join(binaries, 'postgres'),
    args: ['-D', dataDir, '-k', socketDir, '-p', String(port), '-c', 'listen_addresses='],
    ...own,
  });
  try {
    const env = { ...environment, PATH: cluster.path, PGHOST: socketDir, PGPORT: String(port) };
    await eventually('PostgreSQL to answer', () =>
      promisify(execFile)('pg_isready', ['--dbname', 'postgres'], { env, ...own }).then(
        () => true,
        () => undefined,
      ),
    );
    for (const script of (await readdir(initScripts)).toSorted()) {
      await promisify(execFile)('/bin/sh', [join(initScripts, script)], { env, ...own });
    }
  } finally {
    await server.stop({ signal: 'SIGINT', graceMs: 20_000 });
  }
}
