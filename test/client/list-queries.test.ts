import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestNamespace, sharedTemporal } from '../support/temporal.js';
import { batchesNotFound, documentedQueries, programQueries, refusedQueries } from '../support/visibility-queries.js';

// The same runs on the newest server that is tested, with visibility in PostgreSQL: test/stack/list-queries.ts.
let server: { connection: Connection; namespace: string };
beforeAll(async () => {
  const namespace = await createTestNamespace('queries');
  server = { connection: await Connection.connect({ address: sharedTemporal().address }), namespace };
});
afterAll(() => server.connection.close());

it('takes every list filter that the program sends or shows', async () => {
  const queries = await programQueries();
  expect(new Set(queries).size).toBeGreaterThan(100);
  expect(await refusedQueries(server, queries)).toEqual([]);
});

it('takes every list filter that the documents and the benchmarks have', async () => {
  const documented = documentedQueries();
  const places = documented.map(({ where }) => where);
  expect(places).toEqual(expect.arrayContaining(['docs/contract.md', 'docs/operate.md', 'bench/world.ts']));
  expect(
    await refusedQueries(
      server,
      documented.map(({ query }) => query),
    ),
  ).toEqual([]);
});

it('finds a batch by its id, whatever that has in it', async () => {
  expect(await batchesNotFound(server)).toEqual([]);
});
