import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterEach, expect, test } from 'vitest';
import { type DevServer, startDevServer } from '../../src/temporal/dev-server.js';
import { isGone } from '../support/processes.js';
import { sharedTemporal } from '../support/temporal.js';

const started: DevServer[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof startDevServer>[0]> = {}): Promise<DevServer> {
  const server = await startDevServer({ cliPath: sharedTemporal().cliPath, ...options });
  started.push(server);
  return server;
}

test('a server that is killed goes on with its runs when started again on its file and port', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dev-server-'));
  folders.push(folder);
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
