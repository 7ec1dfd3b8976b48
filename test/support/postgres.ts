import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { waitUntil } from '../../src/local/wait-until.js';
import './provided.js';

export interface TestDatabase {
  /** URL of a database of its own, empty. */
  readonly url: string;
  /** Drops it, and its connections. */
  drop(): Promise<void>;
}

/** A new, empty database on the shared server; `name` helps to find it. Drop it in `afterAll`. */
export async function createTestDatabase(name = 'test'): Promise<TestDatabase> {
  const adminUrl = inject('postgresAdminUrl');
  if (!adminUrl) throw new Error('This test needs PostgreSQL: run it without TEST_SERVERS=none.');
  const database = `${name.replace(/\W/g, '_')}_${randomBytes(5).toString('hex')}`;
  await runStatement(adminUrl, `create database ${database}`);
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return { url: url.href, drop: () => dropDatabase(adminUrl, database) };
}

/** For connections that are being closed: one that is cut off meanwhile throws where no test waits for it. Milliseconds. */
const CLOSED_WITHIN_MS = 2_000;

async function dropDatabase(adminUrl: string, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await waitUntil(
      async () => {
        const { rows } = await client.query('select from pg_stat_activity where datname = $1', [database]);
        return rows.length === 0 || undefined;
      },
      { timeoutMs: CLOSED_WITHIN_MS },
    );
    await client.query(`drop database if exists ${database} with (force)`);
  } finally {
    await client.end();
  }
}

/** One statement on a connection of its own. */
export async function runStatement(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
