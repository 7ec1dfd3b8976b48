import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { startDevStack } from '../../src/local/stack/dev-stack.js';
import { startCli } from '../support/cli.js';
import { eventually, livingChildren, stillAliveAfter } from '../support/processes.js';

/** What `dev` promises for its own end and that of all its children. */
const GONE_WITHIN_MS = 5_000;
const OWNER = ['--import', 'tsx', join(import.meta.dirname, '../support/dev-owner.ts')];
const FREE_PORTS = { temporalPort: 0, uiPort: 0, simulatorPort: 0, databasePort: 0 };

interface Ready {
  pid: number;
  temporal: string;
  ui: string;
  database: string;
  pids: Record<string, number>;
}

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dev-stack-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts an owner and waits for its line. */
async function own(command: string, args: string[], env = process.env): Promise<{ child: ChildProcess; ready: Ready }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  cleanUps.push(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const lines = createInterface({ input: child.stdout });
  const line = once(lines, 'line').then(([text]) => JSON.parse(text) as Ready);
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the owner ended: ${said}`);
  });
  return { child, ready: await Promise.race([line, ended]) };
}

const owner = (options: object = {}) => own(process.execPath, [...OWNER, JSON.stringify(options)]);
const everyPid = ({ pid, pids }: Ready) => [pid, ...Object.values(pids)];

describe('the stack', () => {
  test('starts four parts that answer, and stop ends all of them', async () => {
    const { child, ready } = await owner();
    expect(Object.keys(ready.pids).sort()).toEqual(['PostgreSQL', 'Temporal', 'simulator', 'worker']);
    expect((await fetch(ready.ui)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await stillAliveAfter(everyPid(ready), GONE_WITHIN_MS)).toEqual([]);
  });

  test('ends in time with a worker that ignores SIGTERM', async () => {
    const { child, ready } = await owner({ stubbornWorker: true });
    child.kill('SIGTERM');
    expect(await stillAliveAfter(everyPid(ready), GONE_WITHIN_MS)).toEqual([]);
  });

  test('leaves nothing behind when it is killed with SIGKILL', async () => {
    const { child, ready } = await owner({ stubbornWorker: true });
    child.kill('SIGKILL');
    expect(await stillAliveAfter(everyPid(ready), GONE_WITHIN_MS)).toEqual([]);
  });

  test('leaves nothing behind when the npx that started it is killed with SIGKILL', async () => {
    const command = [process.execPath, ...OWNER].join(' ');
    const { child, ready } = await own('npx', ['--offline', '-c', command]);
    expect(ready.pid).not.toBe(child.pid);
    child.kill('SIGKILL');
    expect(await stillAliveAfter(everyPid(ready), GONE_WITHIN_MS)).toEqual([]);
  });

  test('outlives a shell that is not npm', async () => {
    const env = { ...process.env, npm_command: undefined, npm_lifecycle_event: undefined };
    const { child, ready } = await own('sh', ['-c', `${[process.execPath, ...OWNER].join(' ')}; true`], env);
    expect(ready.pid).not.toBe(child.pid);
    cleanUps.push(() => process.kill(ready.pid, 'SIGKILL'));
    child.kill('SIGKILL');
    expect(await stillAliveAfter([ready.pid], 2_000)).toEqual([ready.pid]);
    process.kill(ready.pid, 'SIGTERM');
    expect(await stillAliveAfter(everyPid(ready), GONE_WITHIN_MS)).toEqual([]);
    cleanUps.pop();
  });
});

describe('a folder for its data', () => {
  test('keeps the ledger over a SIGKILL, and the next run can start at once', async () => {
    const dataDir = await temporaryFolder();
    const first = await owner({ dataDir });
    await query(first.ready.database, 'create table kept as select 42 as answer');
    first.child.kill('SIGKILL');
    const second = await owner({ dataDir });
    expect(await query(second.ready.database, 'select answer from kept')).toEqual([{ answer: 42 }]);
    second.child.kill('SIGTERM');
    expect(await stillAliveAfter([...everyPid(first.ready), ...everyPid(second.ready)], GONE_WITHIN_MS)).toEqual([]);
  });

  test('is refused while another one uses it', async () => {
    const dataDir = await temporaryFolder();
    const { child, ready } = await owner({ dataDir });
    await expect(startDevStack({ ...FREE_PORTS, dataDir })).rejects.toThrow(/is in use by another smart-erase dev/);
    child.kill('SIGTERM');
    expect(await stillAliveAfter(everyPid(ready), GONE_WITHIN_MS)).toEqual([]);
  });
});

describe('what cannot start', () => {
  test.each([
    ['temporalPort', '--temporal-port'],
    ['uiPort', '--ui-port'],
    ['databasePort', '--database-port'],
  ] as const)('a %s in use is told with the port and the flag, and nothing stays', async (option, flag) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    cleanUps.push(() => taken.close());
    const { port } = taken.address() as { port: number };
    const before = livingChildren();
    const start = startDevStack({
      ...FREE_PORTS,
      [option]: port,
      simulator: false,
      worker: false,
    });
    await expect(start).rejects.toThrow(new RegExp(`^Port ${port} on 127.0.0.1 is in use.*${flag}`));
    expect(livingChildren()).toEqual(before);
  });

  test('a part that fails is told in its own words, and the others are stopped', async () => {
    const before = livingChildren();
    const program = [process.execPath, '-e', 'console.error("Settings are missing: X."); process.exit(4)'] as const;
    const start = startDevStack({
      ...FREE_PORTS,
      simulator: () => ({ program: [...program], args: [] }),
      worker: false,
    });
    await expect(start).rejects.toThrow('The simulator ended before it was ready: Settings are missing: X.');
    expect(livingChildren()).toEqual(before);
  });

  test('an abort while starting ends it', async () => {
    const signal = AbortSignal.timeout(300);
    await expect(startDevStack({ ...FREE_PORTS, simulator: false, worker: false, signal })).rejects.toThrow(/abort/i);
  });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('the command prints its settings for another terminal, for sh and for PowerShell', async () => {
  const ports = Object.keys(FREE_PORTS).flatMap((name) => [`--${name.replace('Port', '-port')}`, '0']);
  const dev = startCli(['dev', '--no-worker', '--no-simulator', ...ports], {
    TEMPORAL_API_KEY: 'mine',
    TEMPORAL_TLS: 'true',
  });
  cleanUps.push(() => dev.process.kill('SIGKILL'));
  await eventually('dev to be ready', () => dev.stderr().includes('Ctrl-C ends it.') || undefined, 45_000);
  const said = dev.stderr();
  const [, address] = /^ {2}export TEMPORAL_ADDRESS=(\S+)$/m.exec(said) ?? [];
  expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(said).toContain(`\n  $env:TEMPORAL_ADDRESS = '${address}'\n`);
  for (const name of ['DATABASE_URL', 'TEMPORAL_NAMESPACE', 'SMART_ERASE_WEBHOOK_SECRETS']) {
    expect(said).toMatch(new RegExp(`^ {2}export ${name}=\\S+$`, 'm'));
    expect(said).toMatch(new RegExp(`^ {2}\\$env:${name} = '[^']+'$`, 'm'));
  }
  // What the caller had set would lead a command of another terminal elsewhere.
  expect(said).toMatch(/^ {2}unset TEMPORAL_API_KEY TEMPORAL_TLS$/m);
  expect(said).toContain('\n  $env:TEMPORAL_API_KEY = $null\n');
  expect(said).not.toContain('mine');
  dev.process.kill('SIGINT');
  expect((await dev.ended).code).toBe(0);
});
