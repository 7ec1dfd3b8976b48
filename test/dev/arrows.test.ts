import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';
import { afterEach, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const load = createRequire(import.meta.url);
const withoutTypes = load(join(ROOT, '.dependency-cruiser.cjs'));
const withTypes = load(join(ROOT, '.dependency-cruiser.types.cjs'));

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Names of the rules that these files break. `types`: imports of types count. */
async function broken(files: Record<string, string>, { types = false } = {}): Promise<string[]> {
  const config = types ? withTypes : withoutTypes;
  const folder = await mkdtemp(join(tmpdir(), 'arrows-'));
  folders.push(folder);
  const packages = ['zod', '@temporalio/workflow', '@temporalio/worker', 'pg', 'vitest'];
  const all: Record<string, string> = { ...files, 'package.json': await readFile(join(ROOT, 'package.json'), 'utf8') };
  for (const name of packages) {
    all[`node_modules/${name}/package.json`] = JSON.stringify({ name, main: 'index.js' });
    all[`node_modules/${name}/index.js`] = '';
  }
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const { tsConfig: _, ...options } = config.options;
  const ruleSet = { forbidden: config.forbidden as IForbiddenRuleType[] };
  const { output } = await cruise(['src'], { ...options, baseDir: folder, ruleSet, validate: true });
  return [...new Set((output as ICruiseResult).summary.violations.map(({ rule }) => rule.name))].sort();
}

test('files that keep to the arrows break nothing', async () => {
  const files = {
    'src/cli/main.ts': "import '../client.js'; import '../simulator/server.js'; import '../worker.js';",
    'src/client.ts': "import './contract/names.js';",
    'src/worker.ts': "import './activities/submit.js'; import '@temporalio/worker';",
    'src/activities/submit.ts':
      "import '../ledger/ledger.js'; import '../tencent-vod/api.js'; import '../contract/names.js';",
    'src/workflows/index.ts':
      "import '@temporalio/workflow'; import '../contract/names.js'; import type { A } from '../activities/submit.js';",
    'src/contract/names.ts': 'export const A = 1;',
    'src/contract/schema.ts': "import 'zod'; import './names.js';",
    'src/ledger/ledger.ts': "import 'pg';",
    'src/tencent-vod/api.ts': '',
    'src/simulator/server.ts': "import 'node:http';",
  };
  expect(await broken(files)).toEqual([]);
});

test.each([
  ['no-cycles', { 'src/tencent-vod/a.ts': "import './b.js';", 'src/tencent-vod/b.ts': "import './a.js';" }],
  ['resolvable', { 'src/tencent-vod/a.ts': "import './nowhere.js';" }],
  ['no-development-dependencies', { 'src/tencent-vod/a.ts': "import 'vitest';" }],
  ['only-cli-imports-cli', { 'src/worker.ts': "import './cli/output.js';", 'src/cli/output.ts': '' }],
  [
    'only-cli-and-local-import-simulator',
    { 'src/tencent-vod/a.ts': "import '../simulator/s.js';", 'src/simulator/s.ts': '' },
  ],
  ['simulator-knows-nobody', { 'src/simulator/s.ts': "import '../tencent-vod/a.js';", 'src/tencent-vod/a.ts': '' }],
  ['contract-knows-nobody', { 'src/contract/a.ts': "import '../errors.js';", 'src/errors.ts': '' }],
  ['workflows-import', { 'src/workflows/index.ts': "import '../tencent-vod/a.js';", 'src/tencent-vod/a.ts': '' }],
  ['only-worker-imports-workflows', { 'src/activities/a.ts': "import '../workflows/w.js';", 'src/workflows/w.ts': '' }],
  [
    'only-worker-imports-activities',
    { 'src/tencent-vod/a.ts': "import '../activities/a.js';", 'src/activities/a.ts': '' },
  ],
  ['vod-and-ledger-apart', { 'src/tencent-vod/a.ts': "import '../ledger/l.js';", 'src/ledger/l.ts': '' }],
  ['ledger-import', { 'src/ledger/l.ts': "import '../tencent-vod/a.js';", 'src/tencent-vod/a.ts': '' }],
] as const)('%s bites', async (rule, files) => {
  expect(await broken(files as Record<string, string>)).toContain(rule);
});

test.each([
  ['the ledger’s driver', "import 'pg';"],
  ['the worker', "import '@temporalio/worker';"],
] as const)('the client cannot reach %s, not even through another file', async (_what, text) => {
  const files = {
    'src/client.ts': "import './config/a.js';",
    'src/config/a.ts': "import './b.js';",
    'src/config/b.ts': text,
  };
  expect(await broken(files)).toEqual(['client-and-contract-stay-light']);
});

test.each([
  ['zod', "import 'zod';"],
  ['Node', "import 'node:crypto';"],
] as const)('a workflow cannot reach %s through the contract', async (_what, text) => {
  const files = {
    'src/workflows/index.ts': "import '../contract/names.js';",
    'src/contract/names.ts': "import './inner.js';",
    'src/contract/inner.ts': text,
  };
  expect(await broken(files)).toEqual(['workflows-reach']);
});

test('a cycle of types alone is a cycle', async () => {
  const files = {
    'src/ledger/a.ts': "import type { B } from './b.js'; export interface A { b: B }",
    'src/ledger/b.ts': "import type { A } from './a.js'; export interface B { a: A }",
  };
  expect(await broken(files, { types: true })).toEqual(['no-cycles']);
});
