import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle, EraseRunStatus } from '../../src/client.js';
import { newRequests, startFed, until } from '../support/batch.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { resetRun } from '../support/reset.js';

const folder = mkdtempSync(join(tmpdir(), 'smart-erase-decisions-'));
const RUN = '01890a5d-ac96-774b-bcce-b302099a8057';
const HOUR_MS = 3_600_000;
let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  await stack.admin.clearFaults();
  await stack.closeBreakers();
});

const cli = (...args: string[]) => runCli([...args, '--by', 'ann', '-o', 'json'], stack.env);
const json = (end: { stdout: string }) => JSON.parse(end.stdout) as Record<string, unknown>;

const refuse = (fileId: string, times = 1) =>
  stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'UnauthorizedOperation', fileId, times });

type Held = EraseRunStatus & { held: NonNullable<EraseRunStatus['held']> };

/** Where the latest run of the id is held; of another hold than `before`. */
const heldAt = (workflowId: string, before?: string): Promise<Held> =>
  eventually(`a hold of ${workflowId}`, async () => {
    const status = await stack.client.getHandle(workflowId).status();
    return status.held !== null && status.held.since !== before ? (status as Held) : undefined;
  });

const openHolds = async (workflowId: string) =>
  (await stack.ledger.holds.list({ workflowId })).map(({ runId, class: errorClass }) => ({ runId, class: errorClass }));

const endsOf = async (workflowId: string) =>
  (
    await stack.query(
      `select ended_as, ended_by, ended_reason from hold where workflow_id = '${workflowId}' order by id`,
    )
  ).rows;

/** As the ledger of a version without a keeper has it: the row of a run that is gone is still open. */
const reopen = (runId: string) =>
  stack.sql(
    `update hold set ended_at = null, ended_as = null, ended_by = null, ended_reason = null where run_id = '${runId}'`,
  );

const tasksOf = async (fileId: string) => (await stack.admin.tasks()).filter((task) => task.fileId === fileId);

