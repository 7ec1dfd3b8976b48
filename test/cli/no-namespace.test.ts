import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { runCli } from '../support/cli.js';
import { createTestDatabase } from '../support/postgres.js';
import { sharedTemporal } from '../support/temporal.js';

const NAMESPACE = 'nowhere';
let env: NodeJS.ProcessEnv;
let drop: () => Promise<void>;

beforeAll(async () => {
  const database = await createTestDatabase('nowhere');
  drop = database.drop;
  await migrateLedger(database.url, { namespace: NAMESPACE });
  env = {
    TEMPORAL_ADDRESS: sharedTemporal().address,
    TEMPORAL_NAMESPACE: NAMESPACE,
    DATABASE_URL: database.url,
    VOD_ENDPOINT: 'http://127.0.0.1:1',
    VOD_SUB_APP_ID: '1500000001',
    TENCENTCLOUD_SECRET_ID: 'AKIDsimulator',
    TENCENTCLOUD_SECRET_KEY: 'simulator',
  };
});
afterAll(() => drop?.());

describe('a namespace that does not exist', () => {
  it.each([
    ['setup', ['setup']],
    ['worker', ['worker']],
    ['start', ['start', '5285485487985271487', '--recipe', 'logo']],
    ['list', ['list']],
    ['status', ['status', 'erase/key/x']],
    ['cancel', ['cancel', 'erase/key/x', '--reason', 'test']],
  ])('is named by %s, which ends with 4', async (_command, args) => {
    const { code, stdout, stderr } = await runCli(args, env);
    expect(stderr).toContain(`has no namespace`);
    expect(stderr).toContain(NAMESPACE);
    expect(stderr).toContain(sharedTemporal().address);
    expect(stderr).toContain(`temporal operator namespace create --namespace ${NAMESPACE}`);
    expect(stdout + stderr).not.toMatch(/should not happen|NOT_FOUND|NotFound/);
    expect(code).toBe(4);
  });

  it('is told once by doctor', async () => {
    const { code, stdout } = await runCli(['doctor', '-o', 'json'], env);
    const { checks } = JSON.parse(stdout) as { checks: { name: string; verdict: string; found: string }[] };
    const told = checks.filter(({ found }) => found.includes(`has no namespace "${NAMESPACE}"`));
    expect(told).toMatchObject([{ name: 'Namespace', verdict: 'fail', advice: expect.stringContaining('create') }]);
    expect(code).toBe(5);
  });
});
