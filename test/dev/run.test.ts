import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { dependenciesInstalled, nodeProblem } from '../../tools/run.mjs';

const ROOT = join(import.meta.dirname, '../..');

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function run(args: string[], cwd = ROOT): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, VITEST: undefined };
    execFile(process.execPath, args, { cwd, env }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

test.each(['v12.22.12', 'v18.20.4', 'v20.18.3'])('Node %s is too old, and the sentence says what to do', (version) => {
  expect(nodeProblem(version)).toMatch(
    new RegExp(`^Node 20\\.19 or newer is needed, and this is ${version}: install a newer one .*\\.$`),
  );
});

test.each(['v20.19.0', 'v20.20.2', 'v22.0.0', 'v24.11.1'])('Node %s will do', (version) => {
  expect(nodeProblem(version)).toBeUndefined();
});

test('dependencies that are installed are not installed again', () => {
  expect(dependenciesInstalled()).toBe(true);
});

test('an unknown word is answered with a sentence on stderr, and nothing on stdout', async () => {
  const { code, stdout, stderr } = await run(['tools/run.mjs', 'nonsense']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe('Say what to run: node tools/run.mjs demo|test|test:rest|test:all [arguments].\n');
});

test('the last line counts tests, files that do not load and errors outside of tests', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'last-line-'));
  folders.push(folder);
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const reporter = join(ROOT, 'test/support/last-line-reporter.ts');
  const vitest = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=default', `--reporter=${reporter}`];
  const lastLine = async () => {
    const { code, stdout } = await run(vitest, folder);
    return { code, line: stdout.trimEnd().split('\n').at(-1) };
  };
  const head = "import { expect, test, describe, beforeAll } from 'vitest';\n";
  await writeFile(join(folder, 'good.test.ts'), `${head}test('a', () => {}); test('b', () => {});`);
  expect(await lastLine()).toEqual({ code: 0, line: '2 passed, 0 failed' });

  await writeFile(join(folder, 'skipped.test.ts'), `${head}test.skip('c', () => {}); test('d', () => {});`);
  await writeFile(join(folder, 'bad.test.ts'), `${head}test('e', () => { expect(1).toBe(2); });`);
  await writeFile(join(folder, 'unloadable.test.ts'), "import './nowhere.js';");
  expect(await lastLine()).toEqual({ code: 1, line: '3 passed, 2 failed, 1 skipped' });

  for (const name of ['bad', 'unloadable', 'skipped']) await rm(join(folder, `${name}.test.ts`));
  await writeFile(
    join(folder, 'stray.test.ts'),
    `${head}test('f', async () => { void Promise.reject(new Error('stray')); await new Promise((r) => setTimeout(r, 50)); });`,
  );
  expect(await lastLine()).toEqual({ code: 1, line: '3 passed, 1 failed' });

  await rm(join(folder, 'stray.test.ts'));
  await writeFile(join(folder, 'vitest.config.ts'), "export default { test: { globalSetup: './broken-setup.ts' } };");
  await writeFile(join(folder, 'broken-setup.ts'), "export default () => { throw new Error('no server'); };");
  const broken = await lastLine();
  expect(broken.code).not.toBe(0);
  expect(broken.line).toMatch(/^0 passed, [1-9]\d* failed$/);
});
