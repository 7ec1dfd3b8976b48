import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { blocksIn, withBlocks } from '../../tools/pictures/blocks.js';
import { GUIDE, GUIDE_BLOCKS, MAX_PICTURE_BYTES, PICTURES } from '../../tools/pictures/list.js';
import type { Frame } from '../../tools/pictures/terminal.js';
import { terminalSvg } from '../../tools/pictures/terminal-svg.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = 'docs/pictures';

/** Every page that a person reads. */
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'bench', 'examples'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
      .map((name) => posix.join(folder, name)),
  ),
];

const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8');

/** The pictures that a page shows, each as it lies in the repository, and the words for who cannot see it. */
function shownIn(page: string): { file: string; words: string }[] {
  const text = textOf(page);
  const markdown = [...text.matchAll(/!\[([^\]]*)\]\(([^)\s]+)\)/g)].map(([, words = '', file = '']) => ({
    file,
    words,
  }));
  const html = [...text.matchAll(/<img\b[^>]*>/g)].map(([tag]) => ({
    file: /\bsrc="([^"]*)"/.exec(tag)?.[1] ?? '',
    words: /\balt="([^"]*)"/.exec(tag)?.[1] ?? '',
  }));
  return [...markdown, ...html].map(({ file, words }) => ({ file: posix.join(posix.dirname(page), file), words }));
}

describe('the pictures of the documents', () => {
  it('are those that `npm run pictures` makes, each where the list says, and none else', () => {
    const shown = PAGES.flatMap((page) => shownIn(page).map(({ file }) => `${page} shows ${file}`));
    const made = PICTURES.flatMap(({ file, shownIn: pages }) => pages.map((page) => `${page} shows ${FOLDER}/${file}`));
    expect([...new Set(shown)].sort()).toEqual(made.sort());
  });

  it('are all there, none besides, none too large, and what they say they are', () => {
    expect(readdirSync(join(ROOT, FOLDER)).sort()).toEqual(PICTURES.map(({ file }) => file).sort());
    for (const { file } of PICTURES) {
      const path = join(ROOT, FOLDER, file);
      expect([file, statSync(path).size]).toEqual([
        file,
        expect.toSatisfy((size: number) => size <= MAX_PICTURE_BYTES),
      ]);
      const begin = readFileSync(path).subarray(0, 8);
      if (file.endsWith('.png')) expect(begin.toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
      else expect(begin.toString('utf8')).toMatch(/^<svg /);
    }
  });

  it('are told in words to who cannot see them', () => {
    const mute = PAGES.flatMap((page) => shownIn(page).filter(({ words }) => words.trim().length < 20));
    expect(mute).toEqual([]);
  });

  it('name no machine and no place on it', () => {
    for (const { file } of PICTURES) {
      if (file.endsWith('.svg'))
        expect(textOf(posix.join(FOLDER, file))).not.toMatch(/127\.0\.0\.1|localhost|\/(tmp|home|root|dev)\//);
    }
    expect(textOf(GUIDE)).not.toMatch(/\/(tmp|home|root|dev\/shm)\//);
  });
});

describe('the outputs in the guide', () => {
  it('are all made by `npm run pictures`, and all of them stand there once', () => {
    const text = textOf(GUIDE);
    expect(blocksIn(text).sort()).toEqual([...GUIDE_BLOCKS].sort());
    expect([...text.matchAll(/^```console$/gm)]).toHaveLength(GUIDE_BLOCKS.length);
    for (const [block] of text.matchAll(/```console\n[\s\S]*?```/g))
      expect(block).toMatch(/^```console\n\$ smart-erase .+\n.+/);
  });

  it('are put in the place of what stood there; a block that nothing makes is an error', () => {
    const page = 'a\n<!-- shown: one -->\n```console\n$ old\n```\nb ```sh\n$ kept\n```\n';
    expect(withBlocks(page, { one: '$ new\nline $1\n' })).toBe(page.replace('$ old', () => '$ new\nline $1'));
    expect(() => withBlocks(page, { two: '' })).toThrow(/"one"/);
  });
});

describe('a recording', () => {
  const run = (text: string) => ({ text, bold: false, dim: false, color: null });
  const frame = (atMs: number, ...lines: string[]): Frame => ({ atMs, rows: lines.map((line) => [run(line)]) });

  it('shows each frame as long as it stood, but no pause in full, and ends with the last', () => {
    const svg = terminalSvg([frame(0, '$ a'), frame(500, '$ a', 'b <&>'), frame(60_500, '$ a', 'c')], 20, 'A & B');
    // 500 ms, a pause that is cut to 1,800 ms, and 6,000 ms for the end.
    expect(svg).toContain('animation: play 8300ms step-end infinite');
    expect(
      [...svg.matchAll(/([\d.]+)% \{ transform: translateY\(-(\d+)px\)/g)].map(([, at, y]) => [Number(at), Number(y)]),
    ).toEqual([
      [0, 0],
      [6.024, 38],
      [27.711, 76],
    ]);
    expect(svg).toContain('.film { transform: translateY(-76px);');
    expect(svg).toContain('b &#60;&#38;&#62;');
    expect(svg).toContain('<title>A &#38; B</title>');
    // A line that stands in three frames is drawn once.
    expect(svg.match(/>\$ a</g)).toHaveLength(1);
  });
});
