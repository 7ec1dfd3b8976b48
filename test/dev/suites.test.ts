import { execFile } from 'node:child_process';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { REST } from '../suites.js';

const ROOT = join(import.meta.dirname, '../..');

async function filesOf(suite: string | undefined): Promise<string[]> {
  const env = { ...process.env, VITEST: undefined, TEST_SUITE: suite };
  const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'list', '--filesOnly', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
  const found: { file: string }[] = JSON.parse(stdout);
  return found.map(({ file }) => relative(ROOT, file)).sort();
}

test('every test file is in exactly one suite', async () => {
  const [everyday, rest, all] = [await filesOf('everyday'), await filesOf('rest'), await filesOf(undefined)];
  expect(rest).toEqual([...REST].sort());
  expect([...everyday, ...rest].sort()).toEqual(all);
});
