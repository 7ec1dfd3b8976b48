import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Rows, and bytes of a column that nobody reads: together several times the heap that the reader is given. */
const ROWS = 120_000;
const FILLER = 600;
const HEAP_MB = 32;

const dist = (path: string) => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

const PROGRAM = `
  const { csvSource } = await import(${JSON.stringify(dist('backlog/csv.js'))});
  const { ndjsonSource } = await import(${JSON.stringify(dist('backlog/ndjson.js'))});
  const { RequestMaker } = await import(${JSON.stringify(dist('backlog/requests.js'))});
  const [kind, rows, filler] = [process.argv[1], Number(process.argv[2]), 'x'.repeat(Number(process.argv[3]))];
  const id = (at) => String(5285000000000000000n + BigInt(at));
  async function* bytes() {
    if (kind === 'csv') yield Buffer.from('fileId,note\\n');
    for (let at = 0; at < rows; at += 100) {
      const lines = Array.from({ length: 100 }, (_, index) =>
        kind === 'csv' ? id(at + index) + ',' + filler : '{"fileId":"' + id(at + index) + '"}' + ' '.repeat(filler.length));
      yield Buffer.from(lines.join('\\n') + '\\n');
    }
  }
  const source = (kind === 'csv' ? csvSource : ndjsonSource)('generated', bytes());
  const maker = new RequestMaker({ subAppId: 1, recipe: { name: 'subtitles' } });
  let [good, last] = [0, 0];
  for await (const row of source.rows()) {
    if ('request' in maker.make(row)) good += 1;
    last = row.row;
  }
  console.log(JSON.stringify({ good, last, hashed: source.sha256() !== null }));
`;

it.each([
  ['csv', ROWS + 1],
  ['ndjson', ROWS],
])(
  `reads ${(ROWS * FILLER) / 1e6} MB of %s in a heap of ${HEAP_MB} MB`,
  async (kind, last) => {
    const args = [`--max-old-space-size=${HEAP_MB}`, '--input-type=module', '-e', PROGRAM, kind];
    const { stdout } = await promisify(execFile)(process.execPath, [...args, String(ROWS), String(FILLER)]);
    expect(JSON.parse(stdout)).toEqual({ good: ROWS, last, hashed: true });
  },
  120_000,
);
