import { describe, expect, it } from 'vitest';
import { jsonAdvice } from '../../src/cli/json-advice.js';
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

  it.each([
    ['--publish', '{prefetch:true}'],
    ['--recipe-json', '{areas:[]}'],
  ])('is said by the command: %s %s', async (option, text) => {
    const { code, stdout, stderr } = await runCli([...START, option, text], NOWHERE);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`${option} '@file.json'`);
    expect(stderr).toContain('Windows PowerShell');
  });
});

describe('help', () => {
  it.each([
    [['start']],
    [['batch', 'start']],
    [['batch', 'plan']],
    [['batch', 'adopt']],
    [['trial']],
    [['review', 'reject']],
  ])('of %s shows the name of a file in quotes, as PowerShell needs it', async (command) => {
    const { stdout } = await runCli([...command, '--help']);
    expect(stdout).toContain("<json|'@file'>");
    expect(stdout).not.toMatch(/(?<!')@file/);
  });
});
