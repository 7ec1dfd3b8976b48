import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { findFreePort, isPortFree, mayPick } from '../../src/local/free-port.js';

const find = (port = 0) => findFreePort({ port, purpose: 'a test' });

it('no two of one process are the same, though nothing listens on them yet', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, () => find()));
  expect(new Set(ports).size).toBe(200);
});

it('outgoing connections do not take them, and Kubernetes does not answer on them', async () => {
  const port = await find();
  // Where this system's connections take those, too, it is the system that picks.
  if (mayPick('32768 60999')) expect(port >= 20_000 && port < 30_000).toBe(true);
});

it('one that is in use is left out', async () => {
  const before = await find();
  const server = createServer();
  // Where another process listens there already, that is as good.
  await new Promise<void>((done) => server.once('error', () => done()).listen(before + 1, '127.0.0.1', done));
  try {
    expect(await isPortFree(before + 1)).toBe(false);
    expect(await find()).not.toBe(before + 1);
    await expect(find(before + 1)).rejects.toThrow(`Port ${before + 1} on 127.0.0.1 is in use`);
  } finally {
    await new Promise((done) => server.close(done));
  }
});

it.each([
  ['32768\t60999\n', true],
  ['1024\t65535\n', false],
  ['15000\t25000\n', false],
  ['10000\t19999\n', true],
  ['nothing', false],
  [null, true],
])('where connections take %j, a port is ours to pick: %s', (range, picks) => {
  expect(mayPick(range)).toBe(picks);
});
