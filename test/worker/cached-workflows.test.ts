import { describe, expect, it } from 'vitest';
import { cachedWorkflows } from '../../src/worker.js';

describe('runs kept in memory', () => {
  it.each([
    { heapMb: 4_144, runs: 500 },
    { heapMb: 1_050, runs: 500 },
    { heapMb: 512, runs: 183 },
    { heapMb: 256, runs: 32 },
    { heapMb: 128, runs: 10 },
  ])('are $runs with a heap of $heapMb MB', ({ heapMb, runs }) => {
    expect(cachedWorkflows(heapMb)).toBe(runs);
  });
});
