import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newRequests, writeBatch } from '../support/batch.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';

/** Two installations on one ledger; no worker runs, so nothing is fed. */
let one: EraseStack;
let two: EraseStack;
let folder: string;
let batch: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smart-erase-namespaces-'));
  one = await EraseStack.start({ env: { VOD_SUB_APP_ID: '1500000001' } });
  two = await EraseStack.start({ beside: one, env: { VOD_SUB_APP_ID: '1500000001' } });
  batch = await writeBatch(one, await newRequests(one, 2));
});
afterAll(async () => {
  await two?.stop();
  await one?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const WHY = ['--reason', 'r', '--by', 'ann'];
const cli = (stack: EraseStack, ...args: string[]) => runCli(args, stack.env);

describe('a batch of another namespace', () => {
  it('is not listed', async () => {
    expect(JSON.parse((await cli(one, 'batch', 'list', '-o', 'json')).stdout)).toMatchObject([
      { id: batch, namespace: one.ledger.namespace },
    ]);
    expect(JSON.parse((await cli(two, 'batch', 'list', '-o', 'json')).stdout)).toEqual([]);
  });

  it.each([
    ['batch', 'status'],
    ['batch', 'watch'],
    ['batch', 'pause', ...WHY],
    ['batch', 'resume', ...WHY],
    ['batch', 'drain', ...WHY],
    ['batch', 'cancel', ...WHY],
    ['batch', 'go', ...WHY],
    ['batch', 'set', '--concurrency', '2', ...WHY],
    ['batch', 'redrive', '--dry-run'],
    ['batch', 'redrive', '--yes', '--by', 'ann'],
    ['resume', '--batch', ...WHY],
    ['skip', '--batch', ...WHY],
    ['abort', '--batch', ...WHY],
  ])('is refused by name: %s %s', async (...words) => {
    const at = words[0] === 'batch' ? 2 : words.indexOf('--batch') + 1;
    const { code, stderr } = await cli(two, ...words.toSpliced(at, 0, batch));
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`${batch} belongs to the namespace "${one.ledger.namespace}"`),
    ]);
    expect(stderr).toContain(`TEMPORAL_NAMESPACE=${one.ledger.namespace}`);
    expect(await one.ledger.batches.find(batch)).toMatchObject({ state: 'running' });
    expect(await one.ledger.batches.snapshot(batch)).toMatchObject({ settings: { concurrency: 1_000 } });
  });

  it('keeps its id: a start with the same id is refused', async () => {
    const [{ fileId = '' } = {}] = await one.ledger.batches.items(batch, { limit: 1 });
    const list = join(folder, 'list.csv');
    writeFileSync(list, `fileId\n${fileId}\n`);
    const start = ['batch', 'start', list, '--recipe', 'subtitles', '--yes'];
    const refused = await cli(two, ...start, '--id', batch);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`There is a batch ${batch} already`);
    expect(refused.stderr).toContain(`in the namespace "${one.ledger.namespace}"`);
    // The same erases under another id: said, and paid for once.
    const other = await cli(two, ...start, '--id', 'other');
    expect(other.code).toBe(0);
    expect(other.stderr).toContain(`in batch ${batch} of the namespace "${one.ledger.namespace}" too`);
    expect(JSON.parse((await cli(two, 'batch', 'list', '-o', 'json')).stdout)).toMatchObject([{ id: 'other' }]);
  });

  it('can be reported: a report only reads', async () => {
    const out = join(folder, 'report');
    expect(await cli(two, 'batch', 'results', batch, '--out', out, '--partial')).toMatchObject({ code: 0 });
  });
});

describe('doctor', () => {
  it('says which other namespaces have rows in the ledger', async () => {
    const { stdout } = await cli(two, 'doctor', '-o', 'json');
    const { checks } = JSON.parse(stdout) as { checks: { name: string; verdict: string; found: string }[] };
    expect(checks.find(({ name }) => name === 'Shared ledger')).toMatchObject({
      verdict: 'ok',
      found: expect.stringContaining(one.ledger.namespace),
    });
    const without = await EraseStack.start();
    const alone = await cli(without, 'doctor', '-o', 'json');
    await without.stop();
    expect(alone.stdout).not.toContain('Shared ledger');
  });
});

describe('setup', () => {
  it('gives rows from before to the namespace of its settings', async () => {
    await one.sql(`update batch set namespace = '' where id = '${batch}'`);
    expect(await cli(one, 'setup', '--skip-temporal')).toMatchObject({ code: 0 });
    expect(await one.ledger.batches.find(batch)).toMatchObject({ namespace: one.ledger.namespace });
  });
});