describe('resume --all', () => {
  it('never resumes a run that is uncertain by now, for a hold of the run before a reset', {
    timeout: 120_000,
  }, async () => {
    const [first, second] = [await stack.request({ key: 'H0' }), await stack.request({ key: 'H2' })];
    await refuse(first.fileId);
    await stack.client.start(first);
    await heldAt('erase/key/H0');
    await stack.client.start(second);
    const before = await heldAt('erase/key/H2');
    const runId = await resetRun(stack, 'erase/key/H2');
    await heldAt('erase/key/H2', before.held.since);
    // The hold of the run that is gone ended with that of the new one.
    expect(await openHolds('erase/key/H2')).toEqual([{ runId, class: 'account' }]);
    expect(await endsOf('erase/key/H2')).toMatchObject([
      { ended_as: 'resolved', ended_by: null, ended_reason: 'its run has ended' },
      { ended_as: null },
    ]);
    await reopen(before.runId);

    expect((await cli('resume', 'erase/key/H0', '--reason', 'paid')).code).toBe(0);
    await stack.client.getHandle('erase/key/H0').result();
    const fileId = second.fileId;
    const duplicate = { kind: 'error', code: 'FailedOperation.TaskDuplicate', execute: true } as const;
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', ...duplicate, fileId });
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'late-listing', ms: HOUR_MS, fileId });
    // By its id, both rows are met: that of the run that is gone is put right, the other one is resumed.
    expect(json(await cli('resume', 'erase/key/H2', '--reason', 'paid'))).toMatchObject({ resumed: 1, gone: 1 });
    const uncertain = await eventually(
      'the doubt',
      async () => {
        const status = await stack.client.getHandle('erase/key/H2').status();
        return status.held?.class === 'uncertain' ? status : undefined;
      },
      60_000,
    );
    expect(await tasksOf(fileId)).toHaveLength(1);

    await reopen(before.runId);
    expect(await openHolds('erase/key/H2')).toHaveLength(2);
    expect(json(await cli('resume', '--all', '--reason', 'routine'))).toEqual({ resumed: 0, gone: 1, oneByOne: 1 });
    expect((await heldAt('erase/key/H2')).held).toEqual(uncertain.held);
    expect(await openHolds('erase/key/H2')).toEqual([{ runId, class: 'uncertain' }]);
    expect(await tasksOf(fileId)).toHaveLength(1);
    await stack.client.getHandle('erase/key/H2').abort({ by: 'test', reason: 'over' });
  });

  it('never resumes a hold that became uncertain after it was listed', async () => {
    const request = await stack.request({ key: 'late' });
    await refuse(request.fileId);
    await stack.client.start(request);
    const { runId, held } = await heldAt('erase/key/late');
    const [row] = await stack.ledger.holds.list({ workflowId: 'erase/key/late' });
    expect(row?.since.toISOString()).toBe(held.since);
    // Another operator was faster, and the submit came to be in doubt.
    const fileId = request.fileId;
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'FailedOperation.TaskDuplicate',
      execute: true,
      fileId,
    });
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'late-listing', ms: HOUR_MS, fileId });
    await stack.client.getHandle('erase/key/late').retry({ by: 'ben', reason: 'paid' });
    await eventually(
      'the doubt',
      async () =>
        (await stack.client.getHandle('erase/key/late').status()).held?.class === 'uncertain' ? true : undefined,
      60_000,
    );
    // What the slower one has in hand is the row of then.
    const { decideOne } = await import('../../src/cli/holds.js');
    const stale = row as NonNullable<typeof row>;
    expect(await decideOne(stack.ledger.holds, stack.client, stale, 'retry', { by: 'ann', reason: 'routine' })).toBe(
      false,
    );
    expect(await openHolds('erase/key/late')).toEqual([{ runId, class: 'uncertain' }]);
    expect(await tasksOf(fileId)).toHaveLength(1);
    await stack.client.getHandle('erase/key/late').abort({ by: 'test', reason: 'over' });
  });

  it('finds a hold that goes on in another run after a reset', async () => {
    const request = await stack.request({ key: 'carried' });
    await refuse(request.fileId);
    await stack.client.start(request);
    const before = await heldAt('erase/key/carried');
    const runId = await resetRun(stack, 'erase/key/carried', 'last');
    expect(await openHolds('erase/key/carried')).toEqual([{ runId: before.runId, class: 'account' }]);
    // With an open breaker it would go ahead as the probe, which is not counted.
    await stack.closeBreakers();
    expect(json(await cli('resume', '--all', '--reason', 'paid'))).toMatchObject({ resumed: 1, gone: 0 });
    await stack.client.getHandle('erase/key/carried', runId).result();
    expect(await endsOf('erase/key/carried')).toMatchObject([{ ended_as: 'retry', ended_by: 'ann' }]);
  });
});

describe('a decision for a batch', () => {
  it.each(['abort', 'skip', 'resume'])(
    '%s: leaves alone what a service started under the same id',
    { timeout: 90_000 },
    async (command) => {
      const [request] = await newRequests(stack, 1);
      const fileId = request?.fileId ?? '';
      await refuse(fileId);
      const id = await startFed(stack, request === undefined ? [] : [request]);
      const [hold] = await eventually('its hold', async () => {
        const holds = await stack.ledger.holds.list({ batchId: id });
        return holds.length > 0 ? holds : undefined;
      });
      const { workflowId = '', runId = '' } = hold ?? {};
      await stack.temporal.workflow.getHandle(workflowId, runId).terminate('a test');
      await until(stack, id, 'its end', ({ state }) => state === 'ended');
      const { batchId: _, ...asked } = { ...request, batchId: id };
      await stack.client.start(asked as never);
      const service = await heldAt(workflowId);
      expect(service.runId).not.toBe(runId);
      await reopen(runId);
      await stack.admin.clearFaults();
      await stack.closeBreakers();

      const end = await cli(command, '--batch', id, '--reason', 'clean up the old batch');
      expect(json(end)).toMatchObject({ gone: 1 });
      expect(await heldAt(workflowId)).toMatchObject({ runId: service.runId, held: service.held });
      expect(await openHolds(workflowId)).toEqual([{ runId: service.runId, class: 'account' }]);
      await stack.client.getHandle(workflowId).skip({ by: 'test', reason: 'over' });
    },
  );
});

