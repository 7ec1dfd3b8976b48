import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateLedger } from '../../src/ledger/migrate.js';
import { openLedger } from '../../src/ledger/postgres-ledger.js';
import { startTcpProxy, type TcpProxy } from '../faults/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
let proxy: TcpProxy;
let url: string;

beforeAll(async () => {
  database = await createTestDatabase('silent');
  await migrateLedger(database.url);
  proxy = await startTcpProxy(Number(new URL(database.url).port));
  const proxied = new URL(database.url);
  proxied.port = String(proxy.port);
  url = proxied.href;
});
afterAll(async () => {
  await proxy.close();
  await database.drop();
});

describe('a connection to the ledger that goes silent', () => {
  it('is given up after one statement without an answer, and replaced', { timeout: 60_000 }, async () => {
    const ledger = openLedger(url, { maxConnections: 1 });
    try {
      await ledger.check();
      proxy.silence();
      await expect(ledger.check()).rejects.toMatchObject({ kind: 'unavailable' });
      expect((await ledger.check()).clock).toBeInstanceOf(Date);
    } finally {
      await ledger.close();
    }
  });
});
