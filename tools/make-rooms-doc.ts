import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { cruise, type ICruiseResult } from 'dependency-cruiser';

/**
 * `npm run docs:rooms`: draws the folders of src and the imports between them, types included, as docs/rooms.md. A test holds the
 * checked-in file against this.
 */
const ROOT = fileURLToPath(new URL('../', import.meta.url));
const ROOMS_DOC = fileURLToPath(new URL('../docs/rooms.md', import.meta.url));

/** Rooms whose own rooms are drawn in a picture of their own. */
const PARTED = ['activities', 'ledger'] as const;
/** Below everything else: arrows to these are left out, or they would hide all others. */
const FOUNDATIONS: ReadonlySet<string> = new Set(['contract', 'config', 'errors', 'process', 'text-file']);

interface Import {
  from: string;
  to: string;
}

async function importsOf(): Promise<Import[]> {
  const { options } = createRequire(import.meta.url)('../.dependency-cruiser.types.cjs');
  const { tsConfig: _, ...rest } = options;
  const { output } = await cruise(['src'], { ...rest, baseDir: ROOT });
  return (output as ICruiseResult).modules.flatMap(({ source, dependencies }) =>
    dependencies
      .map(({ resolved }) => ({ from: source, to: resolved }))
      .filter(({ from, to }) => from.startsWith('src/') && to.startsWith('src/')),
  );
}

/** Of `src/worker.ts` as of `src/worker/log.ts`: `worker`. */
const roomOf = (file: string) => (file.split('/')[1] ?? '').replace(/\.ts$/, '');
/** Of `src/ledger/db/schema.ts` within `ledger`: `db`; its own files are `index`. */
const partOf = (file: string) => {
  const parts = file.split('/');
  return parts.length > 3 ? (parts[2] ?? '') : 'index';
};

function mermaidOf(imports: readonly Import[], nameOf: (file: string) => string): string {
  const arrows = imports.map(({ from, to }) => [nameOf(from), nameOf(to)] as const).filter(([from, to]) => from !== to);
  const lines = new Set(arrows.map(([from, to]) => `  ${from} --> ${to}`));
  return ['```mermaid', 'flowchart TD', ...[...lines].sort(), '```'].join('\n');
}

export async function roomsDoc(): Promise<string> {
  const imports = await importsOf();
  const above = imports.filter(({ to }) => !FOUNDATIONS.has(roomOf(to)));
  const parted = PARTED.map((room) => {
    const inside = imports.filter(({ from, to }) => roomOf(from) === room && roomOf(to) === room);
    return `## Inside ${room}\n\n${mermaidOf(inside, partOf)}\n`;
  });
  return [
    '# Rooms',
    '',
    'Drawn from the imports in `src`, types included, by `npm run docs:rooms`. An arrow says who imports whom.',
    '[architecture.md](architecture.md#folders) says what each folder is for.',
    '',
    '## All of src',
    '',
    `Left out: arrows to ${[...FOUNDATIONS].map((room) => `\`${room}\``).join(', ')}, which stand below everything else.`,
    '',
    `${mermaidOf(above, roomOf)}\n`,
    ...parted,
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(ROOMS_DOC, await roomsDoc());

/** The file as it is checked in. */
export const checkedInRoomsDoc = () => readFileSync(ROOMS_DOC, 'utf8');
