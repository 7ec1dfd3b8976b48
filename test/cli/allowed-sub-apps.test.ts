import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';

const ALLOWED = 1500000002;
const OTHER = '1500000001';

let stack: EraseStack;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  stack = await EraseStack.start({ simulator: { subAppIds: [Number(OTHER), ALLOWED] } });
  env = { ...stack.env, VOD_ALLOWED_SUB_APP_IDS: `${ALLOWED},1500000003` };
  folder = mkdtempSync(join(tmpdir(), 'smart-erase-allowed-'));
});
afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

function table(name: string, ...lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

const FILE_ID = '5285000000000000001';
const RECIPE = ['--recipe', 'subtitles'];

it.each<[string, () => string[]]>([
  ['start', () => ['start', FILE_ID, ...RECIPE, '--sub-app-id', OTHER]],
  ['start --wait', () => ['start', FILE_ID, ...RECIPE, '--sub-app-id', OTHER, '--wait']],
  ['trial', () => ['trial', FILE_ID, ...RECIPE, '--sub-app-id', OTHER, '--max-cost', '5', '--yes']],
  [
    'batch plan of a list',
    () => ['batch', 'plan', table('plan.csv', 'fileId', FILE_ID), ...RECIPE, '--sub-app-id', OTHER],
  ],
  [
    'batch plan of a column',
    () => ['batch', 'plan', table('column.csv', 'fileId,subAppId', `${FILE_ID},${OTHER}`), ...RECIPE],
  ],
  ['batch plan of the library', () => ['batch', 'plan', '--library', ...RECIPE, '--sub-app-id', OTHER]],
  [
    'batch start',
    () => ['batch', 'start', table('start.csv', 'fileId', FILE_ID), ...RECIPE, '--sub-app-id', OTHER, '--yes'],
  ],
  [
    'batch adopt',
    () => [
      'batch',
      'adopt',
      table('adopt.csv', 'fileId,taskId', `${FILE_ID},${OTHER}-ProcessMediaByMPS-0123`),
      ...RECIPE,
      '--sub-app-id',
      OTHER,
      '--yes',
    ],
  ],
])('%s refuses a sub-application that is not allowed, before any call', async (_what, args) => {
  const { code, stdout, stderr } = await runCli(args(), env);
  expect([code, `${stdout}${stderr}`]).toEqual([3, expect.stringContaining(`sub-application ${OTHER} is not among`)]);
  expect(await stack.admin.calls()).toEqual([]);
  expect((await stack.temporal.workflow.count()).count).toBe(0);
  expect((await stack.query('select 1 from batch union all select 1 from erase')).rowCount).toBe(0);
});

it('the doctor asks for no other than an allowed one', async () => {
  const { code, stdout } = await runCli(['doctor', '-o', 'jsonl'], { ...env, VOD_SUB_APP_ID: OTHER });
  expect([code, stdout]).toEqual([4, expect.stringContaining(`VOD_SUB_APP_ID (${OTHER}) is not among`)]);
  expect(await stack.admin.calls()).toEqual([]);
});

it('an allowed one is planned', async () => {
  const { fileId } = await stack.request({ media: { subAppId: ALLOWED } });
  const file = table('good.csv', 'fileId', fileId);
  const { code, stderr } = await runCli(['batch', 'plan', file, ...RECIPE, '--sub-app-id', String(ALLOWED)], env);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  expect((await stack.admin.calls()).map(({ action }) => action)).toContain('DescribeMediaInfos');
});
