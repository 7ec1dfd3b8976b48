import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

/** The even majors that are maintained; with each of them the demo was run. */
const TRIED = [22, 24, 26];

it('names the versions of Node that it runs with, everywhere the same', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  const [, oldest] = /^>=(\d+\.\d+)\.0$/.exec(engines.node) ?? [];
  expect(oldest).toBe('20.19');
  const words = `Node ${TRIED.slice(0, -1).join(', ')} or ${TRIED.at(-1)}`;
  for (const page of ['README.md', 'docs/deploy.md', 'CONTRIBUTING.md']) {
    // Lines of the pages are wrapped.
    const text = read(page).replace(/\s+/g, ' ');
    expect(text, page).toContain(words);
    expect(text, page).toContain(`${oldest} is the oldest`);
  }
});

it('builds its image on one of them', () => {
  const [, major] = /^FROM node:(\d+)\./m.exec(read('Dockerfile')) ?? [];
  expect(TRIED).toContain(Number(major));
});
