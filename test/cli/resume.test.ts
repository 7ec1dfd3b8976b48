import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
});
afterAll(() => stack.stop());

/** Held in the books alone: no run of these ids exists. */
async function hold(at: number, errorClass: string): Promise<void> {
  await stack.ledger.holds.record({
    workflowId: `erase/${errorClass}-${at}`,
    runId: '01a20609-2209-7229-9cc0-64a6160657b3',
    subAppId: 1500000001,
    fileId: String(at),
    batchId: null,
    stage: 'submit',
    class: errorClass,
    code: null,
    message: 'held by a test',
    requestId: null,
    submission: null,
  });
}

it('finds what it may resume behind any number that it may not, and says how many those are', async () => {
  // More than one page of holds.
  const uncertain = 600;
  for (let at = 0; at < uncertain; at += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, more) => hold(at + more, 'uncertain')));
  }
  await hold(uncertain, 'account');
  const { code, stdout, stderr } = await runCli(
    ['resume', '--all', '--reason', 'paid', '--by', 'ann', '-o', 'json'],
    stack.env,
  );
  expect(stderr).toContain('smart-erase status erase/uncertain-');
  expect(JSON.parse(stdout)).toEqual({ resumed: 0, gone: 1, oneByOne: uncertain });
  expect(code).toBe(0);
});
