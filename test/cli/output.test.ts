import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import stringWidth from 'string-width';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { clipped, Output } from '../../src/cli/output.js';
import { stderr, stdout } from '../../src/process/standard-streams.js';

/** What no terminal may get: escape sequences, C0 and C1 controls, DEL, marks of direction, invisible characters. */
const RAW = /(?!\n)[\p{Cc}\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;
const FOREIGN = [
  '\u001b[2J\u001b[H',
  '\u001b]0;title\u0007',
  '\u009b31m',
  'a\rb',
  'a\u0008b',
  'a\u007fb',
  '\u202etxt.exe',
  'a\u2066b',
  'a\u200bb',
  '\ufeffid',
  'a\u2028b',
  '\u0085',
];

afterEach(() => vi.restoreAllMocks());

function printed(work: (output: Output) => void, format: 'table' | 'json' | 'jsonl' = 'table') {
  const texts = { out: '', err: '' };
  vi.spyOn(stdout, 'write').mockImplementation((text) => {
    texts.out += text;
  });
  vi.spyOn(stderr, 'write').mockImplementation((text) => {
    texts.err += text;
  });
  work(new Output({ format, color: false, input: false }));
  return texts;
}

describe.each(FOREIGN)('foreign text %j', (text) => {
  const columns = [
    { heading: 'NAME', of: (row: { name: string }) => row.name },
    { heading: 'ID', of: () => '7' },
  ];

  it('never reaches a terminal as it is', () => {
    const { out, err } = printed((output) => {
      output.rows([{ name: text }], columns);
      output.one({ name: text }, columns);
      output.write(text);
      output.say(text);
      output.sayStyled('bold', text, text);
      output.ask(text);
      output.redraw([text], 0);
    });
    expect(out + err).not.toMatch(RAW);
  });

  it.each(['json', 'jsonl'] as const)('means the same in %s', (format) => {
    const { out } = printed((output) => output.one({ name: text }, columns), format);
    expect(out).not.toMatch(RAW);
    expect(JSON.parse(out)).toEqual({ name: text });
  });
});

describe('a table', () => {
  it('has its columns under each other, whatever the widths of its characters', () => {
    const names = ['abc', '第一集', 'e\u0301te\u0301', '👨‍👩‍👧 家', 'ｆｕｌｌ', '한국어', 'می‌خواهم'];
    const columns = [
      { heading: 'NAME', of: (name: string) => name },
      { heading: 'ID', of: () => 'x' },
    ];
    const { out } = printed((output) => output.rows(names, columns));
    const places = out
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => stringWidth(line.slice(0, line.lastIndexOf('x'))));
    expect(new Set(places).size).toBe(1);
  });

  it('has one line for a row, and a message cannot pass for another one', () => {
    const { out, err } = printed((output) => {
      output.rows(['a\nb', 'c\td'], [{ heading: 'H', of: (text) => text }]);
      output.say('row 3: a\nsmart-erase: all is well');
    });
    expect(out).toBe('H\na\\nb\nc\\td\n');
    expect(err).toBe('row 3: a\n  smart-erase: all is well\n');
  });
});

describe('a line that is cut', () => {
  it.each([
    ['abcdef', 4, 'abc…'],
    ['第一集', 4, '第…'],
    ['第一集', 6, '第一集'],
    ['👨‍👩‍👧👨‍👩‍👧', 3, '👨‍👩‍👧…'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
  ])('%s to %i cells', (text, width, expected) => {
    expect(clipped(text, width)).toBe(expected);
    expect(stringWidth(clipped(text, width))).toBeLessThanOrEqual(width);
  });
});

it('nothing else writes to the terminal', () => {
  const root = fileURLToPath(new URL('../../src', import.meta.url));
  const writes = /process\.(stdout|stderr)\.write|console\.(log|info|warn|error|debug)\(|pino\.destination|_rawDebug/;
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('standard-streams.ts'))
    .filter((path) => writes.test(readFileSync(join(root, path), 'utf8')));
  expect(found).toEqual([]);
});
