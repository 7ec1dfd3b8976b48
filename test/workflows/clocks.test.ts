import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

/** A stack whose database has another clock than the worker and the vendor: `by` is an interval, such as `-10 minutes`. */
async function stackWithDatabaseClock(by: string): Promise<EraseStack> {
  const stack = await EraseStack.start({ simulator: { taskDurationMs: 600_000, maxConcurrentTasks: 1 } });
  await stack.sql(`
    create schema skew;
    create function skew.clock_timestamp() returns timestamptz language sql volatile
      as $$ select pg_catalog.clock_timestamp() + interval '${by}' $$;
    do $$ begin
      execute format('alter database %I set search_path = skew, pg_catalog, public', current_database());
    end $$;`);
  await stack.startWorker();
  // Fills the house, so that what comes next is WAITING.
  await stack.client.start(await stack.request());
  await eventually('the house to be full', async () => ((await stack.admin.tasks()).length > 0 ? true : undefined));
  return stack;
}

describe.each(['-10 minutes', '10 minutes'])('a database whose clock is off by %s', (by) => {
  let stack: EraseStack;
  beforeAll(async () => {
    stack = await stackWithDatabaseClock(by);
  });
  afterAll(() => stack.stop());

  async function inDoubt() {
    const request = await stack.request();
    for (const fault of [{ kind: 'drop-after-accept' }, { kind: 'late-listing', ms: 3_000 }] as const) {
      await stack.admin.addFault({ action: 'ProcessMediaByMPS', fileId: request.fileId, ...fault });
    }
    const handle = await stack.client.start(request);
    await eventually('a lost answer', async () =>
      (await stack.outcomes('ProcessMediaByMPS', request.fileId)).includes('dropped') ? true : undefined,
    );
    return { request, handle };
  }

  it('does not make a submit in doubt be paid twice', async () => {
    const { request, handle } = await inDoubt();
    const { taskId } = await eventually('an accepted submit', async () => {
      const status = await handle.status();
      return status.phase === 'waiting' ? status : undefined;
    });
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['dropped']);
    expect(await stack.ledger.submissions.findByTask(taskId ?? '')).toMatchObject({ adopted: true });
    await eventually('a look at the task', async () =>
      (await stack.outcomes('DescribeTaskDetail', request.fileId)).length > 2 ? true : undefined,
    );
  });

  it('does not make a cancel miss the task of a submit in doubt', async () => {
    const { handle } = await inDoubt();
    await handle.cancel('not needed');
    await expect(handle.result()).rejects.toMatchObject({ class: 'cancelled', code: 'Aborted', moneySpent: false });
  });
});
