import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import './provided.js';

export interface TestDatabase {
  /** URL of a database of its own, empty. */
  readonly url: string;
  /** Drops it, and whoever is connected. */
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
  return { url: url.href, drop: () => runStatement(adminUrl, `drop database if exists ${database} with (force)`) };
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
