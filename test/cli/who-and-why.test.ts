import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.js';
import { runCli } from '../support/cli.js';

/** Every command that spends, holds, resumes, approves, cancels or limits, and the option that says who. */
const DECIDING: Record<string, '--by' | '--requested-by'> = {
  start: '--requested-by',
  trial: '--requested-by',
  cancel: '--by',
  resume: '--by',
  skip: '--by',
  abort: '--by',
  'review approve': '--by',
  'review reject': '--by',
  'cap set': '--by',
  'cap remove': '--by',
  'batch start': '--requested-by',
  'batch redrive': '--by',
  'batch adopt': '--by',
  'batch pause': '--by',
  'batch resume': '--by',
  'batch drain': '--by',
  'batch cancel': '--by',
  'batch go': '--by',
  'batch set': '--by',
};

/** What those and all others are: a command that is new has to be put on one side. */
const LOOKING = [
  ...['status', 'list', 'result', 'recipes', 'cost', 'audit', 'completion', 'review list', 'review page', 'cap list'],
  ...['batch plan', 'batch list', 'batch status', 'batch watch', 'batch results'],
  ...['worker', 'setup', 'doctor', 'simulator', 'dev', 'demo'],
];

function leaves(command: Command, path = ''): Map<string, Command> {
  if (command.commands.length === 0) return new Map([[path, command]]);
  return new Map(command.commands.flatMap((child) => [...leaves(child, `${path} ${child.name()}`.trim())]));
}

const optionOf = (command: Command | undefined, long: string) =>
  command?.options.find((option) => option.long === long);

/** A line that gets as far as the question who it is: nothing that it needs before is missing. */
const LINES: Record<string, string[]> = {
  start: ['start', '5285485487985271487', '--recipe', 'logo'],
  trial: ['trial', '5285485487985271487', '--recipe', 'logo', '--max-cost', '1'],
  cancel: ['cancel', 'erase/key/a', '--reason', 'r'],
  resume: ['resume', '--all', '--reason', 'r'],
  skip: ['skip', '--all', '--reason', 'r'],
  abort: ['abort', '--all', '--reason', 'r'],
  'review approve': ['review', 'approve', 'erase/key/a', '--reason', 'r'],
  'review reject': ['review', 'reject', 'erase/key/a', '--reason', 'r'],
  'cap set': ['cap', 'set', '--daily', '1', '--reason', 'r'],
  'cap remove': ['cap', 'remove', '--daily', '--reason', 'r'],
  'batch start': ['batch', 'start', 'list.csv', '--recipe', 'logo', '--yes'],
  'batch redrive': ['batch', 'redrive', 'spring', '--yes'],
  'batch adopt': ['batch', 'adopt', 'list.csv', '--recipe', 'logo', '--yes'],
  'batch set': ['batch', 'set', 'spring', '--concurrency', '1', '--reason', 'r'],
  ...Object.fromEntries(
    ['pause', 'resume', 'drain', 'cancel', 'go'].map((name) => [
      `batch ${name}`,
      ['batch', name, 'spring', '--reason', 'r'],
    ]),
  ),
};

describe('who and why', () => {
  it('are asked of every command that spends or decides, and every command is known as such or not', () => {
    const found = leaves(buildProgram());
    expect([...found.keys()].sort()).toEqual([...Object.keys(DECIDING), ...LOOKING].sort());
    for (const [path, who] of Object.entries(DECIDING)) {
      expect(optionOf(found.get(path), who), `${path} ${who}`).toBeDefined();
      expect(optionOf(found.get(path), '--reason'), `${path} --reason`).toBeDefined();
    }
  });

  it.each([
    ['USER', { USER: 'ann', LOGNAME: 'bob' }, 'ann'],
    ['LOGNAME where USER is empty', { USER: '', LOGNAME: 'bob' }, 'bob'],
    ['the account where both are', { USER: '', LOGNAME: ' ' }, userInfo().username],
  ])('take %s by default', (_what, env, name) => {
    const before = { USER: process.env.USER, LOGNAME: process.env.LOGNAME };
    Object.assign(process.env, env);
    try {
      const found = leaves(buildProgram());
      for (const [path, who] of Object.entries(DECIDING)) {
        expect(optionOf(found.get(path), who)?.defaultValue, path).toBe(name);
      }
    } finally {
      for (const [key, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[key];
        else process.env[key] = value;
      }
    }
  });

  it.each(Object.keys(DECIDING))(
    '%s is refused where nobody is named, before anything is asked or sent',
    async (path) => {
      const env = { VOD_SUB_APP_ID: '1500000001', TEMPORAL_ADDRESS: '127.0.0.1:1' };
      const { code, stdout, stderr } = await runCli([...(LINES[path] ?? []), DECIDING[path] ?? '', ' '], env);
      expect(stderr).toMatch(new RegExp(`Say who .*${DECIDING[path]} NAME`));
      expect([code, stdout]).toEqual([2, '']);
    },
  );

  it('an empty reason is none', async () => {
    const env = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const { code, stderr } = await runCli(['cancel', 'erase/key/a', '--reason', ' '], env);
    expect([code, stderr]).toEqual([2, expect.stringContaining('Say why')]);
  });
});
