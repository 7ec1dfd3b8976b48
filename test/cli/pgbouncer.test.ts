import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/ledger/db/database.js';
import { toLedgerError } from '../../src/ledger/db/ledger-error.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { findPgBouncer, NO_PGBOUNCER, type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { createTestDatabase, runStatement } from '../support/postgres.js';
import { manyMedia } from '../support/simulator.js';

const program = findPgBouncer();
if (program === undefined) console.warn(NO_PGBOUNCER);

describe('the search for PgBouncer', () => {
  it('finds none where there is none, which is an error only where it is required', () => {
    expect(findPgBouncer({ PATH: '/no/such/folder' }, [])).toBeUndefined();
    expect(() => findPgBouncer({ PATH: '', REQUIRE_PGBOUNCER: '1' }, [])).toThrow(/apt-get install pgbouncer/);
  });
});

describe.skipIf(program === undefined)('through PgBouncer in transaction mode', () => {
  const files = manyMedia(12, 5288000000000000000n).map((media) => ({ ...media, duration: 60 }));
  let stack: EraseStack;
  let pooler: PgBouncer;
  let env: NodeJS.ProcessEnv;
  let folder: string;

  beforeAll(async () => {
    stack = await EraseStack.start();
    const direct = stack.env.DATABASE_URL ?? '';
    pooler = await startPgBouncer(program ?? '', direct);
    env = { ...stack.env, DATABASE_URL: pooler.urlOf(direct), VOD_SUB_APP_ID: '1500000001', USER: 'ann' };
    folder = mkdtempSync(join(tmpdir(), 'pgbouncer-test-'));
    await stack.admin.addMedia(files);
    await stack.startWorker(
      { DATABASE_URL: env.DATABASE_URL ?? '' },
      { feederTimings: { tickMs: 200, minRoundMs: 2_000 } },
    );
  });
  afterAll(async () => {
    await stack?.stop();
    await pooler?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const list = (name: string, from: number, to: number) => {
    const path = join(folder, name);
    writeFileSync(path, ['fileId', ...files.slice(from, to).map(({ fileId }) => fileId), ''].join('\n'));
    return path;
  };
  const cli = (...args: string[]) => runCli(args, env);

  it('setup and doctor are content, and doctor tells of it', async () => {
    expect(await cli('setup', '--skip-temporal')).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await cli('doctor', '-o', 'json');
    const checks = JSON.parse(stdout).checks as { name: string; verdict: string; found: string }[];
    expect(checks.find(({ name }) => name === 'Ledger')).toMatchObject({ verdict: 'ok' });
    expect(checks.find(({ name }) => name === 'Ledger pooler')).toMatchObject({ verdict: 'ok' });
    expect(checks.filter(({ name, verdict }) => name.startsWith('Ledger') && verdict !== 'ok')).toEqual([]);
  });

  it('an empty database is migrated, by two at once', async () => {
    const database = await createTestDatabase('pooled');
    try {
      const url = pooler.urlOf(database.url);
      const applied = await Promise.all([migrateLedger(url), migrateLedger(url)]);
      expect(applied.map((names) => names.length > 0).sort()).toEqual([false, true]);
      expect(await migrateLedger(url)).toEqual([]);
    } finally {
      await database.drop();
    }
  });

  it('an erase is done', async () => {
    const request = await stack.request();
    const { code, stderr } = await cli('start', request.fileId, '--recipe', 'subtitles', '--wait');
    expect([code, stderr]).toEqual([0, expect.any(String)]);
  });

  it('plans come one after the other and two at once, and a batch runs to its end', async () => {
    const plan = (path: string) => cli('batch', 'plan', path, '--recipe', 'subtitles', '-o', 'json');
    const [five, seven] = [list('five.csv', 0, 5), list('seven.csv', 5, 12)];
    const ends = [await plan(five), ...(await Promise.all([plan(five), plan(seven)]))];
    expect(ends.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0]);
    expect(ends.map(({ stdout }) => JSON.parse(stdout).items)).toEqual([5, 5, 7]);
    const started = await cli('batch', 'start', five, '--recipe', 'subtitles', '--id', 'pooled', '--yes', '--watch');
    expect([started.code, started.stderr]).toEqual([0, expect.any(String)]);
    expect(await stack.ledger.batches.find('pooled')).toMatchObject({ total: 5, endedAs: 'completed' });
    expect((await stack.query(`select 1 from pg_class where relname like 'staged%'`)).rowCount).toBe(0);
    expect((await stack.query('select 1 from backlog')).rowCount).toBe(0);
  });

  it('a process that stands still does not keep its locks', async () => {
    const url = env.DATABASE_URL ?? '';
    const [db, other] = [openDatabase(url, { maxConnections: 1 }), openDatabase(url, { maxConnections: 1 })];
    const lock = sql`lock table media in access exclusive mode`;
    try {
      const stopped = db.transaction().execute(async (trx) => {
        await lock.execute(trx);
        await other.transaction().execute(async (theirs) => lock.execute(theirs));
        await sql`select 1`.execute(trx);
      });
      const error = await stopped.catch((thrown: unknown) => toLedgerError(thrown, 'go on'));
      expect(error).toMatchObject({ kind: 'unavailable' });
    } finally {
      await db.destroy();
      await other.destroy();
    }
  });

  it('a schema of DATABASE_URL is what it cannot let through, and that is said', async () => {
    await runStatement(stack.env.DATABASE_URL ?? '', 'create schema second');
    const { code, stdout } = await runCli(['doctor', '-o', 'json'], {
      ...env,
      DATABASE_URL: `${env.DATABASE_URL}?schema=second`,
    });
    const ledger = JSON.parse(stdout).checks.find(({ name }: { name: string }) => name === 'Ledger');
    expect([code, ledger.found]).toEqual([4, expect.stringMatching(/pooler.*search_path.*alter role/)]);
  });
});
