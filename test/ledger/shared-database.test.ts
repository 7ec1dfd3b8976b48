import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { MIGRATIONS } from '../../src/ledger/db/migrations/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, runStatement } from '../support/postgres.js';
import { eventually } from '../support/processes.js';

const ALL = Object.keys(MIGRATIONS);
/** What Kysely creates for that table name. */
const LIKE_OURS = '(name varchar(255) primary key, timestamp varchar(255) not null)';

async function empty(encoding?: string): Promise<string> {
  const database = await createTestDatabase('shared');
  onTestFinished(() => database.drop());
  if (encoding === undefined) return database.url;
  const name = new URL(database.url).pathname.slice(1);
  const admin = new URL(database.url);
  admin.pathname = '/postgres';
  await runStatement(admin.href, `drop database ${name}`);
  await runStatement(
    admin.href,
    `create database ${name} encoding '${encoding}' locale 'C' locale_provider libc template template0`,
  );
  return database.url;
}
const check = async (url: string) => {
  const ledger = openLedger(url, { maxConnections: 1 });
  return await ledger.check().finally(() => ledger.close());
};

it('a migration table of somebody else in another schema is left alone', async () => {
  const url = await empty();
  await runStatement(url, `create schema other; create table other.ledger_migration ${LIKE_OURS}`);
  expect(await migrateLedger(url)).toEqual(ALL);
  expect(await check(url)).toMatchObject({ schema: 'public', encoding: 'UTF8' });
});

it('two ledgers live in two schemas of one database, each with its own books', async () => {
  const url = await empty();
  await migrateLedger(url);
  await expect(check(`${url}?schema=second`)).rejects.toThrow(
    /No schema of the search path \(second\) exists.*create schema/,
  );
  await expect(migrateLedger(`${url}?schema=second`)).rejects.toThrow(/create schema/);
  await runStatement(url, 'create schema second');
  const second = `${url}?options=-c%20search_path%3Dsecond`;
  await expect(check(second)).rejects.toThrow(/schema second\) lacks .*smart-erase setup/);
  expect(await migrateLedger(second)).toEqual(ALL);
  expect(await migrateLedger(second)).toEqual([]);
  expect(await migrateLedger(url)).toEqual([]);
  const [one, two] = [openLedger(url, { maxConnections: 1 }), openLedger(second, { maxConnections: 1 })];
  try {
    expect(await one.submissions.begin(intentOf('same', { costUsd: 0.1 }))).toMatchObject({ kind: 'send' });
    expect(await two.caps.list()).toEqual([]);
    expect((await two.check()).schema).toBe('second');
  } finally {
    await one.close();
    await two.close();
  }
});

it('a schema before the one with the ledger takes nothing away from it', async () => {
  const url = await empty();
  await migrateLedger(url);
  await runStatement(url, 'create schema postgres');
  // The default path leads through it first; what is asked for by the address itself counts.
  expect(await check(url)).toMatchObject({ schema: 'public' });
  expect(await migrateLedger(url)).toEqual([]);
  expect(await migrateLedger(`${url}?search_path=postgres,public`)).toEqual(ALL);
});

it('tables of another program in the way are named, with the way out', async () => {
  const url = await empty();
  await runStatement(url, 'create table media (id integer)');
  await expect(migrateLedger(url)).rejects.toThrow(/another program has a table.*"media".*search_path=smart_erase/);
  await runStatement(
    url,
    `create table ledger_migration ${LIKE_OURS}; insert into ledger_migration values ('001_users', 'x')`,
  );
  await expect(migrateLedger(url)).rejects.toThrow(/ledger_migration is another program's/);
  await runStatement(url, 'drop table ledger_migration; create table ledger_migration (id integer)');
  await expect(migrateLedger(url)).rejects.toThrow(/ledger_migration is another program's/);
  for (const told of [migrateLedger(url)]) await expect(told).rejects.not.toThrow(/smart-erase setup/);
});

it.each([
  ['LATIN1', /LATIN1.*UTF8/],
  ['SQL_ASCII', /SQL_ASCII.*UTF8/],
])('a database in %s gets no ledger', async (encoding, sentence) => {
  await expect(migrateLedger(await empty(encoding))).rejects.toThrow(sentence);
});

it('how many other tables there are does not matter', async () => {
  const url = await empty();
  await migrateLedger(url);
  await runStatement(
    url,
    `create schema many; do $$ begin for i in 1..1500 loop
       execute format('create table many.t%s (a integer, b integer, c integer, d integer)', i); end loop; end $$`,
  );
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  const read = async () => {
    const { rows } =
      await client.query(`select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::integer as rows
      from pg_stat_sys_tables where relname in ('pg_attribute', 'pg_class')`);
    return rows[0].rows as number;
  };
  await client.query('select pg_stat_force_next_flush()').catch(() => undefined);
  const before = await read();
  await check(url);
  // What a session has read is counted when it has ended.
  await eventually('the session to be counted', async () => ((await read()) > before ? true : undefined));
  expect((await read()) - before).toBeLessThan(3_000);
});
