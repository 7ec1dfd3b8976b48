import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterEach, describe, expect, it, test } from 'vitest';
import { type DevServer, startDevServer } from '../../src/local/temporal-dev-server.js';
import { isGone } from '../support/processes.js';
import { sharedTemporal } from '../support/temporal.js';

const started: DevServer[] = [];
const folders: string[] = [];
const listening: Server[] = [];
afterEach(async () => {
  for (const server of listening.splice(0)) server.close();
  await Promise.all(started.splice(0).map((server) => server.stop()));
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof startDevServer>[0]> = {}): Promise<DevServer> {
  const server = await startDevServer({ cliPath: sharedTemporal().cliPath, ...options });
  started.push(server);
  return server;
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dev-server-'));
  folders.push(folder);
  return folder;
}

test('a server that is killed goes on with its runs when started again on its file and port', async () => {
  const folder = await newFolder();
  const options = { dbFile: join(folder, 'temporal.db'), searchAttributes: { EraseTaskId: 'Keyword' } } as const;
  const first = await start(options);
  const connection = await Connection.connect({ address: first.address });
  await new Client({ connection }).workflow.start('nobodyRunsThis', {
    workflowId: 'kept',
    taskQueue: 'none',
    args: [],
  });
  await connection.close();
  process.kill(first.pid, 'SIGKILL');
  await first.process.ended;

  const second = await start({ ...options, port: Number(first.address.split(':')[1]) });
  expect(second.address).toBe(first.address);
  const again = await Connection.connect({ address: second.address });
  const { status } = await new Client({ connection: again }).workflow.getHandle('kept').describe();
  expect(status.name).toBe('RUNNING');
  await again.close();
});

test('namespace, search attributes and dynamic settings are there when it is ready; stop ends it', async () => {
  const server = await start({
    namespace: 'mine',
    uiPort: false,
    searchAttributes: { EraseTaskId: 'Keyword' },
    dynamicConfig: { 'limit.maxIDLength': 20 },
  });
  expect(server.uiUrl).toBeUndefined();
  const connection = await Connection.connect({ address: server.address });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'mine' });
  expect(customAttributes).toHaveProperty('EraseTaskId');
  const client = new Client({ connection, namespace: 'mine' });
  const tooLong = client.workflow.start('any', { workflowId: 'x'.repeat(21), taskQueue: 'none', args: [] });
  await expect(tooLong).rejects.toThrow();
  await connection.close();
  await server.stop();
  expect(isGone(server.pid)).toBe(true);
});

test('a CLI that ends at once is told in its own words', async () => {
  await expect(
    start({ dynamicConfig: { 'no spaces allowed': Number.NaN }, dbFile: '/nowhere/at/all.db' }),
  ).rejects.toThrow(/^The Temporal dev server ended before it was ready \(exit code 1\): .*(nowhere|unable|dynamic)/i);
});

describe('a server that ends as it starts', () => {
  /** A CLI that does as told at its first start, and is the real one after; `calls` has the arguments of each start. */
  async function faultyCli(
    firstStart: string,
    times = 1,
  ): Promise<{ cliPath: string; calls: () => Promise<string[][]> }> {
    const folder = await newFolder();
    const [cliPath, log] = [join(folder, 'temporal'), join(folder, 'calls')];
    const script = `#!${process.execPath}
      const { appendFileSync, readFileSync } = require('node:fs');
      const { spawn } = require('node:child_process');
      const args = process.argv.slice(2);
      const portOf = (flag) => Number(args[args.indexOf(flag) + 1]);
      appendFileSync(${JSON.stringify(log)}, JSON.stringify(args) + '\\n');
      const start = readFileSync(${JSON.stringify(log)}, 'utf8').trim().split('\\n').length;
      if (start <= ${times}) { ${firstStart} } else {
        const real = spawn(${JSON.stringify(sharedTemporal().cliPath)}, args, { stdio: 'inherit' });
        for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => real.kill(signal));
        real.on('exit', (code) => process.exit(code ?? 1));
      }`;
    await writeFile(cliPath, script);
    await chmod(cliPath, 0o755);
    const calls = async () =>
      (await readFile(log, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as string[]);
    return { cliPath, calls };
  }

  const portsOf = (args: string[]) =>
    ['--port', '--ui-port', '--http-port', '--metrics-port'].map((flag) => Number(args[args.indexOf(flag) + 1]));

  /** What Temporal's CLI prints when its port is taken after it looked: the reason, a panic, and a hundred lines of trace. */
  const crash = (reason: string) => `
    console.error(${reason});
    console.error('panic: runtime error: invalid memory address or nil pointer dereference');
    console.error('[signal SIGSEGV: segmentation violation code=0x1 addr=0x20 pc=0x25f2689]\\n\\ngoroutine 1 [running]:');
    for (let frame = 0; frame < 60; frame += 1) console.error('go.uber.org/fx.errorHandler(0x' + frame + ')\\n\\t/src/fx/app.go:18 +0x96');
    process.exitCode = 2;`;
  const LISTENER = 'time=2026-11-30T13:35:15.819 level=ERROR msg="Failed to start gRPC listener" error=';

  it('because its port was taken meanwhile is started again on other ports', async () => {
    const taken = `'${LISTENER}"listen tcp 127.0.0.1:' + portOf('--port') + ': bind: address already in use"'`;
    const { cliPath, calls } = await faultyCli(crash(taken));
    const server = await start({ cliPath });
    const [first = [], second = [], ...more] = await calls();
    expect(more).toEqual([]);
    expect(new Set([...portsOf(first), ...portsOf(second)]).size).toBe(8);
    expect(server.address).toBe(`127.0.0.1:${portsOf(second)[0]}`);
  });

  it.each(['--http-port', '--metrics-port'])(
    'for its %s, and says nothing of ports, is started again',
    async (flag) => {
      const waits = `
      const { connect } = require('node:net');
      console.log('taking ' + portOf('${flag}'));
      const look = () => connect(portOf('${flag}'), '127.0.0.1').on('error', () => setTimeout(look, 20)).on('connect', () => {
        console.error('Something went wrong.');
        process.exit(3);
      });
      look();`;
      const { cliPath, calls } = await faultyCli(waits);
      await start({
        cliPath,
        onLine: (line) => {
          const port = /^taking (\d+)$/.exec(line)?.[1];
          if (port !== undefined) listening.push(createServer().listen(Number(port), '127.0.0.1'));
        },
      });
      expect(await calls()).toHaveLength(2);
    },
  );

  it('for another reason is not started again, and its panic is told, not its trace', async () => {
    const { cliPath, calls } = await faultyCli(crash(`'${LISTENER}"listen tcp: no such address"'`), 9);
    const failed = expect(start({ cliPath })).rejects.toThrow;
    await failed(
      /exit code 2\): .*no such address"; panic: runtime error: invalid memory address or nil pointer dereference$/,
    );
    expect(await calls()).toHaveLength(1);
  });
});
