import { costOf, histories, type RunCost } from '../measure/histories.js';
import { proportionalMegabytes, residentMegabytes, sumOf } from '../measure/processes.js';
import { scaledSettings } from '../scaled-settings.js';
import { World } from '../world.js';
import { COST_SAMPLE, type Contender, type PeerRun } from './contender.js';

/** This project: one worker process, its ledger, and a Temporal server of its own. */
export const OURS: Contender = {
  name: 'this project',
  isOurs: true,
  async start(run: PeerRun) {
    const { servers, simulator, secretId, secretKey, scale } = run;
    const world = await World.start(servers, {
      name: 'peers',
      sharedSimulator: { process: simulator, secretId, secretKey },
      env: scaledSettings(scale),
    });
    const workflowIds = await world.startErases(run.fileIds);
    let worker = await world.startWorker();
    return {
      doneCount: () => world.succeededRuns(),
      async results() {
        const found = new Map<string, string>();
        for (const [at, fileId] of run.fileIds.entries()) {
          const handle = world.temporal.workflow.getHandle(workflowIds[at] ?? '');
          if ((await handle.describe()).status.name !== 'COMPLETED') continue;
          found.set(fileId, String(((await handle.result()) as { resultFileId: unknown }).resultFileId));
        }
        return found;
      },
      async killAndRestart() {
        await world.kill(worker);
        worker = await world.startWorker();
      },
      workerPids: () => [worker.pid],
      serviceMegabytes: () =>
        sumOf([residentMegabytes(world.temporalServer.pid()), proportionalMegabytes(servers.postgres.pid)]),
      async costs() {
        const costs: RunCost[] = [];
        for await (const events of histories(world.temporal, workflowIds.slice(0, COST_SAMPLE)))
          costs.push(costOf(events));
        return costs;
      },
      async stop() {
        for (const line of world.complaints.slice(0, 5)) run.say(`worker: ${line}`);
        await world.stop();
      },
    };
  },
};
