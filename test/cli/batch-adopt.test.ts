import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EraseRequest } from '../../src/contract/request.js';
import { toMpsParams } from '../../src/tencent-vod/recipe-params.js';
import { createVodClient, type VodClient } from '../../src/tencent-vod/vod-client.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { SECRET_ID, SECRET_KEY } from '../support/simulator.js';

const SUB_APP_ID = 1500000001;

let stack: EraseStack;
let vod: VodClient;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  stack = await EraseStack.start();
  env = { ...stack.env, VOD_SUB_APP_ID: String(SUB_APP_ID) };
  vod = createVodClient({
    endpoint: stack.simulator.url,
    credentials: { secretId: SECRET_ID, secretKey: SECRET_KEY, token: undefined },
  });
  folder = mkdtempSync(join(tmpdir(), 'smart-erase-adopt-'));
});
afterAll(async () => {
  vod.close();
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What a script of somebody's own did: a new file, and a submit for it. */
async function submitted(): Promise<{ fileId: string; taskId: string }> {
  const { fileId } = await stack.request();
  const params = toMpsParams({ name: 'subtitles' });
  const { taskId } = await vod.submit({ subAppId: SUB_APP_ID, fileId, params });
  return { fileId, taskId };
}

function table(name: string, rows: readonly (readonly string[])[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${rows.map((row) => row.join(',')).join('\n')}\n`);
  return file;
}

const adopt = (file: string, ...args: string[]) => runCli(['batch', 'adopt', file, '--yes', ...args], env);

async function ended(batchId: string) {
  return await eventually(
    `the end of ${batchId}`,
    async () => ((await stack.ledger.batches.find(batchId))?.state === 'ended' ? true : undefined),
    40_000,
  );
}

const itemsOf = (batchId: string) => stack.ledger.batches.items(batchId, { limit: 100 });
const submits = (fileId: string) => stack.outcomes('ProcessMediaByMPS', fileId);

describe('adopting', () => {
  it('says at which row a file is not CSV', async () => {
    const one = await submitted();
    const file = table('quote.csv', [
      ['fileId', 'taskId'],
      [one.fileId, `"${one.taskId}`],
      ['…', '…'],
    ]);
    const { code, stderr } = await adopt(file, '--recipe', 'subtitles');
    expect([code, stderr]).toEqual([3, expect.stringContaining('Row 2 has a quoted cell that does not end')]);
    expect(stderr).not.toContain('should not happen');
  });

  it('names every row that is not true, and writes nothing', async () => {
    const [one, two, three] = [await submitted(), await submitted(), await submitted()];
    const file = table('wrong.csv', [
      ['fileId', 'recipe', 'taskId', 'resultFileId'],
      [one.fileId, 'subtitles', one.taskId, ''],
      [two.fileId, 'logo', two.taskId, ''],
      [three.fileId, 'subtitles', one.taskId.replace(/.$/, 'x'), ''],
      [three.fileId, 'subtitles', '', '123456789'],
      ['5.28549E+18', 'subtitles', 'x', ''],
      [one.fileId, 'subtitles', 'y', ''],
      [three.fileId, 'logo', three.taskId, ''],
      [three.fileId, 'subtitles-area', '', ''],
    ]);
    const { code, stdout } = await adopt(file, '--id', 'wrong', '-o', 'json');
    expect(code).toBe(3);
    const problems = JSON.parse(stdout) as { row: number; problem: string }[];
    expect(problems.map(({ row }) => row)).toEqual([3, 4, 5, 6, 7, 8, 9]);
    const text = (row: number) => problems.find((p) => p.row === row)?.problem;
    expect(text(3)).toContain('another input');
    expect(text(4)).toContain('72 hours');
    expect(text(5)).toContain('same erase as row 4');
    expect(text(6)).toContain('rounded');
    expect(text(7)).toContain('same erase as row 2');
    expect(text(9)).toContain('neither');
    expect(await stack.ledger.batches.find('wrong')).toBeNull();
    expect(await stack.ledger.submissions.findByTask(one.taskId)).toBeNull();
    const swapped = table('swapped.csv', [
      ['fileId', 'taskId'],
      [one.fileId, two.taskId],
    ]);
    const other = await adopt(swapped, '--recipe', 'subtitles');
    expect([other.code, other.stdout]).toEqual([3, expect.stringContaining('not among the vendor')]);
  });

  it('waits for tasks, records results, and pays for nothing, not even after a failure worth one more', async () => {
    const [runs, fails] = [await stack.request(), await stack.request()];
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'task-failure',
      code: 'InternalError',
      fileId: fails.fileId,
      times: 1,
    });
    const tasks = [];
    for (const { fileId } of [runs, fails]) {
      tasks.push(await vod.submit({ subAppId: SUB_APP_ID, fileId, params: toMpsParams({ name: 'subtitles' }) }));
    }
    const [source, result] = [await stack.request(), await stack.request()];
    const file = table('running.csv', [
      ['fileId', 'taskId', 'resultFileId', 'comment'],
      [runs.fileId, tasks[0]?.taskId ?? '', '', 'x'],
      [fails.fileId, tasks[1]?.taskId ?? '', '', ''],
      [source.fileId, '', result.fileId, ''],
    ]);
    const dry = await adopt(file, '--recipe', 'subtitles', '--dry-run', '-o', 'json');
    expect(JSON.parse(dry.stdout)).toMatchObject({ items: 3, tasks: 2, results: 1 });
    const { code, stderr } = await adopt(file, '--recipe', 'subtitles', '--id', 'adopted', '--by', 'alice');
    expect([code, stderr]).toEqual([0, expect.stringContaining('Nothing is paid')]);
    await stack.startWorker();
    await ended('adopted');
    const [first, second, third] = await itemsOf('adopted');
    expect(first).toMatchObject({ row: 2, state: 'reused', taskId: tasks[0]?.taskId, attempts: 0, costUsd: 0 });
    expect(first?.resultFileId).toMatch(/^\d+$/);
    expect(second).toMatchObject({ state: 'failed', errorClass: 'taskFailed', errorCode: 'InternalError' });
    expect(third).toMatchObject({ state: 'reused', resultFileId: result.fileId });
    expect([await submits(runs.fileId), await submits(fails.fileId), await submits(source.fileId)]).toEqual([
      ['ok'],
      ['ok'],
      [],
    ]);
    // A service that asks for the same later gets the result that the script paid for.
    const request: EraseRequest = { fileId: source.fileId, subAppId: SUB_APP_ID, recipe: { name: 'subtitles' } };
    expect(await stack.client.execute(request)).toMatchObject({ reused: true, resultFileId: result.fileId });
  });

  it('the same task for another erase is a problem of its row', async () => {
    const { rows } = await stack.query(`select task_id from submission where task_id like '%Process%' limit 1`);
    const [adopted] = await itemsOf('adopted');
    const file = table('again.csv', [
      ['fileId', 'recipe', 'taskId'],
      [adopted?.fileId ?? '', 'subtitles', adopted?.taskId ?? ''],
    ]);
    expect(rows).toHaveLength(1);
    // The same row again is no problem: it takes up what was adopted.
    expect((await adopt(file, '--id', 'again')).code).toBe(0);
    await ended('again');
    expect((await itemsOf('again'))[0]).toMatchObject({ state: 'reused', taskId: adopted?.taskId });
    await stack.query(`update erase set recipe_hash = repeat('0', 32) where file_id = '${adopted?.fileId}'`);
    const refused = await adopt(file, '--id', 'third');
    expect([refused.code, refused.stdout]).toEqual([3, expect.stringContaining('for another erase')]);
    expect(await stack.ledger.batches.find('third')).toBeNull();
  });
});

