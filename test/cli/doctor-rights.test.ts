import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { createTestNamespace } from '../support/temporal.js';

let stack: EraseStack;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  stack = await EraseStack.start();
  env = { ...stack.env, VOD_SUB_APP_ID: '1500000001' };
});
afterEach(() => stack.admin.clearFaults());
afterAll(() => stack.stop());

interface Check {
  verdict: string;
  found: string;
  advice: string | null;
}

async function doctor(args: string[] = [], more: NodeJS.ProcessEnv = {}) {
  const { code, stdout } = await runCli(['doctor', '-o', 'jsonl', ...args], { ...env, ...more });
  const checks = stdout.trim().split('\n');
  const byName = new Map(checks.map((line) => JSON.parse(line) as Check & { name: string }).map((c) => [c.name, c]));
  return { code, check: (name: string) => byName.get(name) };
}

describe('the doctor, about rights at the vendor', () => {
  it('finds them by calls that change nothing', async () => {
    const { code, check } = await doctor();
    expect(code).toBe(0);
    expect(check('Vendor rights')).toMatchObject({ verdict: 'ok', found: expect.stringContaining('SearchMedia') });
    expect(check('Right to submit')).toBeUndefined();
    expect(await stack.outcomes('ProcessMediaByMPS')).toEqual([]);
  });

  it.each(['DescribeMediaInfos', 'DescribeTasks'])('names the missing action: %s', async (action) => {
    await stack.admin.addFault({ action, kind: 'error', code: 'UnauthorizedOperation', times: 5 });
    const { code, check } = await doctor();
    expect(code).toBe(7);
    expect(check('Vendor rights')).toMatchObject({
      verdict: 'fail',
      found: expect.stringContaining(`vod:${action} for sub-application 1500000001`),
      advice: expect.stringContaining('docs/cam.md'),
    });
  });

  it('tries a submit only when it is asked to, for a file that nobody has, and says so', async () => {
    const { code, check } = await doctor(['--probe-submit']);
    expect(code).toBe(0);
    expect(check('Right to submit')).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(/file 1000000000000000001, which does not exist, was refused with \S+ \(RequestId /),
    });
    expect(await stack.outcomes('ProcessMediaByMPS')).toHaveLength(1);
    expect(await stack.admin.tasks()).toEqual([]);
  });

  it('tries the rights to cancel and to publish only when it is asked to, and names the one that is missing', async () => {
    const WRITES = ['ManageTask', 'ModifyMediaInfo', 'ProcessMediaByProcedure', 'PushUrlCache'];
    for (const action of WRITES) expect(await stack.outcomes(action)).toEqual([]);
    const { code, check } = await doctor(['--probe-writes']);
    expect(code).toBe(0);
    expect(check('Rights to write')).toMatchObject({ verdict: 'ok', found: `may call ${WRITES.join(', ')}` });
    for (const action of WRITES) {
      await stack.admin.addFault({ action, kind: 'error', code: 'UnauthorizedOperation', times: 1 });
      const refused = await doctor(['--probe-writes']);
      expect(refused.code).toBe(7);
      expect(refused.check('Rights to write')).toMatchObject({
        verdict: 'fail',
        found: expect.stringContaining(`does not allow vod:${action} for sub-application`),
        advice: expect.stringContaining('docs/cam.md'),
      });
    }
  });

  it('tells a submit that is not allowed from one that is', async () => {
    const fault = { action: 'ProcessMediaByMPS', kind: 'error', code: 'UnauthorizedOperation' } as const;
    await stack.admin.addFault(fault);
    const { code, check } = await doctor(['--probe-submit']);
    expect(code).toBe(7);
    expect(check('Right to submit')).toMatchObject({
      verdict: 'fail',
      found: expect.stringContaining('vod:ProcessMediaByMPS'),
    });
  });
});

describe('the doctor, about a namespace of somebody else', () => {
  it('says exactly what to create, for a server of one’s own and for Temporal Cloud', async () => {
    const namespace = await createTestNamespace('theirs', ['EraseTaskId']);
    const { code, check } = await doctor([], { TEMPORAL_NAMESPACE: namespace });
    expect(code).toBe(0);
    const found = check('Search attributes');
    expect(found).toMatchObject({ verdict: 'warn', found: expect.stringContaining('ErasePhase') });
    expect(found?.advice).toContain(
      `temporal operator search-attribute create --namespace ${namespace} --name ErasePhase --type Keyword`,
    );
    expect(found?.advice).toContain(
      `tcld namespace search-attributes add --namespace ${namespace} --sa ErasePhase=Keyword`,
    );
    expect(found?.advice).not.toContain('EraseTaskId');
  });
});
