import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import type { EraseRequest } from '../../src/contract/request.js';
import type { CostRow } from '../../src/ledger/money/cost-report.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

/** 10 s of subtitles at 720p: 0.2239 USD a minute. */
const COST = 0.037317;
const BY = ['--by', 'alice'];

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(async () => {
  await stack.clear();
  await stack.sql('delete from cap');
});

const cli = async (...args: string[]) => {
  const ended = await runCli([...args, '-o', 'json'], stack.env);
  return { ...ended, json: ended.stdout === '' ? undefined : JSON.parse(ended.stdout) };
};
const start = async (fields: Partial<EraseRequest> = {}) => await stack.client.start(await stack.request(fields));
const phaseOf = async (handle: EraseHandle) => (await handle.status()).phase;
async function heldAndDone(handles: readonly EraseHandle[]) {
  const phases = await Promise.all(handles.map(async (handle) => [handle, await phaseOf(handle)] as const));
  const held = phases.filter(([, phase]) => phase === 'held').map(([handle]) => handle);
  const done = phases.filter(([, phase]) => phase === 'succeeded').map(([handle]) => handle);
  return held.length + done.length === handles.length ? { held, done } : undefined;
}

describe('a cap', () => {
  it('holds what it leaves no room for, without a call, until it is raised', { timeout: 120_000 }, async () => {
    const batchId = 'capped';
    const set = await cli('cap', 'set', '--total', String(3 * COST), '--reason', 'a trial', ...BY);
    expect(set).toMatchObject({ code: 0, json: [{ scope: 'all', period: 'total', spentUsd: 0 }] });
    const requests = await Promise.all(Array.from({ length: 8 }, () => stack.request({ batchId, requestedBy: 'bob' })));
    const handles = await Promise.all(requests.map((request) => stack.client.start(request)));
    const { held, done } = await eventually('3 done, 5 held', () => heldAndDone(handles), 60_000);
    expect([held.length, done.length]).toEqual([5, 3]);
    const accepted = async () => (await stack.admin.tasks()).filter((t) => requests.some((r) => r.fileId === t.fileId));
    expect(await accepted()).toHaveLength(3);
    const [one] = held as [EraseHandle];
    expect((await one.status()).held).toMatchObject({
      class: 'cap',
      code: 'CapReached',
      message: 'The total cap of 0.111951 USD has 0 USD left, and this erase is estimated at 0.037317 USD.',
    });
    expect(await one.status()).toMatchObject({ moneySpent: false });
    expect((await cli('cap', 'list')).json).toEqual([
      { scope: 'all', period: 'total', limitUsd: 0.111951, spentUsd: 0.111951, leftUsd: 0 },
    ]);

    for (const wait of [[], ['--wait']]) {
      const result = await cli('result', one.workflowId, ...wait);
      expect(result).toMatchObject({ code: 10, json: { status: 'held', error: { class: 'cap' } } });
      expect(result.stderr).toMatch(/cap set/);
    }
    const more = await stack.request();
    const waited = await cli('start', more.fileId, '--sub-app-id', '1500000001', '--recipe', 'subtitles', '--wait');
    expect(waited).toMatchObject({ code: 10, json: { status: 'held', sourceFileId: more.fileId } });

    const tooEarly = await cli('resume', '--all', '--reason', 'hope', ...BY);
    expect(tooEarly).toMatchObject({
      code: 10,
      stderr: expect.stringMatching(/all\/total of 0.111951 USD has nothing left/),
    });
    await eventually('all to be held again', async () =>
      (await stack.ledger.holds.list()).filter(({ class: c }) => c === 'cap').length === 6 ? true : undefined,
    );
    expect(await accepted()).toHaveLength(3);

    expect((await cli('cap', 'set', '--total', '10', '--reason', 'it works', ...BY)).code).toBe(0);
    expect(await cli('resume', '--all', '--reason', 'raised', ...BY)).toMatchObject({ code: 0, json: { resumed: 6 } });
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results.every(({ status, reused }) => status === 'succeeded' && !reused)).toBe(true);
    expect(await accepted()).toHaveLength(8);

    // The ledger and the vendor agree.
    const { json } = await cli('cost', '--by', 'batch');
    const row = (json as CostRow[]).find(({ group }) => group === batchId);
    expect(row).toEqual({
      group: batchId,
      erases: 8,
      accepted: (await accepted()).length,
      paidAgain: 0,
      ambiguous: 0,
      usd: 0.298536,
      ambiguousUsd: 0,
    });
    expect(await cli('cap', 'remove', '--total', '--reason', 'done', ...BY)).toMatchObject({ code: 0, json: [] });
    expect(await cli('cap', 'remove', '--total', '--reason', 'done', ...BY)).toMatchObject({ code: 9 });
    const { rows } = await stack.query("select action, by, reason from audit where action like 'cap-%' order by id");
    expect(rows).toEqual([
      { action: 'cap-set', by: 'alice', reason: 'a trial' },
      { action: 'cap-set', by: 'alice', reason: 'it works' },
      { action: 'cap-removed', by: 'alice', reason: 'done' },
    ]);
  });

  it('gets back what the vendor refused', async () => {
    await cli('cap', 'set', '--daily', '1', '--reason', 'a trial', ...BY);
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'InvalidParameterValue.FileId' });
    await expect((await start()).result()).rejects.toMatchObject({ class: 'input' });
    expect(await stack.ledger.caps.list()).toMatchObject([{ spentUsd: 0, leftUsd: 1 }]);
    await (await start()).result();
    expect(await stack.ledger.caps.list()).toMatchObject([{ spentUsd: COST }]);
  });

  it('wants to know how much, and of what', async () => {
    expect(await cli('cap', 'set', '--reason', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--daily/),
    });
    expect(await cli('cap', 'remove', '--reason', 'x')).toMatchObject({ code: 2 });
    expect(await cli('cap', 'set', '--daily', '-1', '--reason', 'x')).toMatchObject({ code: 2 });
    expect(await cli('cap', 'set', '--daily', '1')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--reason/),
    });
  });
});

