import { Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { type GrpcGate, startGrpcGate } from '../support/grpc-gate.js';
import { createTestNamespace, sharedTemporal } from '../support/temporal.js';

let stack: EraseStack;
let env: NodeJS.ProcessEnv;
let gate: GrpcGate | undefined;

beforeAll(async () => {
  stack = await EraseStack.start();
  env = { ...stack.env, VOD_SUB_APP_ID: '1500000001' };
});
afterEach(async () => {
  await gate?.close();
  gate = undefined;
});
afterAll(() => stack.stop());

interface Check {
  name: string;
  verdict: string;
  found: string;
  advice: string | null;
}

async function doctor(more: NodeJS.ProcessEnv = {}) {
  const { code, stdout } = await runCli(['doctor', '-o', 'jsonl'], { ...env, ...more });
  const checks = stdout.trim().split('\n');
  const byName = new Map(checks.map((line) => JSON.parse(line) as Check).map((c) => [c.name, c]));
  return { code, check: (name: string) => byName.get(name) };
}

/** The shared server, seen by a caller who lacks some rights. */
async function without(...calls: string[]): Promise<NodeJS.ProcessEnv> {
  gate = await startGrpcGate(sharedTemporal().address, calls);
  return { TEMPORAL_ADDRESS: gate.address };
}

describe('the doctor, about the server and the namespace', () => {
  it('tells its version, how long runs are kept, and that a day is short', async () => {
    const { check } = await doctor();
    expect(check('Temporal')).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(/^server \d+\.\d+\.\d+ at /),
    });
    expect(check('Retention')).toMatchObject({
      verdict: 'warn',
      found: expect.stringContaining('24 hours'),
      advice: expect.stringContaining(
        `temporal operator namespace update --namespace ${env.TEMPORAL_NAMESPACE} --retention 72h`,
      ),
    });
  });

  it('tells how many search attributes fit in yet', async () => {
    const bare = await createTestNamespace('slots', ['EraseTaskId', 'ErasePhase', 'SomebodyElses']);
    const { check } = await doctor({ TEMPORAL_NAMESPACE: bare });
    expect(check('Search attributes')).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(/^EraseTaskId, ErasePhase; .*sqlite has room for 7 more of type Keyword$/),
    });
  });

  it('asks for the two that are needed and no more', async () => {
    const { code, check } = await doctor({ TEMPORAL_NAMESPACE: await createTestNamespace('none', []) });
    expect(code).toBe(0);
    const found = check('Search attributes');
    expect(found).toMatchObject({
      verdict: 'warn',
      found: expect.stringMatching(/^EraseTaskId, ErasePhase not registered/),
    });
    expect(found?.advice).toContain('Run `smart-erase setup`');
    expect(found?.advice).not.toMatch(/EraseFileId|EraseBatchId/);
  });
});

