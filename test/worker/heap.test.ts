import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const HEAP = new URL('../../dist/worker/heap.js', import.meta.url).href;
const LIVE_MB = 60;

/** Times that all of it is replaced. */
const ROUNDS = 10;

/** A program in which so much lives, each part of it for long enough to be taken for old. */
const program = (limitHeapGrowth: boolean) => `
  import { getHeapStatistics } from 'node:v8';
  ${limitHeapGrowth ? `import { limitHeapGrowth } from '${HEAP}'; limitHeapGrowth();` : ''}
  const usedMb = () => getHeapStatistics().used_heap_size / 2 ** 20;
  const block = () => Array.from({ length: 200 }, () => new Array(1_000).fill(1.5));
  const blocks = [];
  const atFirst = usedMb();
  while (usedMb() - atFirst < ${LIVE_MB}) blocks.push(block());
  globalThis.gc();
  let most = 0;
  for (let at = 0; at < ${ROUNDS} * blocks.length; at += 1) {
    blocks[at % blocks.length] = block();
    most = Math.max(most, usedMb());
  }
  console.log(most);`;

function mostMb(limitHeapGrowth: boolean): number {
  const args = ['--expose-gc', '--max-old-space-size=4096', '--input-type=module', '-e', program(limitHeapGrowth)];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

describe('the heap of a worker', () => {
  it('grows less beyond what lives in it than V8 lets it by itself', () => {
    // Twice as much, and the young generation.
    expect(mostMb(true)).toBeLessThan(3.2 * LIVE_MB);
    expect(mostMb(false)).toBeGreaterThan(4 * LIVE_MB);
  });
});
