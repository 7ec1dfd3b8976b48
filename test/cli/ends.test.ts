import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cleanEnvironment } from '../support/cli.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** The command, as a shell would have it. */
const SE = `'${process.execPath}' '${MAIN}'`;

/** Runs a line of bash; the exit codes of the parts of its last pipe are the last line of stdout. */
function bash(line: string) {
  const script = `${line}\necho "codes \${PIPESTATUS[*]}" >&3`;
  const { output } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    env: cleanEnvironment({}),
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [, stdout = '', stderr = '', told = ''] = output.map((text) => text ?? '');
  return { stdout, stderr, code: Number(told.replace('codes ', '').trim().split(' ')[0]) };
}

describe('a result that cannot be written', () => {
  it.each([
    ['a table', 'recipes'],
    ['JSON', 'recipes -o json'],
    ['JSON lines', 'recipes -o jsonl'],
    ['help', '--help'],
    ['the version', '--version'],
    ['a completion script', 'completion bash'],
  ])('to a full disk ends with 5 and a sentence: %s', (_what, args) => {
    const { code, stderr } = bash(`${SE} ${args} > /dev/full`);
    expect([code, stderr]).toEqual([5, expect.stringContaining('could not be written to stdout: the disk is full')]);
  });

  it.each([
    ['has left before', `${SE} recipes | { exec <&-; sleep 2; }`, 'its reader had left'],
    ['has left before, and stderr goes there too', `{ ${SE} recipes 2>&1; } | { exec <&-; sleep 2; }`, ''],
    ['is none, since stdout is open for reading only', `${SE} recipes 1< /dev/null`, 'not open for writing'],
    ['takes files of 1 KiB at most', `(ulimit -f 1; ${SE} completion bash > "$(mktemp)")`, 'larger than is allowed'],
  ])('since its reader %s ends with 5', (_what, line, words) => {
    const { code, stderr } = bash(line);
    expect([code, stderr]).toEqual([5, expect.stringContaining(words)]);
  });

  it('leaves an exit code that says more as it is', () => {
    expect(bash(`${SE} recipes subtitels > /dev/full`).code).toBe(2);
  });
});

describe('a reader that has had enough', () => {
  it('is no failure, however long the result is', () => {
    const { code, stdout, stderr } = bash(`${SE} completion bash | head -1`);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toHaveLength(2);
  });

  it('gets all of it, where it is slow', () => {
    const { code, stdout } = bash(`for i in 1 2; do ${SE} completion zsh; done | { sleep 1; cat; } | wc -c`);
    expect(code).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(10_000);
  });
});

describe('messages that cannot be written', () => {
  it.each([
    ['a full disk', '2> /dev/full'],
    ['a closed stderr', '2>&-'],
    ['a reader that has left', '2> >(exec <&-)'],
  ])('change nothing: %s', (_what, to) => {
    const { code, stdout } = bash(`${SE} recipes -o json ${to}`);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as unknown[]).length).toBeGreaterThan(3);
    // What is wrong still decides the exit code.
    expect(bash(`${SE} recipes subtitels ${to}`).code).toBe(2);
  });
});

it('a closed stdout is that of a caller who wants no result, as /dev/null is', () => {
  // Node opens /dev/null in its place, and nothing tells the two apart.
  expect(bash(`${SE} recipes >&-`).code).toBe(0);
});

describe('on a terminal', () => {
  const script = spawnSync('script', ['--version']).status === 0;

  it.skipIf(!script)('what the caller wrote is shown with escapes', () => {
    const run = `${SE} recipes $'x\\e[2J\\u202ey'`;
    const { stdout } = spawnSync('script', ['-qec', `bash -c "${run.replaceAll('"', '\\"')}"`, '/dev/null'], {
      encoding: 'utf8',
      env: cleanEnvironment({ TERM: 'xterm' }),
    });
    expect(stdout).toContain('x\\u001b[2J\\u202ey');
    expect(stdout).not.toContain('\u001b[2J');
  });
});
