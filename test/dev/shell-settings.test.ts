import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { shellSettings } from '../../src/cli/dev/shell-settings.js';

const HARD: NodeJS.ProcessEnv = {
  PLAIN: 'postgresql://postgres:secret@127.0.0.1:7243/smart_erase',
  EQUALS: 'dev=whsec_b25seSBmb3I=',
  WINDOWS_NULL: '\\\\.\\nul',
  BLANKS: ' a  b ',
  QUOTES: `it's "so"`,
  TYPOGRAPHIC: '‘a’ ‚b‛',
  DOLLAR: '$HOME $(id) `id`',
  BRACES: ['$', '{HOME}'].join(''),
  LINES: 'one\ntwo',
  SEMICOLON: 'a; rm -rf x & b | c > d',
  CHINESE: '片一 🎬',
  GLOB: '* ? [a] ~ !x #y %PATH%',
  EMPTY: '',
};
const linesFor = (shell: string, environment: NodeJS.ProcessEnv) => {
  const found = shellSettings(environment).find((each) => each.shell.includes(shell));
  return found?.lines ?? [];
};

describe('the settings that `dev` prints', () => {
  it.each([
    ['sh', []],
    ['bash', ['--norc']],
  ])('are those of the stack when they are pasted into %s', (shell, options) => {
    const print = Object.keys(HARD).map((name) => `printf '%s\\0' "$${name}"`);
    const script = [...linesFor('bash', HARD), ...print].join('\n');
    const env = { PATH: process.env.PATH, HOME: '/home/x' };
    const values = execFileSync(shell, [...options, '-c', script], { encoding: 'utf8', env })
      .split('\0')
      .slice(0, -1);
    expect(values).toEqual(Object.values(HARD));
  });

  it('are those of the stack in PowerShell, which ends a single-quoted text at four kinds of quotes', () => {
    const lines = linesFor('PowerShell', HARD);
    expect(lines).toHaveLength(Object.keys(HARD).length);
    const read = lines.map((line) => {
      const [, name = '', quoted = ''] = /^\$env:(\w+) = '((?:[^'‘’‚‛]|['‘’‚‛]{2})*)'$/.exec(line) ?? [];
      return [name, quoted.replace(/(['‘’‚‛])\1/g, '$1')];
    });
    expect(Object.fromEntries(read)).toEqual(HARD);
  });

  it('take away what must not be set, without telling what it was', () => {
    const environment = { TEMPORAL_API_KEY: undefined, TEMPORAL_TLS: undefined, TEMPORAL_ADDRESS: '127.0.0.1:7233' };
    expect(shellSettings(environment)).toEqual([
      {
        shell: 'sh, bash, zsh',
        lines: ['unset TEMPORAL_API_KEY TEMPORAL_TLS', 'export TEMPORAL_ADDRESS=127.0.0.1:7233'],
      },
      {
        shell: 'PowerShell',
        lines: [
          '$env:TEMPORAL_API_KEY = $null',
          '$env:TEMPORAL_TLS = $null',
          "$env:TEMPORAL_ADDRESS = '127.0.0.1:7233'",
        ],
      },
    ]);
  });
});
