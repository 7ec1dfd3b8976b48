import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { jsonAdvice } from '../../src/cli/json-advice.js';
import { buildProgram } from '../../src/cli/program.js';
import { runCli } from '../support/cli.js';

/** Nothing listens there, and nothing gets so far. */
const NOWHERE = { TEMPORAL_ADDRESS: '127.0.0.1:1', VOD_SUB_APP_ID: '1500000001' };
const START = ['start', '5285485487985271487', '--recipe', 'logo'];

describe('what to do about an option that is not JSON', () => {
  it.each([
    ['quotes that Windows PowerShell took away', '{prefetch:true}', /quotes inside are gone/],
    ['the same, with blanks and more', '{ name : film, tags : [a, b] }', /quotes inside are gone/],
    ['the same, nested', '{areas:[{left:0.1,top:0.7}]}', /quotes inside are gone/],
    ['the same, over several lines', '{\n  timeoutHours: 24\n}', /quotes inside are gone/],
    ['backslashes that a shell left', '{\\"prefetch\\":true}', /backslashes/],
    ['single quotes that cmd.exe left', `'{"prefetch":true}'`, /single quotes/],
    ['half of it, as cmd.exe cuts at blanks', `'{"timeoutHours":`, /single quotes/],
    ['the next option, as a bare @file was taken away', '--yes', /bare @file/],
  ])('with %s is a file', (_what, text, words) => {
    const advice = jsonAdvice('--publish', text);
    expect(advice).toMatch(words);
    expect(advice).toContain("--publish '@file.json'");
    // Quoting it again would not help there.
    expect(advice).not.toContain('Quote it for your shell');
  });

  it.each([['{'], ['{"a":1'], ['prefetch'], ['{"a": b}'], ['']])('with %j is both ways', (text) => {
    const advice = jsonAdvice('--publish', text);
    expect(advice).toContain(`Quote it for your shell: --publish '{"key": "value"}'`);
    expect(advice).toContain("--publish '@file.json'");
  });

  it('is said by the command', async () => {
    const { code, stdout, stderr } = await runCli([...START, '--publish', '{prefetch:true}'], NOWHERE);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain("--publish '@file.json'");
    expect(stderr).toContain('Windows PowerShell');
  });
});

/** Every option of every command, as `--help` shows it. */
const flagsOf = (command: Command): string[] => [
  ...command.options.map(({ flags }) => flags),
  ...command.commands.flatMap(flagsOf),
];

it('is shown by --help: the name of a file in quotes, as PowerShell needs it', () => {
  const withFile = flagsOf(buildProgram()).filter((flags) => flags.includes('@'));
  expect(withFile.length).toBeGreaterThanOrEqual(10);
  for (const flags of withFile) expect(flags).toMatch(/ <json\|'@file'>$/);
});
