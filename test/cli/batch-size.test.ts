import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NormalizedEraseRequest } from '../../src/contract/request.js';
import { MAX_REQUEST_BYTES } from '../../src/contract/request-schema.js';
import { newRequests, writeBatch } from '../support/batch.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';

const TIMEOUT_MS = 120_000;
const YES = ['--yes', '--by', 'tester'];

let stack: EraseStack;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smart-erase-size-'));
  stack = await EraseStack.start();
});
afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

const batch = (...args: string[]) => runCli(['batch', ...args], stack.env, { timeoutMs: TIMEOUT_MS });

/** A request that has just the largest size when a batch of that id sends it. */
function largest(request: NormalizedEraseRequest, batchId: string): NormalizedEraseRequest {
  const padded = (length: number): NormalizedEraseRequest => ({
    ...request,
    recipe: {
      name: 'raw',
      params: {
        AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: { output_patten: 'x'.repeat(length) } } },
      },
    },
  });
  const bytes = Buffer.byteLength(JSON.stringify({ ...padded(0), batchId }));
  return padded(MAX_REQUEST_BYTES - bytes);
}

async function fileOf(name: string, batchId: string): Promise<string> {
  const [small, large] = (await newRequests(stack, 2)).map((request) => ({ ...request, requestedBy: 'tester' }));
  if (small === undefined || large === undefined) throw new Error('no requests');
  const file = join(folder, name);
  writeFileSync(file, [small, largest(large, batchId)].map((row) => JSON.stringify(row)).join('\n'));
  return file;
}

/** A batch that has ended, of one small item and one that is just small enough for its id. */
async function endedBatch(): Promise<string> {
  const [small, large] = await newRequests(stack, 2);
  if (small === undefined || large === undefined) throw new Error('no requests');
  const id = await writeBatch(stack, [small, largest(large, 'batch-00')]);
  await stack.sql(`update batch_item set state = 'failed', started_at = now(), ended_at = now(), error_class = 'input'
    where batch_id = '${id}'`);
  await stack.sql(`update batch set state = 'ended', ended_as = 'completed', ended_at = now() where id = '${id}'`);
  return id;
}

describe('a request that is too large only with the id of its batch', () => {
  it('is a problem of its row in a plan, which does not know the id yet', async () => {
    const file = await fileOf('plan.ndjson', 'nine-char');
    const plan = await batch('plan', file, '-o', 'json');
    expect(plan.code).toBe(3);
    const { problems } = JSON.parse(plan.stdout) as { problems: { row: number; problem: string }[] };
    expect(problems).toEqual([
      expect.objectContaining({
        row: 2,
        problem: expect.stringMatching(/65627 bytes.*65536 are allowed.*100 characters/),
      }),
    ]);
  });

  it('is a problem of its row in a start, by the id that it is given', async () => {
    const file = await fileOf('start.ndjson', 'nine-char');
    const refused = await batch('start', file, '--id', 'ten-letter', ...YES.slice(0, 1), '--requested-by', 'tester');
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('Nothing was started.') });
    expect(refused.stderr).toContain('65537 bytes');
    const started = await batch('start', file, '--id', 'nine-char', '--yes', '--requested-by', 'tester', '-o', 'json');
    expect([started.code, JSON.parse(started.stdout)]).toEqual([0, expect.objectContaining({ items: 2 })]);
  });

  it('is left out of a redrive, and named before anything is written', async () => {
    const id = await endedBatch();
    const long = `${id}-redrive-with-a-longer-name`;
    const dry = await batch('redrive', id, '--id', long, '--dry-run', '-o', 'json');
    expect([dry.code, dry.stderr]).toEqual([0, expect.stringContaining('1 are left out: they would be too large')]);
    expect(JSON.parse(dry.stdout)).toMatchObject({
      items: 1,
      tooLarge: [{ number: 2, problem: expect.stringContaining('65536 are allowed') }],
    });
    const redriven = await batch('redrive', id, '--id', long, ...YES, '-o', 'json');
    expect([redriven.code, JSON.parse(redriven.stdout)]).toEqual([0, expect.objectContaining({ items: 1 })]);
    expect(await stack.ledger.batches.items(long, { limit: 10 })).toHaveLength(1);
    // The other is not lost: it is redriven under an id that fits.
    const rest = await batch('redrive', id, '--id', 'fits', ...YES, '-o', 'json');
    expect([rest.code, JSON.parse(rest.stdout)]).toEqual([0, expect.objectContaining({ items: 1, tooLarge: [] })]);
  });

  it('counts the token and the reason of paying again, where that is asked for', async () => {
    const id = await endedBatch();
    // Its result was paid for, and deleted.
    await stack.sql(`
      with paid as (
        insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe)
        select sub_app_id, file_id, recipe_hash, '', request->'recipe' from batch_item where batch_id = '${id}' returning id
      )
      insert into submission (erase_id, number, state, arms, intent_at, place_at, workflow_id, run_id, task_id, outcome, result_gone_at)
      select id, 1, 'accepted', 1, now(), now(), 'w', 'r', 'task-of-${id}-' || id, 'succeeded', now() from paid`);
    expect((await batch('redrive', id, '--id', 'r', '--dry-run')).stderr).not.toContain('too large');
    const again = ['--pay-again', '--reason', 'it was deleted by mistake'];
    const dry = await batch('redrive', id, '--id', 'r', ...again, '--dry-run');
    expect(dry.stderr).toContain('1 are left out: they would be too large');
  });
});

describe('a sample of nothing', () => {
  it.each(['0', '0%', '0.0%', '000'])('is refused (%s), as it would pay for one', async (sample) => {
    const file = await fileOf('sample.ndjson', 'nine-char');
    const started = await batch('start', file, '--sample', sample, '--yes', '--requested-by', 'tester');
    expect(started).toMatchObject({ code: 2, stderr: expect.stringContaining('batch plan') });
  });

  it('is not what a small share is: that is rounded up to one', async () => {
    const [request] = await newRequests(stack, 1);
    const file = join(folder, 'small.ndjson');
    writeFileSync(file, JSON.stringify(request));
    const args = ['--sample', '0.0001%', '--id', 'small-share', '--yes', '--requested-by', 'tester'];
    expect(await batch('start', file, ...args)).toMatchObject({ code: 0 });
    expect((await stack.ledger.batches.find('small-share'))?.settings.sampleSize).toBe(1);
  });
});