describe('two operators at once', () => {
  it('decide once about each hold, and never about the next one', { timeout: 90_000 }, async () => {
    const requests = await Promise.all(Array.from({ length: 6 }, () => stack.request()));
    const handles: EraseHandle[] = [];
    for (const request of requests) {
      await refuse(request.fileId);
      handles.push(await stack.client.start(request));
      if (handles.length === 1) await heldAt(handles[0]?.workflowId ?? '');
    }
    const before = await Promise.all(handles.map(({ workflowId }) => heldAt(workflowId)));
    await stack.closeBreakers();
    // Five were held by the breaker alone: a retry of each is refused once, and holds it anew.
    const [one, other] = await Promise.all([
      cli('skip', '--all', '--reason', 'mine'),
      runCli(['abort', '--all', '--reason', 'no, mine', '--by', 'ben', '-o', 'json'], stack.env),
    ]);
    const done = [one, other].map((end) => Number(json(end).done));
    expect((done[0] ?? 0) + (done[1] ?? 0)).toBe(before.length);
    const ends = await Promise.all(
      handles.map((handle) => handle.result().catch((error: { class: string }) => error.class)),
    );
    expect(ends.filter((end) => end === 'skipped')).toHaveLength(done[0] ?? -1);
    expect(ends.filter((end) => end === 'aborted')).toHaveLength(done[1] ?? -1);
    expect(await stack.ledger.holds.list()).toEqual([]);
  });
});

describe('review', () => {
  const reviewOf = (workflowId: string, exceptRun?: string) =>
    eventually(`a review of ${workflowId}`, async () => {
      const { review, runId } = await stack.client.getHandle(workflowId).status();
      return review !== null && runId !== exceptRun ? review : undefined;
    });

  it('decides about the run that its page shows, and no other', { timeout: 90_000 }, async () => {
    const { workflowId } = await stack.client.start(await stack.request({ review: { timeoutHours: 24 } }));
    const seen = await reviewOf(workflowId);
    const file = join(folder, 'review.html');
    expect((await runCli(['review', 'page', workflowId, '--out', file], stack.env)).code).toBe(0);
    const page = readFileSync(file, 'utf8').replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
    const commands = [...page.matchAll(/<pre>smart-erase (.*?)<\/pre>/g)].map(([, words]) => words ?? '');
    expect(commands).toHaveLength(3);
    for (const words of commands) expect(words).toContain(`${workflowId} --run ${seen.runId} --reason`);

    await resetRun(stack, workflowId);
    const now = await reviewOf(workflowId, seen.runId);
    for (const words of commands) {
      const args = [...words.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
      const end = await cli(...args.map((word) => (word === 'RECIPE' ? 'logo' : word)));
      expect([end.code, end.stderr]).toEqual([
        3,
        expect.stringContaining(`made for run ${seen.runId}, which has ended`),
      ]);
      expect(end.stderr).toContain(now.runId);
    }
    expect((await cli('review', 'approve', workflowId, '--run', String(now.runId), '--reason', 'x')).code).toBe(0);
    await stack.client.getHandle(workflowId).result();
  });

  it.each([
    ['a run of several erases', ['approve', 'a', 'b', '--run', RUN], 2, '--run is the run of one erase'],
    ['a run that is none', ['reject', 'erase/none', '--run', 'x'], 2, 'A run id is like'],
    ['a run that does not exist', ['reject', 'erase/none', '--run', RUN], 3, 'There is no erase'],
  ])('refuses %s', async (_what, args, code, words) => {
    const end = await cli('review', ...args, '--reason', 'x');
    expect([end.code, end.stderr]).toEqual([code, expect.stringContaining(words)]);
    expect(end.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('a decision that no run takes', () => {
  it.each([
    ['skip', '--reason', 'r'.repeat(4_001)],
    ['abort', '--reason', 'r', '--by', 'b'.repeat(1_001)],
    ['resume', '--reason', 'r'.repeat(4_001)],
  ])('ends no hold: %s', async (command, ...args) => {
    const request = await stack.request();
    await refuse(request.fileId);
    const { workflowId } = await stack.client.start(request);
    const { held } = await heldAt(workflowId);
    const end = await runCli([command, '--all', '--by', 'ann', ...args], stack.env);
    expect([end.code, end.stderr]).toEqual([2, expect.stringMatching(/characters; at most/)]);
    expect((await heldAt(workflowId)).held).toEqual(held);
    expect(await openHolds(workflowId)).toHaveLength(1);
    await stack.client.getHandle(workflowId).abort({ by: 'test', reason: 'over' });
  });
});