describe('redriving', () => {
  it('leaves out what was paid for, and pays again only when told so', async () => {
    const redrive = (...args: string[]) => runCli(['batch', 'redrive', 'adopted', ...args], env);
    const unasked = await redrive('--failed');
    expect([unasked.code, unasked.stderr]).toEqual([9, expect.stringContaining('--pay-again')]);
    const noReason = await redrive('--failed', '--pay-again');
    expect([noReason.code, noReason.stderr]).toEqual([2, expect.stringContaining('--reason')]);
    const asks = await redrive('--failed', '--pay-again', '--reason', 'their side failed');
    expect([asks.code, asks.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    const { code, stdout } = await redrive(
      '--failed',
      '--pay-again',
      '--reason',
      'their side failed',
      '-y',
      '-o',
      'json',
    );
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({ batchId: 'adopted-redrive-1', items: 1 }),
    ]);
    await ended('adopted-redrive-1');
    const [item] = await itemsOf('adopted-redrive-1');
    expect(item).toMatchObject({ row: 3, state: 'succeeded', attempts: 1 });
    expect(await submits(item?.fileId ?? '')).toEqual(['ok', 'ok']);
    const again = await redrive('--failed', '--pay-again', '--reason', 'once more', '-y');
    expect([again.code, again.stderr]).toEqual([9, expect.stringContaining('adopted-redrive-1 already')]);
  });
});
