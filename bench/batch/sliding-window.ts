import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { rounded } from '../measure/numbers.js';
import type { Row } from '../report.js';
import type { BenchContext } from '../scenario.js';
import { World } from '../world.js';
import { feederCost } from './feeder-cost.js';

const NAME = 'sliding window of children';
const WINDOW = 50;
/** Children a run of the parent. */
const PAGE = 200;
const QUEUE = 'sliding-window';

/** Children that do nothing but report: what remains is what the way itself costs. */
export async function runSlidingWindow(group: string, items: number, { servers }: BenchContext): Promise<Row> {
  const world = await World.start(servers, { name: NAME });
  const connection = await NativeConnection.connect({ address: world.temporalServer.address });
  try {
    const worker = await Worker.create({
      connection,
      namespace: world.env.TEMPORAL_NAMESPACE ?? '',
      taskQueue: QUEUE,
      workflowsPath: fileURLToPath(new URL('./sliding-window-workflows.ts', import.meta.url)),
    });
    const workflowId = 'sliding-window';
    const seconds = await worker.runUntil(async () => {
      const startedMs = performance.now();
      await world.temporal.workflow.execute('slidingWindow', {
        taskQueue: QUEUE,
        workflowId,
        args: [{ items, window: WINDOW, page: PAGE, next: 0, open: [] }],
      });
      return (performance.now() - startedMs) / 1_000;
    });
    const cost = await feederCost(world.temporal, workflowId);
    const figures = {
      items,
      seconds: rounded(seconds, 0),
      'starts/s': rounded(items / seconds),
      'parent runs': cost.runs,
      'most events a run': cost.mostEvents,
      'parent events an item': rounded(cost.events / items),
    };
    return { group, name: NAME, figures, promises: [], goals: [] };
  } finally {
    await connection.close();
    await world.stop();
  }
}
