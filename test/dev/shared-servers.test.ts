import { Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { createTestNamespace, sharedTemporal } from '../support/temporal.js';

const databases: TestDatabase[] = [];
afterAll(() => Promise.all(databases.map((database) => database.drop())));

test('each test file can have an empty database of its own', async () => {
  for (const name of ['one', 'two']) databases.push(await createTestDatabase(name));
  for (const { url } of databases) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('create table only_here (id int)');
    await client.end();
  }
  expect(new Set(databases.map(({ url }) => url)).size).toBe(2);
});

test('the shared Temporal server knows our search attributes, in a namespace of its own too', async () => {
  const { address } = sharedTemporal();
  const connection = await Connection.connect({ address });
  const own = await createTestNamespace();
  for (const namespace of ['default', own]) {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(['EraseTaskId', 'ErasePhase']));
  }
  await connection.close();
});
