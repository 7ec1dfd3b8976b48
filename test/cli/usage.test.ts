import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { GROUPS } from '../../src/cli/commands/cost.js';
import { STATUSES } from '../../src/cli/commands/list.js';
import { LISTED_STATUSES } from '../../src/client/list.js';
import { RECIPE_NAMES } from '../../src/contract/recipes.js';
import { COST_GROUPS } from '../../src/ledger/money/cost-report.js';
import { runCli } from '../support/cli.js';

const FILE_ID = '5285485487985271487';
/** Nothing listens there: what gets that far ends with 5. */
const NOWHERE = { TEMPORAL_ADDRESS: '127.0.0.1:1', VOD_SUB_APP_ID: '1500000001' };
const folder = mkdtempSync(join(tmpdir(), 'smart-erase-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('help', () => {
  it('names every command, on stdout, with exit code 0', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const name of [
      'start',
      'status',
      'list',
      'result',
      'cancel',
      'recipes',
      'cap',
      'cost',
      'worker',
      'simulator',
      'dev',
      'setup',
      'doctor',
      'demo',
      'completion',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    }
  });

  it('of a command has an example', async () => {
    const { code, stdout } = await runCli(['start', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('smart-erase start 5285485487985271487 --recipe subtitles --wait');
  });
});

describe('a command line that is wrong', () => {
  it.each([
    ['a mistyped command', ['strat'], 'Did you mean start?'],
    ['a mistyped option', ['start', FILE_ID, '--recip', 'x'], 'Did you mean --recipe?'],
    ['a mistyped recipe to show', ['recipes', 'subtitels'], 'Did you mean subtitles?'],
    ['no FileId', ['start', '--recipe', 'logo'], "missing required argument 'fileId'"],
    ['no recipe', ['start', FILE_ID], 'smart-erase recipes'],
    ['an unknown format', ['recipes', '-o', 'yaml'], 'Allowed choices are table, json, jsonl'],
    ['a phase that does not exist', ['list', '--phase', 'hold'], 'held'],
    ['a port that is none', ['simulator', '--port', '70000'], '65535'],
    ['a time that is none', ['simulator', '--task-duration', '2 days'], '500ms'],
    ['a cancel without a reason', ['cancel', 'id'], '--reason'],
    ['a second payment without a reason', ['start', FILE_ID, '--recipe', 'logo', '--pay-again', 't'], '--reason'],
    [
      'options that are no JSON',
      ['start', FILE_ID, '--recipe', 'logo', '--recipe-json', '{'],
      '--recipe-json is not JSON',
    ],
    ['a file that is not there', ['start', FILE_ID, '--recipe', 'logo', '--publish', '@/no/such.json'], 'no such file'],
    [
      '--every of a batch that is not followed',
      ['batch', 'start', 'list.csv', '--recipe', 'logo', '--every', '10s'],
      '--watch',
    ],
    ['one key for two files', ['start', '1', '2', '--recipe', 'logo', '--key', 'k'], '--key'],
    ['no command', [], 'Usage: smart-erase'],
  ])('with %s ends with 2 and says what is wrong', async (_what, args, words) => {
    const { code, stdout, stderr } = await runCli(args, NOWHERE);
    expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([2, '']);
  });
});

describe('start', () => {
  it('tells every bad FileId and every other problem at once, before anything is sent', async () => {
    const args = ['start', 'abc', FILE_ID, '12x', '--recipe', 'subtitels', '--publish', '{"nmae": "x"}'];
    args.push('--webhook', '{"url": "https://example.com/hook"}');
    const { code, stderr } = await runCli(args, NOWHERE);
    expect(code).toBe(3);
    for (const words of ['"abc"', '"12x"', 'did you mean "subtitles"', 'publish.nmae', 'webhook.secret']) {
      expect(stderr).toContain(words);
    }
  });

  it('reads options from a file, and takes the sub-application from the environment', async () => {
    const file = join(folder, 'recipe.json');
    writeFileSync(file, '{"areas": [{"left": 0, "top": 0.5, "right": 1.5, "bottom": 0.9}]}');
    const bad = await runCli(['start', FILE_ID, '--recipe', 'logo', '--recipe-json', `@${file}`], NOWHERE);
    expect([bad.code, bad.stderr]).toEqual([3, expect.stringContaining('areas')]);
    const none = await runCli(['start', FILE_ID, '--recipe', 'logo'], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--sub-app-id')]);
  });

  it('ends with 5 and the address when Temporal is not there', async () => {
    const { code, stderr } = await runCli(['start', FILE_ID, '--recipe', 'logo'], NOWHERE);
    expect(code).toBe(5);
    expect(stderr).toContain('127.0.0.1:1');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('shows a stack trace only when asked for', async () => {
    const { stderr } = await runCli(['list'], { ...NOWHERE, SMART_ERASE_DEBUG: '1' });
    expect(stderr).toMatch(/^\s+at /m);
  });
});

describe('recipes', () => {
  it('are the same in every format', async () => {
    const [table, json, jsonl] = await Promise.all(
      ['table', 'json', 'jsonl'].map((format) => runCli(['recipes', '-o', format])),
    );
    const names = (JSON.parse(json?.stdout ?? '') as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual(RECIPE_NAMES);
    const lines = jsonl?.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { name: string }).name);
    expect(lines).toEqual(RECIPE_NAMES);
    for (const name of RECIPE_NAMES) expect(table?.stdout).toMatch(new RegExp(`^${name} `, 'm'));
  });
});

describe('configuration', () => {
  it('that is wrong ends the worker with 4 and every problem', async () => {
    const { code, stderr } = await runCli(['worker'], { VOD_SUBMIT_RPS: 'x', VOD_SETTLE_SECONDS: '1' });
    expect(code).toBe(4);
    for (const name of ['DATABASE_URL', 'VOD_SUBMIT_RPS']) expect(stderr).toContain(name);
  });

  it('keeps the words for states and groups in step with the client and the ledger', () => {
    expect([...STATUSES]).toEqual(LISTED_STATUSES);
    expect(GROUPS).toEqual(COST_GROUPS);
  });
});

describe('completion', () => {
  it.each([
    ['bash', ['bash', '-n']],
    ['zsh', ['zsh', '-n']],
    ['fish', ['fish', '-n']],
  ] as const)(
    'for %s names commands and options, and is valid where the shell is there',
    async (shell, [command, flag]) => {
      const { code, stdout } = await runCli(['completion', shell]);
      expect(code).toBe(0);
      for (const word of ['doctor', 'cancel', 'recipe-json', 'task-duration', 'output', 'daily', 'remove'])
        expect(stdout).toContain(word);
      const check = spawnSync(command, [flag], { input: stdout, encoding: 'utf8' });
      if (check.error === undefined) expect([check.status, check.stderr]).toEqual([0, '']);
      else expect(check.error.message).toContain('ENOENT');
    },
  );
});
