import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { runStatement } from '../support/postgres.js';
import { eventually } from '../support/processes.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const FILE_ID = '5289000000000000000';

let stack: EraseStack;
let env: NodeJS.ProcessEnv;
let name: string;
let folder: string;

beforeAll(async () => {
  stack = await EraseStack.start();
  env = { ...stack.env, VOD_SUB_APP_ID: '1500000001', USER: 'ann' };
  name = new URL(env.DATABASE_URL ?? '').pathname.slice(1);
  folder = mkdtempSync(join(tmpdir(), 'troubles-'));
  await stack.admin.addMedia([{ fileId: FILE_ID, name: 'one', duration: 60, width: 1280, height: 720 }]);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack.stop();
});

/** Of the server: the database itself may refuse to be changed. */
const alter = (change: string) => {
  const admin = new URL(env.DATABASE_URL ?? '');
  admin.pathname = '/postgres';
  return runStatement(admin.href, `alter database ${name} ${change}`);
};
const doctor = async (database = env.DATABASE_URL) => {
  const { code, stdout, stderr } = await runCli(['doctor', '-o', 'json'], { ...env, DATABASE_URL: database });
  const checks = JSON.parse(stdout).checks as { name: string; verdict: string; found: string; advice: string | null }[];
  return { code, stderr, ledger: checks.find((each) => each.name === 'Ledger'), checks };
};

describe('a database that only reads', () => {
  it('is named by every command, and found by doctor', async () => {
    await alter('set default_transaction_read_only = on');
    try {
      const capped = await runCli(['cap', 'set', '--total', '5', '--by', 'ann', '--reason', 'x'], env);
      expect(capped.stderr).toMatch(/can only be read.*primary/);
      expect(capped.stderr).not.toMatch(/not reachable/);
      expect(capped.code).toBe(5);
      const { code, ledger } = await doctor();
      expect([code, ledger]).toEqual([
        5,
        expect.objectContaining({ verdict: 'fail', found: expect.stringMatching(/can only be read/) }),
      ]);
    } finally {
      await alter('reset default_transaction_read_only');
    }
  });
});

describe('a trouble of the database while something is written', () => {
  it('is named by doctor, which takes back what it writes', async () => {
    await stack.sql(`create or replace function trouble() returns trigger language plpgsql as
      $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`);
    await stack.sql('create trigger trouble before insert on audit execute function trouble()');
    try {
      const { code, ledger } = await doctor();
      expect([code, ledger?.found]).toEqual([5, expect.stringMatching(/disk of PostgreSQL is full/)]);
      expect(ledger?.found).not.toMatch(/not reachable/);
    } finally {
      await stack.sql('drop trigger trouble on audit');
    }
    expect((await doctor()).ledger).toMatchObject({ verdict: 'ok' });
    expect((await stack.query(`select 1 from audit where action = 'doctor'`)).rowCount).toBe(0);
  });
});

describe('an address that cannot be right', () => {
  it('is told at the start, without a piece of its password', async () => {
    const url = new URL(env.DATABASE_URL ?? '');
    const wrong = [
      [`"${url.href}"`, /quote/],
      [`postgresql://u:se%40cr%et@${url.host}/x`, /percent-encode/],
    ] as const;
    for (const [database, sentence] of wrong) {
      const { code, stdout, stderr } = await runCli(['cap', 'list'], { ...env, DATABASE_URL: database });
      expect([code, stderr]).toEqual([4, expect.stringMatching(sentence)]);
      expect(stdout + stderr).not.toMatch(/secret|se%40|cr%et/);
    }
  });

  it('with a raw password works, and is shown without it', async () => {
    const password = 'p@ss#w/o?r%d';
    await stack.sql(`create role "${name}_odd" login superuser password '${password}'`);
    const { host, pathname } = new URL(env.DATABASE_URL ?? '');
    const { code, ledger, stderr } = await doctor(`postgresql://${name}_odd:${password}@${host}${pathname}`);
    await stack.sql(`drop role "${name}_odd"`);
    expect([code, stderr]).toEqual([0, '']);
    expect(ledger?.found).toContain(`postgresql://${name}_odd@${host}/${name}`);
  });
});

describe('a session that ends while a person thinks', () => {
  it('takes nothing along: the batch is started', async () => {
    const list = join(folder, 'one.csv');
    writeFileSync(list, `fileId\n${FILE_ID}\n`);
    await alter(`set idle_session_timeout = '500ms'`);
    const start = `'${process.execPath}' '${MAIN}' batch start '${list}' --recipe subtitles --id coffee`;
    const child = spawn('script', ['-qec', start, '/dev/null'], { env: cleanEnvironment({ ...env, TERM: 'dumb' }) });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 50_000);
    try {
      await eventually('the question', () => /\[y\/N\]/.test(output) || undefined);
      // Until the server has ended every session of it.
      await eventually('no session', async () => {
        const { rows } = await stack.query(
          `select 1 from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
        );
        return rows.length === 0 || undefined;
      });
      child.stdin.write('y\n');
      const [code] = await once(child, 'close');
      expect([code, output]).toEqual([0, expect.stringContaining('It runs, whatever becomes of this shell')]);
    } finally {
      clearTimeout(timer);
      await alter('reset idle_session_timeout');
    }
    expect(await stack.ledger.batches.find('coffee')).toMatchObject({ total: 1 });
  });
});
