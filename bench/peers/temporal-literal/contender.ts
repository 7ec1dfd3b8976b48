import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { createNamespace } from '../../../test/faults/servers.js';
import { costOf, histories, type RunCost } from '../../measure/histories.js';
import { residentMegabytes } from '../../measure/processes.js';
import { COST_SAMPLE, type Contender, type PeerRun } from '../contender.js';
import { buildPeers, requestTimeoutSeconds, settingsOf, startPeer } from '../process.js';
import { LITERAL, type LiteralInput, workflowIdOf } from './names.js';

const STARTS_AT_A_TIME = 50;
/** A call's own timeout fires first; what is left is for the answer to be handed over. */
const BEYOND_CALL_MS = 10_000;

/** Temporal as the public samples show it: queue rate limit, activities with retry policies, polling by retries. */
export const TEMPORAL_LITERAL: Contender = {
  name: 'Temporal, literal',
  async start(run: PeerRun) {
    const server = await run.servers.startTemporal();
    const namespace = `literal_${randomBytes(3).toString('hex')}`;
    await createNamespace(server.address, namespace);
    const connection = await Connection.connect({ address: server.address });
    const client = new Client({ connection, namespace });
    const bundle = join(run.folder, 'workflow-bundle.js');
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(buildPeers(), 'temporal-literal/workflow.js'),
      logger: new DefaultLogger('ERROR'),
    });
    writeFileSync(bundle, code);
    const input = (fileId: string): LiteralInput => ({
      fileId,
      submitQueue: LITERAL.submitQueue,
      pollMs: settingsOf(run).pollMs,
      callTimeoutMs: requestTimeoutSeconds(run) * 1_000 + BEYOND_CALL_MS * run.scale,
    });
    let next = 0;
    const lane = async () => {
      for (let at = next++; at < run.fileIds.length; at = next++) {
        const fileId = run.fileIds[at] as string;
        const options = { workflowId: workflowIdOf(fileId), taskQueue: LITERAL.queue, args: [input(fileId)] };
        await client.workflow.start(LITERAL.workflow, options);
      }
    };
    await Promise.all(Array.from({ length: STARTS_AT_A_TIME }, lane));
    const env = { TEMPORAL_ADDRESS: server.address, TEMPORAL_NAMESPACE: namespace, WORKFLOW_BUNDLE: bundle };
    const start = () => startPeer(run, 'temporal-literal/worker.js', env);
    let worker = await start();
    return {
      async doneCount() {
        return (await client.workflow.count("ExecutionStatus = 'Completed'")).count;
      },
      async results() {
        const found = new Map<string, string>();
        for (const fileId of run.fileIds) {
          const handle = client.workflow.getHandle(workflowIdOf(fileId));
          if ((await handle.describe()).status.name === 'COMPLETED') found.set(fileId, String(await handle.result()));
        }
        return found;
      },
      async killAndRestart() {
        await worker.stop({ signal: 'SIGKILL' });
        worker = await start();
      },
      workerPids: () => [worker.pid],
      serviceMegabytes: () => residentMegabytes(server.pid()),
      async costs() {
        const costs: RunCost[] = [];
        const some = run.fileIds.slice(0, COST_SAMPLE).map(workflowIdOf);
        for await (const events of histories(client, some)) costs.push(costOf(events));
        return costs;
      },
      async stop() {
        await worker.stop({ signal: 'SIGKILL' });
        await connection.close();
        await server.stop();
      },
    };
  },
};
