import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const ERASES = 20;
/** The longest outage that is promised to lose nothing, in milliseconds; the vendor remembers a task for 72 hours. */
const OUTAGE_MS = 60 * 3_600_000;
const DEADLINE_MS = 3_000;

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
});
afterAll(() => stack.stop());

describe('an outage of 60 hours', () => {
  it('loses no task: what ended meanwhile, even after its deadline, is read first of all', async () => {
    // No poll of a task before the worker is gone.
    await stack.startWorker({ VOD_POLL_FIRST_SECONDS: '2', VOD_POLL_MAX_SECONDS: '2' });
    const handles = await Promise.all(
      Array.from({ length: ERASES }, async () =>
        stack.client.start(await stack.request({ deadlineHours: DEADLINE_MS / 3_600_000 })),
      ),
    );
    await eventually('all submits', async () => ((await stack.admin.tasks()).length === ERASES ? true : undefined));
    await stack.stopWorkers();
    const unread = (await Promise.all(handles.map((handle) => handle.status()))).filter(
      (s) => s.execution === 'running',
    );
    expect(unread.length).toBeGreaterThan(0);
    const submittedLastMs = Date.now();
    await eventually('all tasks to end and all deadlines to pass', async () => {
      const ended = (await stack.admin.tasks()).every((task) => task.status === 'FINISH');
      return ended && Date.now() > submittedLastMs + DEADLINE_MS ? true : undefined;
    });
    await stack.admin.age(OUTAGE_MS);

    await stack.startWorker();
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results.map((r) => r.status)).toEqual(Array(ERASES).fill('succeeded'));
    expect(await stack.outcomes('ProcessMediaByMPS')).toEqual(Array(ERASES).fill('ok'));
  });
});
