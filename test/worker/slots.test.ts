import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { startWatchedWorker, type WatchedWorker } from '../support/worker-process.js';

const ERASES = 60;

let stack: EraseStack;
let worker: WatchedWorker;

beforeAll(async () => {
  stack = await EraseStack.start({
    simulator: { taskDurationMs: 600_000, submitsPerSecond: 0 },
    env: { SMART_ERASE_WATCH: 'on', VOD_SUBMIT_RPS: '100', VOD_POLL_FIRST_SECONDS: '300', VOD_POLL_MAX_SECONDS: '600' },
  });
  worker = await startWatchedWorker(stack, {});
});
afterAll(async () => {
  worker?.process.kill('SIGKILL');
  await stack?.stop();
});

/** Slots of a worker that are taken, of activities and of workflow tasks, over all its queues. */
async function usedSlots(): Promise<{ activities: number; workflowTasks: number }> {
  const text = await worker.metrics();
  const sum = (type: string) =>
    [...text.matchAll(new RegExp(`^temporal_worker_task_slots_used\\{[^}]*worker_type="${type}"[^}]*\\} (\\d+)`, 'gm'))]
      .map((match) => Number(match[1]))
      .reduce((a, b) => a + b, 0);
  expect(text).toMatch(/^temporal_worker_task_slots_used\{/m);
  return { activities: sum('ActivityWorker'), workflowTasks: sum('WorkflowWorker') };
}

describe('erases that wait for their tasks', () => {
  it('hold no slot of their worker', { timeout: 90_000 }, async () => {
    await Promise.all(Array.from({ length: ERASES }, async () => stack.client.start(await stack.request())));
    await eventually('all to wait', async () => {
      const { rows } = await stack.query('select count(*)::integer as n from waiter');
      return rows[0].n === ERASES || undefined;
    });
    // The one activity that is left is the completion watch of their sub-application.
    await eventually('their slots to be free', async () => {
      const { activities, workflowTasks } = await usedSlots();
      return (activities === 1 && workflowTasks === 0) || undefined;
    });
    for (let look = 0; look < 10; look += 1) expect((await usedSlots()).activities).toBeLessThanOrEqual(1);
    expect((await stack.admin.tasks()).filter(({ status }) => status === 'PROCESSING')).toHaveLength(ERASES);
  });
});
