import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const SUB_APP_ID = 1;

let database: TestDatabase;
let ledger: Ledger;
let tasks = 0;

beforeAll(async () => {
  database = await createTestDatabase('leave-task');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

/** A task that `payer` submitted, and for which those named wait. */
async function taskOf(payer: string, ...waiting: string[]): Promise<string> {
  tasks += 1;
  const taskId = `task-${tasks}`;
  const begun = await ledger.submissions.begin(intentOf(`file-${tasks}`, { workflowId: payer, runId: `${payer}-run` }));
  if (begun.kind !== 'send') throw new Error(begun.kind);
  await ledger.submissions.accepted(begun.submission, { taskId, requestId: null, adopted: false });
  for (const workflowId of waiting) await waits(taskId, workflowId);
  return taskId;
}

const waits = (taskId: string, workflowId: string) =>
  ledger.watch.register({ taskId, workflowId, runId: `${workflowId}-run`, subAppId: SUB_APP_ID });
const leave = async (taskId: string, workflowId: string) => {
  const left = await ledger.watch.leaveTask(taskId, workflowId);
  return left.kind === 'waitedFor' ? left.others.map((other) => other.workflowId) : left.kind;
};

describe('who leaves a task', () => {
  it.each([
    ['its payer, with nobody else', ['a'], [['a', 'mayEnd']]],
    ['its payer, for whom nobody registered', [], [['a', 'mayEnd']]],
    ['a run that joined, while the payer waits', ['a', 'b'], [['b', 'another']]],
    ['a run that joined, while the payer has yet to wait', ['b'], [['b', 'another']]],
    [
      'its payer first',
      ['a', 'b', 'c'],
      [
        ['a', ['b', 'c']],
        ['b', ['c']],
        ['c', 'mayEnd'],
      ],
    ],
    [
      'its payer in between',
      ['a', 'b', 'c'],
      [
        ['b', 'another'],
        ['a', ['c']],
        ['c', 'mayEnd'],
      ],
    ],
    [
      'its payer last',
      ['a', 'b', 'c'],
      [
        ['b', 'another'],
        ['c', 'another'],
        ['a', 'mayEnd'],
      ],
    ],
    [
      'the same run twice, as after a worker that died',
      ['a', 'b'],
      [
        ['a', ['b']],
        ['a', ['b']],
        ['b', 'mayEnd'],
        ['b', 'mayEnd'],
        ['a', 'mayEnd'],
      ],
    ],
  ] as [string, string[], [string, string | string[]][]][])('%s', async (_who, waiting, steps) => {
    const taskId = await taskOf('a', ...waiting);
    for (const [workflowId, expected] of steps) expect(await leave(taskId, workflowId)).toEqual(expected);
  });

  it('the payer, started again, is one that waits', async () => {
    const taskId = await taskOf('a', 'a', 'b');
    expect(await leave(taskId, 'a')).toEqual(['b']);
    await waits(taskId, 'a');
    expect(await leave(taskId, 'b')).toEqual(['a']);
    expect(await leave(taskId, 'a')).toBe('mayEnd');
  });

  it('all at once: exactly one may end it, or the payer may', async () => {
    for (let round = 0; round < 20; round += 1) {
      const taskId = await taskOf('a', 'a', 'b', 'c', 'd');
      const left = await Promise.all(['b', 'a', 'c', 'd'].map((workflowId) => leave(taskId, workflowId)));
      expect(left.filter((each) => each === 'mayEnd')).toHaveLength(1);
    }
  });

  it('a row of a run that is gone is taken out, and no other', async () => {
    const taskId = await taskOf('a', 'a', 'b', 'c');
    const [b] = await ledger.watch.otherWaiters(taskId, 'a');
    expect(b).toMatchObject({ workflowId: 'b', runId: 'b-run' });
    await ledger.watch.forgetWaiter(taskId, { namespace: '', workflowId: 'c', runId: 'an older run' });
    await ledger.watch.forgetWaiter(taskId, b ?? { namespace: '', workflowId: '', runId: '' });
    expect(await leave(taskId, 'a')).toEqual(['c']);
  });

  it('a task that is in no books is another’s', async () => {
    expect(await leave('unheard of', 'a')).toBe('another');
  });
});

describe('a review’s word on a result', () => {
  it('stands with it until a later one approves', async () => {
    const taskId = await taskOf('a');
    const rejected = async () => (await ledger.submissions.findByTask(taskId))?.rejected;
    expect(await rejected()).toBeNull();
    await ledger.submissions.recordReview(taskId, { decision: 'reject', by: 'ann', reason: 'a logo is left' });
    expect(await rejected()).toEqual({ at: expect.any(Date), by: 'ann', reason: 'a logo is left' });
    await ledger.submissions.recordReview(taskId, { decision: 'reject', by: null, reason: 'nobody decided' });
    expect(await rejected()).toMatchObject({ by: null, reason: 'nobody decided' });
    await ledger.submissions.recordReview(taskId, { decision: 'approve', by: 'ben', reason: 'looked again' });
    expect(await rejected()).toBeNull();
  });
});

describe('who reviews a result', () => {
  it('is told to others, from the moment at which the run waits for the task until it leaves', async () => {
    const [a, b] = ['a', 'b'].map((workflowId) => ({ workflowId: `reviews-${workflowId}`, runId: 'run' }));
    if (a === undefined || b === undefined) throw new Error();
    const named = async () => (await ledger.phases.reviewers('task-r', b.workflowId)).map((r) => r.workflowId);
    await ledger.phases.enter(a, 'toReview', 'task-r');
    await ledger.phases.enter(b, 'toReview', 'task-r');
    expect(await named()).toEqual([a.workflowId]);
    await ledger.phases.enter(a, 'review', 'task-r');
    expect(await named()).toEqual([a.workflowId]);
    expect(await ledger.phases.reviewers('task-other', b.workflowId)).toEqual([]);
    await ledger.phases.enter(a, 'publishing', 'task-r');
    expect(await named()).toEqual([]);
  });
});
