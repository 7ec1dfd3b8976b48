import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import type { EraseRequest } from '../../src/contract/request.js';
import { countsOf, ended, newRequests, startFed, until } from '../support/batch.js';
import { type CliEnd, runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const [SUB_APP, OTHER_SUB_APP] = [1500000001, 1500000002];
const SUBMIT = 'ProcessMediaByMPS';
const FROZEN = 'FailedOperation.UserStatusInavlid';
const WHO = ['--reason', 'the bill is paid', '--by', 'alice', '-o', 'json'];
const BOB = { by: 'bob', reason: 'looked at it' };

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({
    simulator: { taskDurationMs: 200, subAppIds: [SUB_APP, OTHER_SUB_APP] },
    env: { VOD_WATCH_INTERVAL_SECONDS: '0.5' },
  });
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(async () => {
  await stack.admin.clearFaults();
  await stack.closeBreakers();
});

const refuse = (code: string, { fileId, times = 100_000 }: { fileId?: string; times?: number } = {}) =>
  stack.admin.addFault({ action: SUBMIT, kind: 'error', code, times, ...(fileId && { fileId }) });

const resume = (...which: string[]): Promise<CliEnd> => runCli(['resume', ...which, ...WHO], stack.env);

async function start(fields: Partial<EraseRequest> = {}): Promise<EraseHandle> {
  const request = await stack.request();
  if (fields.subAppId === OTHER_SUB_APP) {
    const { fileId } = request;
    await stack.admin.addMedia([
      { fileId, subAppId: OTHER_SUB_APP, name: 'other', duration: 1, width: 640, height: 360 },
    ]);
  }
  return await stack.client.start({ ...request, ...fields });
}

async function held(handles: readonly EraseHandle[]): Promise<void> {
  await Promise.all(
    handles.map((handle) =>
      eventually(
        `${handle.workflowId} held`,
        // Its phase is reported until the end of the hold is written.
        async () => ((await handle.status()).held !== null ? true : undefined),
        60_000,
      ),
    ),
  );
}

/** Erases that are held by a breaker, oldest hold first; the fault that did it is gone. */
async function heldBy(code: string, count: number, fields: Partial<EraseRequest> = {}): Promise<EraseHandle[]> {
  await refuse(code);
  const handles = await Promise.all(Array.from({ length: count }, () => start(fields)));
  await held(handles);
  await stack.admin.clearFaults();
  const order = (await stack.ledger.holds.list()).map(({ workflowId }) => workflowId);
  return handles.toSorted((a, b) => order.indexOf(a.workflowId) - order.indexOf(b.workflowId));
}

const fileIdOf = async (handle: EraseHandle) => (await handle.status()).fileId as string;

/** Every call of a submit from now on that is refused. */
async function refusals(): Promise<() => Promise<number>> {
  const count = async () => (await stack.outcomes(SUBMIT)).filter((outcome) => outcome !== 'ok').length;
  const before = await count();
  return async () => (await count()) - before;
}

/** They wait for an operator, each with a row by which one finds it. */
async function allStayHeld(handles: readonly EraseHandle[]): Promise<void> {
  await held(handles);
  const rows = (await stack.ledger.holds.list()).map(({ workflowId }) => workflowId);
  const ids = handles.map(({ workflowId }) => workflowId);
  expect(rows.filter((id) => ids.includes(id)).toSorted()).toEqual(ids.toSorted());
}

async function resumedAtLast(handles: readonly EraseHandle[]): Promise<void> {
  await stack.admin.clearFaults();
  expect(await resume('--all')).toMatchObject({ code: 0 });
  const results = await Promise.all(handles.map((handle) => handle.result()));
  expect(results.every(({ status, reused }) => status === 'succeeded' && !reused)).toBe(true);
  expect(await stack.ledger.breakers.list()).toEqual([]);
}

const retry = (handle: EraseHandle) =>
  stack.temporal.workflow.getHandle(handle.workflowId).executeUpdate('retry', { args: [BOB] });

const openCodes = async () => (await stack.ledger.breakers.list()).map(({ scope, code }) => `${scope} ${code}`);

describe('a second refusal of the account', () => {
  it('after the first erase was taken stops all others, once they are resumed', async () => {
    const [first, ...others] = await heldBy('UnauthorizedOperation', 31);
    for (const other of others) await refuse('UnauthorizedOperation', { fileId: await fileIdOf(other) });
    const refused = await refusals();
    const resumed = await resume('--all');
    expect(resumed.stderr).toMatch(/The vendor took it/);
    // It may be refused while the last are resumed, or after that.
    expect([0, 7]).toContain(resumed.code);
    expect(await (first as EraseHandle).result()).toMatchObject({ status: 'succeeded', reused: false });
    await allStayHeld(others);
    expect(await refused()).toBeGreaterThan(0);
    expect(await refused()).toBeLessThanOrEqual(await stack.mostRefused());
    await resumedAtLast(others);
  }, 180_000);

  it('is not waited for where the first one ends before the vendor is asked: the next one goes first', async () => {
    const expireAtMs = Date.now() + 8_000;
    const [first] = await heldBy(FROZEN, 1, { publish: { expireTime: new Date(expireAtMs).toISOString() } });
    const others = await heldBy(FROZEN, 3);
    await eventually('the expiry', async () => Date.now() > expireAtMs || undefined, 20_000);
    const end = await resume('--all', '--probe-timeout', '60s');
    expect([end.code, end.stderr]).toEqual([0, expect.stringContaining('The vendor took it')]);
    await expect(first?.result()).rejects.toMatchObject({ class: 'input', moneySpent: false });
    for (const handle of others) expect(await handle.result()).toMatchObject({ status: 'succeeded' });
  });

  it('is told, and resumed once more by the next command alone', async () => {
    const handles = await heldBy(FROZEN, 8);
    await refuse(FROZEN);
    const refused = await refusals();
    for (const calls of [1, 2]) {
      const again = await resume('--all');
      expect(again).toMatchObject({ code: 7, stderr: expect.stringMatching(/Refused again.*All others stay held/s) });
      expect(await refused()).toBe(calls);
    }
    await allStayHeld(handles);
    await resumedAtLast(handles);
  }, 120_000);

  it('stops what two operators resume at once', async () => {
    const handles = await heldBy(FROZEN, 20);
    await refuse(FROZEN);
    const refused = await refusals();
    const both = await Promise.all([resume('--all'), resume('--all')]);
    for (const { code } of both) expect([0, 7]).toContain(code);
    await allStayHeld(handles);
    expect(await refused()).toBeLessThanOrEqual(await stack.mostRefused());
    await resumedAtLast(handles);
  }, 120_000);

  it('stops what somebody retried run by run, and no retry of before closes it', async () => {
    const handles = await heldBy(FROZEN, 20);
    await refuse(FROZEN);
    const refused = await refusals();
    await Promise.all(handles.map(retry));
    await allStayHeld(handles);
    expect(await refused()).toBeGreaterThan(0);
    expect(await refused()).toBeLessThanOrEqual(await stack.mostRefused());
    await resumedAtLast(handles);
  }, 120_000);

  it('while a batch feeds holds what it started, and the batch waits', async () => {
    const size = 150;
    await refuse('UnauthorizedOperation');
    const id = await startFed(stack, await newRequests(stack, size));
    const stopped = (what: string) =>
      until(
        stack,
        id,
        what,
        ({ state, counts }) => state === 'held' && counts.running === 0 && counts.held > 0,
        90_000,
      );
    expect((await stopped('it is held')).counts.pending).toBeGreaterThan(50);
    const [, ...others] = await stack.ledger.holds.list();
    await stack.admin.clearFaults();
    // The dispatcher's runs are accepted until one of the held ones is refused again.
    for (const { fileId } of others) await refuse('UnauthorizedOperation', { fileId });
    const refused = await refusals();
    const { code, stderr } = await resume('--batch', id);
    expect(stderr).toMatch(/The vendor took it/);
    expect([0, 7]).toContain(code);
    await eventually('a second refusal', async () => ((await refused()) > 0 ? true : undefined), 30_000);
    const { counts } = await stopped('it is held again');
    expect(counts.succeeded).toBeGreaterThan(0);
    expect(counts.succeeded + counts.held + counts.pending).toBe(size);
    expect(await refused()).toBeLessThanOrEqual(await stack.mostRefused());
    expect(await stack.ledger.holds.list()).toHaveLength(counts.held);
    await stack.admin.clearFaults();
    expect(await resume('--batch', id)).toMatchObject({ code: 0 });
    expect(countsOf(await ended(stack, id, 100_000))).toEqual({ succeeded: size });
  }, 300_000);
});

describe('a breaker of another scope that opens meanwhile', () => {
  it('stops what is resumed in a sub-application', async () => {
    const [first, ...others] = await heldBy('UnauthorizedOperation', 20);
    for (const other of others) await refuse(FROZEN, { fileId: await fileIdOf(other) });
    const refused = await refusals();
    const { code } = await resume('--sub-app-id', String(SUB_APP));
    expect([0, 7]).toContain(code);
    await (first as EraseHandle).result();
    await allStayHeld(others);
    expect(await openCodes()).toEqual([`account ${FROZEN}`]);
    expect(await refused()).toBeLessThanOrEqual(await stack.mostRefused());
    await resumedAtLast(others);
  }, 120_000);

  it('is told at once when it stops the first', async () => {
    const handles = await heldBy('UnauthorizedOperation', 5);
    await refuse(FROZEN);
    const refused = await refusals();
    const told = await resume('--sub-app-id', String(SUB_APP));
    expect(told).toMatchObject({ code: 7, stderr: expect.stringMatching(/Refused again \(FailedOperation/) });
    expect(await refused()).toBe(1);
    await allStayHeld(handles);
    await resumedAtLast(handles);
  }, 120_000);

  it('and is not that of what is resumed stays open', async () => {
    const [one] = await heldBy('UnauthorizedOperation', 1);
    const [other] = await heldBy('UnauthorizedOperation', 1, { subAppId: OTHER_SUB_APP, batchId: 'theirs' });
    expect(await resume('--sub-app-id', String(SUB_APP))).toMatchObject({ code: 0 });
    await (one as EraseHandle).result();
    expect(await openCodes()).toEqual([`sub-app/${OTHER_SUB_APP} UnauthorizedOperation`]);
    await allStayHeld([other as EraseHandle]);
    await resumedAtLast([other as EraseHandle]);
  }, 120_000);
});

describe('a retry by hand', () => {
  it('closes the breaker that holds the run, and one that opened since only when it is told again', async () => {
    const [first, second] = (await heldBy(FROZEN, 2)) as [EraseHandle, EraseHandle];
    await refuse(FROZEN);
    const refused = await refusals();
    await retry(first);
    await eventually('a second refusal', async () => ((await refused()) === 1 ? true : undefined));
    await held([first]);
    const [again] = await stack.ledger.breakers.list();
    // Its operator saw the first breaker.
    await retry(second);
    await held([second]);
    expect(await refused()).toBe(1);
    expect(await stack.ledger.breakers.list()).toEqual([again]);
    await stack.admin.clearFaults();
    await retry(second);
    expect(await second.result()).toMatchObject({ status: 'succeeded' });
    expect(await stack.ledger.breakers.list()).toEqual([]);
    await retry(first);
    await first.result();
    const { rows } = await stack.query(
      `select action, by from audit where action like 'breaker-%' order by id desc limit 1`,
    );
    expect(rows).toEqual([{ action: 'breaker-closed', by: 'bob' }]);
  }, 60_000);

  it('works for a run that was reset while it was held', async () => {
    const [handle] = (await heldBy(FROZEN, 1)) as [EraseHandle];
    const run = stack.temporal.workflow.getHandle(handle.workflowId);
    const { workflowId, runId } = await run.describe();
    const { events } = await run.fetchHistory();
    const last = events?.findLast(({ workflowTaskCompletedEventAttributes: done }) => done);
    await stack.temporal.workflowService.resetWorkflowExecution({
      namespace: stack.env.TEMPORAL_NAMESPACE,
      workflowExecution: { workflowId, runId },
      reason: 'a test',
      requestId: 'reset-while-held',
      workflowTaskFinishEventId: last?.eventId,
    });
    const again = stack.client.getHandle(handle.workflowId);
    await held([again]);
    await retry(again);
    expect(await again.result()).toMatchObject({ status: 'succeeded' });
    expect(await stack.ledger.breakers.list()).toEqual([]);
    // That of the run before the reset.
    await stack.sql('update hold set ended_at = clock_timestamp() where ended_at is null');
  }, 60_000);

  it('of what a cap held passes no breaker that opened since', async () => {
    const cap = (...args: string[]) => runCli(['cap', ...args, ...WHO], stack.env);
    expect(await cap('set', '--total', '0')).toMatchObject({ code: 0 });
    const capped = await Promise.all([start(), start()]);
    await held(capped);
    expect(await cap('remove', '--total')).toMatchObject({ code: 0 });
    const [refusedOne] = (await heldBy(FROZEN, 1)) as [EraseHandle];
    const refused = await refusals();
    await refuse(FROZEN);
    const [open] = await stack.ledger.breakers.list();
    await Promise.all(capped.map(retry));
    await allStayHeld([...capped, refusedOne]);
    for (const handle of capped) expect((await handle.status()).held).toMatchObject({ class: 'account', code: FROZEN });
    expect(await refused()).toBe(0);
    expect(await stack.ledger.breakers.list()).toEqual([open]);
    await resumedAtLast([...capped, refusedOne]);
  }, 60_000);
});