describe('the doctor, about rights in Temporal', () => {
  it('finds them by calls that do nothing', async () => {
    const { check } = await doctor();
    expect(check('Temporal rights')).toMatchObject({
      verdict: 'ok',
      found: expect.stringContaining('StartWorkflowExecution, PollWorkflowTaskQueue'),
    });
    const { count } = await stack.temporal.workflow.count();
    expect(count).toBe(0);
  });

  it('names the calls that are missing', async () => {
    const { code, check } = await doctor(await without('StartWorkflowExecution', 'PollActivityTaskQueue'));
    expect(code).toBe(4);
    expect(check('Temporal rights')).toMatchObject({
      verdict: 'fail',
      found: expect.stringContaining('may not call StartWorkflowExecution, PollActivityTaskQueue'),
    });
  });

  it('without the right to create search attributes, says who has to create what', async () => {
    const namespace = await createTestNamespace('closed', ['ErasePhase']);
    const { code, check } = await doctor({ ...(await without('AddSearchAttributes')), TEMPORAL_NAMESPACE: namespace });
    expect(code).toBe(0);
    expect(check('Search attributes')).toMatchObject({
      verdict: 'warn',
      advice: expect.stringMatching(
        /^This caller may not create them; have an administrator do it: `temporal operator/,
      ),
    });
    expect(check('Search attributes')?.advice).toContain(`--namespace ${namespace} --name EraseTaskId --type Keyword`);
  });

  it('where they cannot even be read, gives the command for both', async () => {
    const { code, check } = await doctor(await without('ListSearchAttributes'));
    expect(code).toBe(0);
    expect(check('Search attributes')?.advice).toContain(
      '--name EraseTaskId --type Keyword --name ErasePhase --type Keyword',
    );
  });
});

describe('setup, in a namespace of somebody else', () => {
  const setup = (more: NodeJS.ProcessEnv, ...args: string[]) =>
    runCli(['setup', '--skip-ledger', '-o', 'json', ...args], { ...env, ...more });

  async function registered(namespace: string): Promise<string[]> {
    const connection = await Connection.connect({ address: sharedTemporal().address });
    try {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      return Object.keys(customAttributes).sort();
    } finally {
      await connection.close();
    }
  }

  it('registers the two that are needed, and the others when it is asked to', async () => {
    const namespace = await createTestNamespace('asked', []);
    expect((await setup({ TEMPORAL_NAMESPACE: namespace })).code).toBe(0);
    expect(await registered(namespace)).toEqual(['ErasePhase', 'EraseTaskId']);
    expect((await setup({ TEMPORAL_NAMESPACE: namespace }, '--optional')).code).toBe(0);
    expect(await registered(namespace)).toEqual(['EraseBatchId', 'EraseFileId', 'ErasePhase', 'EraseTaskId']);
  });

  it('is not in the way of an attribute of another type that it does not ask for', async () => {
    const namespace = await createTestNamespace('theirs', []);
    const connection = await Connection.connect({ address: sharedTemporal().address });
    try {
      // 3 is Int in temporal.api.enums.v1.IndexedValueType.
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: { EraseFileId: 3 } });
    } finally {
      await connection.close();
    }
    expect((await setup({ TEMPORAL_NAMESPACE: namespace })).code).toBe(0);
    const refused = await setup({ TEMPORAL_NAMESPACE: namespace }, '--optional');
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('EraseFileId');
    expect(await registered(namespace)).toEqual(['EraseFileId', 'ErasePhase', 'EraseTaskId']);
  });

  it('without the right, says exactly what to create', async () => {
    const namespace = await createTestNamespace('refused', []);
    const { code, stderr } = await setup({ ...(await without('AddSearchAttributes')), TEMPORAL_NAMESPACE: namespace });
    expect(code).toBe(4);
    expect(stderr).toContain('may not register search attributes');
    expect(stderr).toContain(
      `temporal operator search-attribute create --namespace ${namespace} --name EraseTaskId --type Keyword --name ErasePhase --type Keyword`,
    );
    expect(stderr).toContain('Erases run without them');
  });

  it('without a free slot, says so', async () => {
    const nine = Array.from({ length: 9 }, (_, at) => `Theirs${at}`);
    const namespace = await createTestNamespace('full', nine);
    const { code, stderr } = await setup({ TEMPORAL_NAMESPACE: namespace });
    expect(code).toBe(4);
    expect(stderr).toContain('takes no more search attributes, and ErasePhase (Keyword) is missing');
    expect(await registered(namespace)).toContain('EraseTaskId');
  });

  it('erases run all the same, in a namespace that has none of them', async () => {
    const bare = await EraseStack.start({ searchAttributes: [] });
    try {
      await bare.startWorker();
      const handle = await bare.client.start(await bare.request());
      expect(await handle.result()).toMatchObject({ status: 'succeeded' });
      expect(await handle.status()).toMatchObject({ phase: 'succeeded' });
    } finally {
      await bare.stop();
    }
  });
});
