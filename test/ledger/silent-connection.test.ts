import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/ledger/db/database.js';
import { toLedgerError } from '../../src/ledger/db/ledger-error.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { openLedger } from '../../src/ledger/index.js';
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

describe('a connection to the ledger that breaks between two statements', () => {
  it('fails the next statement, not the process', async () => {
    const db = openDatabase(url, { maxConnections: 1 });
    try {
      const broken = db.transaction().execute(async (trx) => {
        await sql`select 1`.execute(trx);
        proxy.cut();
        // Until the driver has noticed; without a listener that would be an uncaught error, and fail this run.
        await new Promise((resolve) => setTimeout(resolve, 200));
        await sql`select 1`.execute(trx);
      });
      await expect(broken).rejects.toThrow(/connection/i);
      expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
    } finally {
      await db.destroy();
    }
  });
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

describe('a process that stands still between two statements', () => {
  it('does not keep its locks from all others, and hears of it', { timeout: 60_000 }, async () => {
    const db = openDatabase(database.url, { maxConnections: 1 });
    const other = openDatabase(database.url, { maxConnections: 1 });
    const lock = sql`lock table cap in access exclusive mode`;
    try {
      let got = false;
      const stopped = db.transaction().execute(async (trx) => {
        await lock.execute(trx);
        // As one that is stopped for long; the statement of the other would give up after ten seconds.
        await other.transaction().execute(async (theirs) => lock.execute(theirs));
        got = true;
        await sql`select 1`.execute(trx);
      });
      const error = await stopped.then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(got).toBe(true);
      expect(toLedgerError(error, 'go on')).toMatchObject({ kind: 'unavailable' });
    } finally {
      await db.destroy();
      await other.destroy();
    }
  });
});
