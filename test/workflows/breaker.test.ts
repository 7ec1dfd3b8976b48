import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EraseHandle } from '../../src/client.js';
import type { EraseRequest } from '../../src/contract/request.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const OTHER_SUB_APP = 1500000002;
/** Erases that wait when the account is refused; `BREAKER_ERASES=2000` shows the same with more (about ten minutes). */
const WAITING = Number(process.env.BREAKER_ERASES ?? 120);

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start({
    simulator: { subAppIds: [1500000001, OTHER_SUB_APP] },
    env: { VOD_THROTTLED_TOO_LONG_SECONDS: '2' },
  });
  await stack.startWorker();
});
afterAll(() => stack.stop());
beforeEach(async () => {
  await stack.admin.clearFaults();
  await stack.closeBreakers();
});

const refuseAll = (code: string) =>
  stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code, times: 100_000 });

async function start(fields: Partial<EraseRequest> = {}): Promise<EraseHandle> {
  const request = await stack.request();
  if (fields.subAppId === OTHER_SUB_APP) {
    await stack.admin.addMedia([
      { fileId: request.fileId, subAppId: OTHER_SUB_APP, name: 'other', duration: 1, width: 640, height: 360 },
    ]);
  }
  return await stack.client.start({ ...request, ...fields });
}

const inPhase = (handle: EraseHandle, phase: string) =>
  eventually(`${handle.workflowId} ${phase}`, async () => ((await handle.status()).phase === phase ? true : undefined));

const submitsSince = async (before: number) => (await stack.outcomes('ProcessMediaByMPS')).slice(before);
const submitsSoFar = async () => (await stack.outcomes('ProcessMediaByMPS')).length;

const cli = (...args: string[]) => runCli([...args, '-o', 'json'], stack.env, { timeoutMs: 50_000 + WAITING * 200 });

