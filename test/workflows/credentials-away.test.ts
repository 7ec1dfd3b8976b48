import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { SECRET_ID, SECRET_KEY } from '../support/simulator.js';

const ERASES = 5;
const TOKEN = 'token-of-a-role';

let stack: EraseStack;
let home: string;
const homeBefore = process.env.HOME;

/** The credential file, in the home folder of the worker's user. */
async function writeKeys(secretKey: string): Promise<void> {
  await mkdir(join(home, '.tencentcloud'), { recursive: true });
  const lines = ['[default]', `secret_id = ${SECRET_ID}`, `secret_key = ${secretKey}`, `token = ${TOKEN}`, ''];
  await writeFile(join(home, '.tencentcloud', 'credentials'), lines.join('\n'));
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'smart-erase-home-'));
  process.env.HOME = home;
  stack = await EraseStack.start({
    env: { TENCENTCLOUD_SECRET_ID: '', TENCENTCLOUD_SECRET_KEY: '' },
    simulator: { credentials: [{ secretId: SECRET_ID, secretKey: SECRET_KEY, token: TOKEN }] },
  });
});
afterAll(async () => {
  await stack?.stop();
  if (homeBefore === undefined) delete process.env.HOME;
  else process.env.HOME = homeBefore;
  await rm(home, { recursive: true });
});

describe('a worker that has no credentials when it starts', () => {
  it('opens no breaker and books no money, and goes on by itself when there are some', async () => {
    await stack.startWorker();
    const handles = await Promise.all(
      Array.from({ length: ERASES }, async () => stack.client.start(await stack.request())),
    );
    await eventually('each submit to be refused before it leaves', async () => {
      const { rows } = await stack.query("select 1 from submission where error_code = 'credentials-away'");
      return rows.length >= ERASES || undefined;
    });
    expect((await stack.query('select * from breaker')).rows).toEqual([]);
    const phases = await Promise.all(handles.map(async (handle) => (await handle.status()).phase));
    expect(phases).not.toContain('held');
    expect(await stack.outcomes('ProcessMediaByMPS')).toEqual([]);

    await writeKeys(SECRET_KEY);
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results.map(({ status }) => status)).toEqual(Array(ERASES).fill('succeeded'));
    expect(await stack.outcomes('ProcessMediaByMPS')).toEqual(Array(ERASES).fill('ok'));
  });
});

describe('commands', () => {
  it.each(['TENCENTCLOUD_TOKEN', 'TENCENTCLOUD_SESSION_TOKEN', 'TENCENTCLOUD_SECURITY_TOKEN'])(
    'sign with the token of %s',
    async (name) => {
      const keys = { TENCENTCLOUD_SECRET_ID: SECRET_ID, TENCENTCLOUD_SECRET_KEY: SECRET_KEY };
      const env = { ...stack.env, ...keys, [name]: TOKEN, VOD_SUB_APP_ID: '1500000001' };
      const { stdout } = await runCli(['doctor', '-o', 'jsonl'], env);
      expect(stdout).toMatch(/"name":"Vendor API","verdict":"ok"/);
    },
  );

  it('end with 4 for what came with a setting by mistake, by name and without the value', async () => {
    const { code, stderr } = await runCli(['worker'], {
      ...stack.env,
      TENCENTCLOUD_SECRET_ID: `${SECRET_ID}\n`,
      TENCENTCLOUD_SECRET_KEY: '"hidden-key"',
      TENCENTCLOUD_TOKEN: 'hidden-one',
      TENCENTCLOUD_SESSION_TOKEN: 'hidden-two',
      DATABASE_URL: `'${stack.env.DATABASE_URL}'`,
      TEMPORAL_ADDRESS: `${stack.env.TEMPORAL_ADDRESS}\r`,
    });
    expect(code).toBe(4);
    expect(stderr).toContain('TENCENTCLOUD_SECRET_ID ends with a line end');
    expect(stderr).toContain('TENCENTCLOUD_SECRET_KEY is in quotes');
    expect(stderr).toContain('TENCENTCLOUD_TOKEN and TENCENTCLOUD_SESSION_TOKEN are different tokens');
    expect(stderr).toContain('DATABASE_URL is in quotes');
    expect(stderr).toContain('TEMPORAL_ADDRESS ends with a carriage return');
    expect(stderr).not.toMatch(/hidden|postgresql:/);
  });

  it('end with 4 for the same in the credential file', async () => {
    await writeKeys('“hidden-key”');
    const { code, stderr } = await runCli(['worker'], { ...stack.env, HOME: home });
    expect(code).toBe(4);
    expect(stderr).toContain(`${join(home, '.tencentcloud', 'credentials')}: the secret key is in quotes`);
    expect(stderr).not.toContain('hidden');
  });
});
