import { accessSync, chmodSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { unprivilegedUser } from '../../src/local/embedded-binaries.js';
import { findFreePort } from '../../src/local/free-port.js';
import { startProcess } from '../../src/local/owned-process.js';
import { runStatement } from './postgres.js';
import { eventually } from './processes.js';

export const NO_PGBOUNCER = 'No PgBouncer here, so the pooler is not tried: apt-get install pgbouncer.';

/** Where Debian installs it; often not on the PATH. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/**
 * Path of `pgbouncer`; undefined where there is none.
 * @throws Error when there is none although REQUIRE_PGBOUNCER=1
 */
export function findPgBouncer(env: NodeJS.ProcessEnv = process.env, more = MORE_FOLDERS): string | undefined {
  const folders = [...(env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...more];
  const found = folders.map((folder) => join(folder, 'pgbouncer')).find(isProgram);
  if (found === undefined && env.REQUIRE_PGBOUNCER === '1') {
    throw new Error(`${NO_PGBOUNCER} REQUIRE_PGBOUNCER=1 makes this an error.`);
  }
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface PgBouncer {
  /** The same database, through the pooler. */
  urlOf(databaseUrl: string): string;
  stop(): Promise<void>;
}

/**
 * PgBouncer as it is installed, in transaction mode: each transaction may get another session, and what it does not know of the
 * parameters that a session begins with is refused.
 */
export async function startPgBouncer(
  path: string,
  serverUrl: string,
  settings: readonly string[] = [],
): Promise<PgBouncer> {
  const { hostname, port, username, password } = new URL(serverUrl);
  const folder = mkdtempSync(join(tmpdir(), 'pgbouncer-'));
  const own = await findFreePort({ port: 0, purpose: 'PgBouncer' });
  const file = join(folder, 'pgbouncer.ini');
  const lines = [
    '[databases]',
    `* = host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${own}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    // Fewer sessions than clients, so that they change hands.
    'default_pool_size = 5',
    ...settings,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  // It refuses to run as root, and the other user has to read it.
  chmodSync(folder, 0o755);
  chmodSync(file, 0o644);
  const server = await startProcess({
    name: 'PgBouncer',
    command: path,
    args: [file],
    cwd: '/',
    ...unprivilegedUser(),
  });
  const urlOf = (databaseUrl: string) => {
    const url = new URL(databaseUrl);
    url.port = String(own);
    return url.href;
  };
  await eventually('PgBouncer', async () => {
    if (server.hasEnded()) throw new Error(`PgBouncer did not start: ${server.lastLines().join('\n')}`);
    return await runStatement(urlOf(serverUrl), 'select 1').then(
      () => true,
      () => undefined,
    );
  });
  return {
    urlOf,
    stop: async () => {
      await server.stop({ signal: 'SIGINT', graceMs: 3_000 });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
