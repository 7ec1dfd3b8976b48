import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../src/local/free-port.js';
import { type RunningCli, runCli, startCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { createTestDatabase } from '../support/postgres.js';
import { eventually } from '../support/processes.js';
import { createTestNamespace } from '../support/temporal.js';

let stack: EraseStack;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  stack = await EraseStack.start();
  env = { ...stack.env, VOD_SUB_APP_ID: '1500000001' };
});
afterAll(() => stack.stop());

interface Check {
  name: string;
  verdict: string;
  found: string;
}

async function doctor(more: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; checks: Map<string, Check> }> {
  const { code, stdout } = await runCli(['doctor', '-o', 'jsonl'], { ...env, ...more });
  const checks = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Check);
  return { code, checks: new Map(checks.map((check) => [check.name, check])) };
}

async function ready(cli: RunningCli): Promise<Record<string, unknown>> {
  const line = await eventually('the ready line', async () => {
    const [first = ''] = cli.stdout().split('\n');
    if (first.endsWith('}')) return first;
    if (cli.process.exitCode !== null) throw new Error(`it ended: ${cli.stderr()}`);
    return undefined;
  });
  return JSON.parse(line) as Record<string, unknown>;
}

describe('doctor', () => {
  it.each([
    ['20', false],
    ['20.5', true],
  ])('looks at the submit rate: %s a second', async (rate, warned) => {
    const { code, checks } = await doctor({ VOD_SUBMIT_RPS: rate });
    expect([code, checks.get('Submit rate')?.verdict]).toEqual([0, warned ? 'warn' : undefined]);
    if (warned) expect(checks.get('Submit rate')?.found).toContain(`VOD_SUBMIT_RPS is ${rate}, above the 20`);
  });

  it('finds everything in order, spends nothing and shows no secret', async () => {
    const before = await stack.outcomes('ProcessMediaByMPS');
    const { code, checks } = await doctor();
    expect(code).toBe(0);
    for (const name of ['Temporal', 'Search attributes', 'Ledger', 'Credentials', 'Vendor clock', 'Vendor API']) {
      expect(checks.get(name)).toMatchObject({ verdict: 'ok' });
    }
    expect(checks.get('Temporal')?.found).toMatch(/server \d+\.\d+/);
    expect(checks.get('Workers')).toMatchObject({
      verdict: 'warn',
      found: expect.stringContaining('smart-erase-submit'),
    });
    expect(await stack.outcomes('ProcessMediaByMPS')).toEqual(before);
    const table = await runCli(['doctor', '--settings'], env);
    expect(table.stdout).toContain(`VOD_ENDPOINT=${env.VOD_ENDPOINT}`);
    const password = new URL(env.DATABASE_URL ?? '').password;
    expect(password).not.toBe('');
    expect(table.stdout + table.stderr).not.toContain(password);
  });

  it('names each thing that is missing, and ends with the worst exit code', async () => {
    const empty = await createTestDatabase('empty');
    try {
      const { code, checks } = await doctor({
        DATABASE_URL: empty.url,
        TEMPORAL_NAMESPACE: await createTestNamespace('bare', []),
      });
      expect(checks.get('Ledger')).toMatchObject({
        verdict: 'fail',
        found: expect.stringContaining('smart-erase setup'),
      });
      expect(checks.get('Search attributes')).toMatchObject({
        verdict: 'warn',
        found: expect.stringContaining('EraseTaskId'),
      });
      expect(code).toBe(4);
    } finally {
      await empty.drop();
    }
  });

  it('tells wrong credentials from a vendor that is not there', async () => {
    const wrong = await doctor({ TENCENTCLOUD_SECRET_KEY: 'wrong' });
    expect(wrong.checks.get('Vendor API')).toMatchObject({
      verdict: 'fail',
      found: expect.stringContaining('AuthFailure'),
    });
    expect(wrong.code).toBe(7);
    const gone = await doctor({
      VOD_ENDPOINT: `http://127.0.0.1:${await findFreePort({ port: 0, purpose: 'nobody' })}`,
    });
    expect(gone.checks.get('Vendor clock')).toMatchObject({
      verdict: 'fail',
      found: expect.stringContaining('ECONNREFUSED'),
    });
    expect(gone.code).toBe(5);
  });

  it('still looks at the rest when one part is missing', async () => {
    const { code, checks } = await doctor({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(checks.get('Temporal')).toMatchObject({ verdict: 'fail' });
    expect(checks.get('Ledger')).toMatchObject({ verdict: 'ok' });
    expect(code).toBe(5);
  });
});

describe('setup', () => {
  it('registers and migrates, then has nothing to do, then doctor is content', async () => {
    const [namespace, database] = await Promise.all([createTestNamespace('setup', []), createTestDatabase('setup')]);
    const bare = { ...env, TEMPORAL_NAMESPACE: namespace, DATABASE_URL: database.url };
    try {
      const first = await runCli(['setup', '-o', 'json'], bare);
      expect([first.code, first.stderr]).toEqual([0, '']);
      expect(JSON.parse(first.stdout)).toMatchObject([
        { name: 'search attributes', done: expect.stringContaining('EraseTaskId') },
        { name: 'ledger', done: expect.stringContaining('applied') },
      ]);
      const again = JSON.parse((await runCli(['setup', '-o', 'json'], bare)).stdout);
      expect(again).toMatchObject([{ done: 'all there' }, { done: 'up to date' }]);
      const { checks } = await doctor({ TEMPORAL_NAMESPACE: namespace, DATABASE_URL: database.url });
      expect([checks.get('Search attributes')?.verdict, checks.get('Ledger')?.verdict]).toEqual(['ok', 'ok']);
    } finally {
      await database.drop();
    }
  });

  it('does the one part when the other cannot be done', async () => {
    const { code, stdout } = await runCli(['setup', '-o', 'json'], { ...env, TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject([{ done: null }, { name: 'ledger', done: 'up to date' }]);
  });
});

describe.each(['SIGTERM', 'SIGINT'] as const)('on %s', (signal) => {
  it('a worker that is ready ends cleanly', async () => {
    const cli = startCli(['worker', '-o', 'json'], env);
    expect(await ready(cli)).toMatchObject({
      ready: true,
      identity: expect.any(String),
      taskQueues: ['smart-erase', 'smart-erase-submit', 'smart-erase-submit-batch'],
    });
    cli.process.kill(signal);
    expect(await cli.ended).toMatchObject({ code: 0, signal: null });
  });

  it('a simulator that is ready ends cleanly, having told where it is', async () => {
    const cli = startCli(['simulator', '--port', '0', '-o', 'json']);
    const { url } = await ready(cli);
    expect((await fetch(`${url}/_admin/calls`)).status).toBe(200);
    cli.process.kill(signal);
    expect(await cli.ended).toMatchObject({ code: 0, signal: null });
  });
});

describe('a port in use', () => {
  it('is said in a sentence', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const { code, stderr } = await runCli(['simulator', '--port', String(port)]);
    server.close();
    expect([code, stderr]).toEqual([4, expect.stringContaining(`Port ${port}`)]);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('a worker', () => {
  it('that finds no ledger says so and ends with 4', async () => {
    const empty = await createTestDatabase('empty');
    const { code, stderr } = await runCli(['worker'], { ...env, DATABASE_URL: empty.url });
    await empty.drop();
    expect([code, stderr]).toEqual([4, expect.stringContaining('smart-erase setup')]);
  });
});