describe('the estimate', () => {
  const costOf = async (fileId: string) => {
    const { rows } = await stack.query(
      `select cost_usd::float8 as usd from submission join erase on erase.id = erase_id where file_id = '${fileId}' order by number`,
    );
    return rows.map(({ usd }) => usd);
  };
  const reads = async () => (await stack.outcomes('DescribeMediaInfos')).length;

  it('is by length and size, and stands with the intent', async () => {
    const request = await stack.request({
      media: { duration: 90, width: 1080, height: 1920 },
      recipe: { name: 'logo' },
    });
    await (await stack.client.start(request)).result();
    expect(await costOf(request.fileId)).toEqual([0.6717]);
  });

  it('of what cannot be read is that of an hour in 4K, and nothing waits for it', async () => {
    await stack.admin.addFault({ action: 'DescribeMediaInfos', kind: 'error', code: 'InternalError', times: 10 });
    const request = await stack.request();
    expect(await (await stack.client.start(request)).result()).toMatchObject({ status: 'succeeded' });
    expect(await costOf(request.fileId)).toEqual([53.73]);
  });

  it('is not asked for where nothing is due', async () => {
    const request = await stack.request();
    await (await stack.client.start(request)).result();
    const before = await reads();
    const again = await stack.client.start({ ...request, key: 'another-key' });
    expect(await again.result()).toMatchObject({ reused: true });
    // The one check whether the result still exists.
    expect(await reads()).toBe(before + 1);
    expect(await costOf(request.fileId)).toEqual([COST]);
  });

  it('of many at once takes fewer calls than there are erases', { timeout: 60_000 }, async () => {
    const requests = await Promise.all(Array.from({ length: 60 }, () => stack.request()));
    const before = await reads();
    const handles = await Promise.all(requests.map((request) => stack.client.start(request)));
    await Promise.all(handles.map((handle) => handle.result()));
    const calls = (await reads()) - before;
    expect(calls).toBeLessThan(60);
  });
});

describe('cost', () => {
  const costs = async (...args: string[]) => (await cli('cost', ...args)).json as CostRow[];

  it('is told by day, recipe and who asked, with what was paid again and what is in doubt', async () => {
    const requestedBy = 'carol';
    const request = await stack.request({ requestedBy });
    await (await stack.client.start(request)).result();
    const paid = await stack.client.start({ ...request, payAgain: { token: 't-1', reason: 'a better recipe' } });
    await paid.result();
    // Not listed for most of the settle time: until then its outcome is unknown.
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'drop-after-accept' });
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'late-listing', ms: 5_000 });
    const inDoubt = await start({ requestedBy });
    const row = await eventually('the submit in doubt', async () =>
      (await stack.ledger.costs.report({ by: 'requestedBy' })).find(
        ({ group, ambiguous }) => group === requestedBy && ambiguous === 1,
      ),
    );
    expect(row).toEqual({
      group: requestedBy,
      erases: 3,
      accepted: 2,
      paidAgain: 1,
      ambiguous: 1,
      usd: 0.111951,
      ambiguousUsd: COST,
    });
    await inDoubt.result();

    const accepted = (await stack.admin.tasks()).length;
    for (const by of ['day', 'recipe', 'batch', 'requestedBy']) {
      const rows = await costs('--by', by);
      expect(
        rows.reduce((sum, each) => sum + each.accepted, 0),
        by,
      ).toBe(accepted);
    }
    expect((await costs('--by', 'recipe')).map(({ group }) => group)).toContain('subtitles');
    expect(await costs('--by', 'recipe', '--sub-app-id', '1500000002')).toEqual([]);
    expect(await costs('--since', '2999-01-01')).toEqual([]);
    expect((await cli('cost', '--since', 'yesterday')).code).toBe(2);
  });
});