describe('a refusal of the account', () => {
  it('stops a whole backlog after a handful of calls, and one that goes first lets it go on', {
    timeout: 180_000 + WAITING * 600,
  }, async () => {
    const before = await submitsSoFar();
    await refuseAll('FailedOperation.UserStatusInavlid');
    const requests = await Promise.all(Array.from({ length: WAITING }, () => stack.request({ batchId: 'arrears' })));
    const handles = await Promise.all(requests.map((request) => stack.client.start(request)));
    await eventually(
      'all to be held',
      async () => ((await stack.ledger.holds.list({ limit: WAITING })).length === handles.length ? true : undefined),
      90_000 + WAITING * 200,
    );
    const refused = await submitsSince(before);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(await stack.mostRefused());
    expect(await stack.ledger.breakers.list()).toMatchObject([
      { scope: 'account', code: 'FailedOperation.UserStatusInavlid' },
    ]);

    // A worker that starts now finds the breaker as it is.
    await stack.stopWorkers();
    await stack.startWorker();
    const late = await start();
    await inPhase(late, 'held');
    expect((await late.status()).held).toMatchObject({
      class: 'account',
      message: expect.stringMatching(/stopped since/),
    });
    expect(await submitsSince(before)).toHaveLength(refused.length);

    // Still refused: one call shows it, and all others stay held.
    const tooEarly = await cli('resume', '--all', '--reason', 'I think it is paid', '--by', 'alice');
    expect(tooEarly).toMatchObject({ code: 7, stderr: expect.stringMatching(/Refused again/) });
    expect(await submitsSince(before)).toHaveLength(refused.length + 1);

    await stack.admin.clearFaults();
    const resumed = await cli('resume', '--all', '--reason', 'the bill is paid', '--by', 'alice');
    expect(resumed).toMatchObject({ code: 0 });
    const results = await Promise.all([...handles, late].map((handle) => handle.result()));
    expect(results.every((r) => r.status === 'succeeded' && !r.reused)).toBe(true);
    expect(await stack.ledger.breakers.list()).toEqual([]);
    expect(await stack.ledger.holds.list()).toEqual([]);
    expect((await stack.admin.tasks()).filter((t) => requests.some((r) => r.fileId === t.fileId))).toHaveLength(
      WAITING,
    );
  });

  it('of one sub-application leaves the others alone', async () => {
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'UnauthorizedOperation' });
    const first = await start();
    await inPhase(first, 'held');
    const blocked = await start();
    await inPhase(blocked, 'held');
    const other = await start({ subAppId: OTHER_SUB_APP });
    expect(await other.result()).toMatchObject({ status: 'succeeded' });
    expect(await stack.ledger.breakers.list()).toMatchObject([{ scope: 'sub-app/1500000001' }]);
    const resumed = await cli('resume', '--sub-app-id', '1500000001', '--reason', 'policy corrected', '--by', 'alice');
    expect(resumed.code).toBe(0);
    await Promise.all([first.result(), blocked.result()]);
  });

  it('ends by a retry from anywhere, such as the Temporal UI', async () => {
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'AuthFailure.SignatureFailure' });
    const handle = await start();
    await inPhase(handle, 'held');
    await stack.temporal.workflow
      .getHandle(handle.workflowId)
      .executeUpdate('retry', { args: [{ by: 'bob', reason: 'keys renewed' }] });
    expect(await handle.result()).toMatchObject({ status: 'succeeded' });
    expect(await stack.ledger.breakers.list()).toEqual([]);
  });

  it('shows in the list', async () => {
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'IpNotInWhitelist' });
    const handle = await start();
    await inPhase(handle, 'held');
    const listed = await eventually('the held one in the list', async () => {
      const { stdout } = await cli('list', '--phase', 'held');
      const rows = JSON.parse(stdout) as { workflowId: string; held: { code: string } | null }[];
      return rows.find((row) => row.workflowId === handle.workflowId);
    });
    expect(listed.held).toMatchObject({ class: 'account', code: 'IpNotInWhitelist' });
    const skipped = await cli('skip', handle.workflowId, '--reason', 'not from here', '--by', 'alice');
    expect(skipped.code).toBe(0);
    await expect(handle.result()).rejects.toMatchObject({
      class: 'skipped',
      message: expect.stringMatching(/alice.*not from here/),
    });
    const again = await cli('skip', handle.workflowId, '--reason', 'twice', '--by', 'alice');
    expect(again.code).toBe(9);
  });

  it('is kept in the audit with who resumed, and why', async () => {
    const { rows } = await stack.query('select action, by, reason from audit order by id');
    expect(rows).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ action: 'breaker-opened', reason: expect.stringContaining('UserStatusInavlid') }),
        { action: 'resume', by: 'alice', reason: 'the bill is paid' },
        { action: 'breaker-closed', by: 'alice', reason: 'the bill is paid' },
        { action: 'breaker-closed', by: 'bob', reason: 'keys renewed' },
        { action: 'hold-ended', by: 'bob', reason: 'keys renewed' },
      ]),
    );
  });
});

describe('throttling without end', () => {
  it('opens the breaker, and the erases are held', async () => {
    await refuseAll('RequestLimitExceeded');
    const handles = [await start(), await start()];
    await eventually(
      'the breaker',
      async () => ((await stack.ledger.breakers.list()).length > 0 ? true : undefined),
      60_000,
    );
    expect(await stack.ledger.breakers.list()).toMatchObject([
      { scope: 'account', code: 'RequestLimitExceeded', message: expect.stringMatching(/no submit was accepted/) },
    ]);
    await Promise.all(handles.map((handle) => inPhase(handle, 'held')));
    await stack.admin.clearFaults();
    expect((await cli('resume', '--all', '--reason', 'the other program is stopped', '--by', 'alice')).code).toBe(0);
    await Promise.all(handles.map((handle) => handle.result()));
  });

  it('for a moment does not', async () => {
    await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'RequestLimitExceeded', times: 1 });
    expect(await (await start()).result()).toMatchObject({ status: 'succeeded' });
    expect(await stack.ledger.breakers.list()).toEqual([]);
  });
});

describe('resume', () => {
  it('says which it wants to know', async () => {
    expect(await cli('resume', '--reason', 'x')).toMatchObject({ code: 2, stderr: expect.stringMatching(/--all/) });
    expect(await cli('resume', 'erase/none', '--reason', 'x', '--by', 'a')).toMatchObject({ code: 2 });
  });
});
