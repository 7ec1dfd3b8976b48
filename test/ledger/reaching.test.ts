import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { inspectLedger } from '../../src/ledger/db/inspect.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { openLedger } from '../../src/ledger/index.js';
import { createTestDatabase, runStatement, type TestDatabase } from '../support/postgres.js';
import { type Certificates, certificates, startTlsDatabase } from '../support/tls-database.js';

const folder = mkdtempSync(join(tmpdir(), 'reaching-'));
let database: TestDatabase;
let files: Certificates;
const warnings: string[] = [];
const warned = (warning: Error) => void warnings.push(warning.message);

beforeAll(async () => {
  process.on('warning', warned);
  database = await createTestDatabase('reaching');
  await migrateLedger(database.url);
  files = certificates(folder);
});
afterAll(async () => {
  process.off('warning', warned);
  rmSync(folder, { recursive: true });
  await database.drop();
});

/** Undefined: it works. */
async function problemOf(url: string): Promise<string | undefined> {
  const ledger = openLedger(url, { maxConnections: 1 });
  try {
    await ledger.check();
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ name: 'LedgerError' });
    return (error as Error).message;
  } finally {
    await ledger.close();
  }
}

const urlOf = (change: (url: URL) => void, query = '') => {
  const url = new URL(database.url);
  change(url);
  return `${url.href}${query}`;
};

describe('a server with TLS', () => {
  const [from, to] = ['20200101000000Z', '20200102000000Z'];
  async function server(name: string, altNames: string, days?: readonly [string, string]) {
    const started = await startTlsDatabase(Number(new URL(database.url).port), files.of(name, altNames, days));
    onTestFinished(() => started.close());
    return (query: string) => urlOf((url) => Object.assign(url, { port: String(started.port) }), query);
  }

  it('is used as psql uses it', async () => {
    const url = await server('right', 'IP:127.0.0.1');
    for (const query of ['', '?sslmode=prefer', '?sslmode=require', '?sslmode=no-verify']) {
      expect(await problemOf(url(query)), query).toBeUndefined();
      expect(await inspectLedger(url(query)), query).toMatchObject({ tls: true, verified: false });
    }
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      const query = `?sslmode=${mode}&sslrootcert=${files.ca}`;
      expect(await problemOf(url(query)), query).toBeUndefined();
      expect(await inspectLedger(url(query)), query).toMatchObject({ tls: true, verified: true });
    }
    expect(warnings).toEqual([]);
  });

  it('is refused where its certificate is not what was asked for, in a sentence each', async () => {
    const full = `?sslmode=verify-full&sslrootcert=${files.ca}`;
    const other = await server('other', 'DNS:elsewhere.example');
    expect(await problemOf(other('?sslmode=verify-full'))).toMatch(/no authority that is known here/);
    expect(await problemOf(other(full))).toMatch(/another host name/);
    expect(await problemOf(other(`?sslmode=verify-ca&sslrootcert=${files.ca}`))).toBeUndefined();
    const old = await server('old', 'IP:127.0.0.1', [from, to]);
    expect(await problemOf(old(full))).toMatch(/certificate of PostgreSQL has expired/);
  });
});

describe('a server without TLS', () => {
  it('is used as it is, unless TLS is asked for', async () => {
    for (const query of ['', '?sslmode=prefer', '?sslmode=allow', '?sslmode=disable']) {
      expect(await problemOf(`${database.url}${query}`), query).toBeUndefined();
    }
    expect(await problemOf(`${database.url}?sslmode=require`)).toMatch(/offers no TLS here.*sslmode=prefer/);
  });
});

describe('several hosts', () => {
  it('are tried in their order, and only one that can be written is taken', async () => {
    const { host, username, password, pathname } = new URL(database.url);
    const hosts = (list: string, query = '') => `postgresql://${username}:${password}@${list}${pathname}${query}`;
    expect(await problemOf(hosts(`127.0.0.1:1,${host}`))).toBeUndefined();
    expect(await problemOf(hosts('127.0.0.1:1,127.0.0.1:2'))).toMatch(/not reachable/);
    // A replica, as seen by a session.
    const readOnly = await createTestDatabase('readonly');
    onTestFinished(() => readOnly.drop());
    await migrateLedger(readOnly.url);
    const name = new URL(readOnly.url).pathname.slice(1);
    await runStatement(readOnly.url, `alter database ${name} set default_transaction_read_only = on`);
    expect(await problemOf(readOnly.url)).toMatch(/can only be read: default_transaction_read_only is on.*primary/);
    const { host: itsHost, pathname: itsPath } = new URL(readOnly.url);
    const two = `postgresql://${username}:${password}@${itsHost},127.0.0.1:1${itsPath}`;
    expect(await problemOf(two)).toMatch(/not reachable|can only be read/);
  });
});

describe('a login', () => {
  it('that is refused is told from a database that is not there', async () => {
    expect(await problemOf(urlOf((url) => Object.assign(url, { password: 'wrong' })))).toMatch(/refused the login/);
    expect(await problemOf(urlOf((url) => Object.assign(url, { pathname: '/nope' })))).toMatch(/no such database/);
    const without = urlOf((url) => Object.assign(url, { password: '' }));
    expect(await problemOf(without)).toMatch(/asks for a password.*PGPASSWORD/);
    // None of its connections stays half open at the server, where it would block dropping a database.
    const other = await createTestDatabase('dropped');
    await other.drop();
  });

  it('may have any password, written as it is', async () => {
    const password = `p@ss/w?o#r%d:' x`;
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`create role odd login password ${client.escapeLiteral(password)}`);
    await client.query('grant select on all tables in schema public to odd');
    await client.end();
    onTestFinished(() => runStatement(database.url, 'drop owned by odd; drop role odd'));
    const { host, pathname } = new URL(database.url);
    const url = `postgresql://odd:${password}@${host}${pathname}`;
    expect(await problemOf(url)).toBeUndefined();
    await expect(inspectLedger(url)).rejects.toThrow(/lacks a right/);
    await runStatement(
      database.url,
      'grant insert on audit to odd; grant usage on all sequences in schema public to odd',
    );
    const { missingRights, mayCreate } = await inspectLedger(url);
    expect(mayCreate).toBe(false);
    expect(missingRights).toContain('insert on erase');
    expect(missingRights).not.toContain('select on erase');
  });
});
