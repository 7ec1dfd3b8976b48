import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EraseHandle } from '../../src/client.js';
import { QUEUE } from '../../src/contract/names.js';
import { findFreePort } from '../../src/local/free-port.js';
import { toMpsParams } from '../../src/tencent-vod/recipe-params.js';
import { createVodClient } from '../../src/tencent-vod/vod-client.js';
import { ended, newRequests, startFed, until } from '../support/batch.js';
import { type RunningCli, startCli } from '../support/cli.js';
import type { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { SECRET_ID, SECRET_KEY, SUB_APP_ID } from '../support/simulator.js';
import { createTestNamespace } from '../support/temporal.js';

const ENV_EXAMPLE = fileURLToPath(new URL('../../.env.example', import.meta.url));

/** What has to be so before a command is run, beyond a running stack. */
export interface Stand {
  /** What stands in the page, and what it stands for. */
  replace?: Record<string, string>;
  /** The exit code that the page promises in this state. Default 0. */
  exit?: number;
  /** On top of the stack's own settings. */
  env?: Record<string, string>;
}

/** Made for each block; called before each of its commands, with the command as it stands in the page. */
export type Scene = (world: World) => (command: string) => Promise<Stand | undefined>;

/** The stack, and what the pages speak of. */
export class World {
  private keys = 0;
  private readonly processes: RunningCli[] = [];

  constructor(
    readonly stack: EraseStack,
    readonly folder: string,
    /** Of /metrics and /healthz of the worker that runs all the time. */
    readonly monitorPort: number,
  ) {}

  /** A key like `order-17` that no erase has yet. */
  newKey(): string {
    this.keys += 1;
    return `order-${17_000 + this.keys}`;
  }

  /** A spreadsheet of new files. `refused`: the vendor refuses the last of them, once. */
  async list(name: string, rows: number, { refused = false } = {}): Promise<void> {
    const fileIds = (await newRequests(this.stack, rows)).map(({ fileId }) => fileId);
    if (refused) await this.refuse(fileIds.at(-1) ?? '');
    writeFileSync(join(this.folder, name), `${['fileId', ...fileIds].join('\n')}\n`);
  }

  /** The next submit of this file is wrong in the vendor's eyes: it costs nothing, and ends as failed. */
  async refuse(fileId: string): Promise<void> {
    await this.stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'InvalidParameterValue',
      fileId,
    });
  }

  /** A batch that was drained after its first item, which failed; two were never started. */
  async drained(fails: (fileId: string) => Promise<unknown>): Promise<string> {
    const { stack } = this;
    const requests = await newRequests(stack, 3);
    await fails(requests[0]?.fileId ?? '');
    const id = await startFed(stack, requests, { settings: { sampleSize: 1 } });
    await until(stack, id, 'its sample failed', ({ counts }) => counts.failed === 1);
    await stack.ledger.batches.change(id, { action: 'drain', by: 'ann', reason: 'enough' });
    await ended(stack, id);
    return id;
  }

  /** An erase that was published by nobody yet, since the vendor refuses that: held. */
  async held(): Promise<string> {
    const key = this.newKey();
    await this.stack.admin.addFault({ action: 'ModifyMediaInfo', kind: 'error', code: 'UnauthorizedOperation' });
    const handle = await this.stack.client.start(await this.stack.request({ key, publish: { name: 'clean' } }));
    await phase(handle, 'held');
    return key;
  }

  /** An erase whose submit lost its answer, and whose tasks cannot be read: held in doubt. */
  async inDoubt(): Promise<{ workflowId: string; taskId: string }> {
    const { admin, client } = this.stack;
    const request = await this.stack.request({ key: this.newKey() });
    const { fileId } = request;
    await admin.addFault({ action: 'ProcessMediaByMPS', kind: 'drop-after-accept', fileId });
    const patch = { 'TaskSet.0.Status': 'SUSPENDED' };
    await admin.addFault({ action: 'DescribeTasks', kind: 'patch', patch, fileId, times: 1_000 });
    const handle = await client.start(request);
    await phase(handle, 'held');
    await admin.clearFaults();
    const task = (await admin.tasks()).find((each) => each.fileId === fileId);
    return { workflowId: handle.workflowId, taskId: task?.taskId ?? '' };
  }

  /** A process of the built command beside the shell. */
  async startProcess(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
    const started = startCli([...args, '-o', 'json'], env, { timeoutMs: 300_000 });
    this.processes.push(started);
    await eventually(`smart-erase ${args.join(' ')}`, () => started.stdout().includes('"ready":true') || undefined);
  }

  async close(): Promise<void> {
    for (const { process: child } of this.processes) child.kill('SIGKILL');
    await Promise.all(this.processes.map(({ ended: gone }) => gone));
  }
}

async function phase(handle: EraseHandle, wanted: string): Promise<void> {
  await eventually(`${handle.workflowId} is ${wanted}`, async () =>
    (await handle.status()).phase === wanted ? true : undefined,
  );
}

/** An example's second file, which the simulator's library does not have from the start. */
const twoFiles: Scene =
  ({ stack }) =>
  async () => {
    await stack.admin.addMedia([
      { fileId: '5285485487985271488', name: 'second', duration: 10, width: 1_280, height: 720 },
    ]);
    return undefined;
  };

/** A key of its own for the block, and nothing started yet. */
const newErase: Scene = (world) => {
  const key = world.newKey();
  return async () => ({ replace: { 'order-17': key } });
};

/** A spreadsheet that becomes a batch, from the plan to the report. */
const spreadsheet: Scene = (world) => {
  const id = world.newKey().replace('order', 'library');
  const list = world.list('list.csv', 22, { refused: true });
  return async (command) => {
    await list;
    if (/batch go/.test(command)) {
      await until(world.stack, id, 'the sample is done', ({ waitingFor }) => waitingFor === 'sample');
    }
    if (/batch (results|redrive)/.test(command)) await ended(world.stack, id);
    // The folder of a report must not be there yet.
    return { replace: { 'library-2031': id, '--out report': `--out report-${id}` } };
  };
};

/** One that goes on until somebody ends it: each of its items waits for a review. */
const runningBatch: Scene = ({ stack }) => {
  const batch = newRequests(stack, 3).then((requests) =>
    startFed(
      stack,
      requests.map((request) => ({ ...request, review: { timeoutHours: 24, onTimeout: 'hold' as const } })),
      { settings: { concurrency: 2 } },
    ),
  );
  const running = batch.then((id) => until(stack, id, 'some run', ({ counts }) => counts.running > 0));
  return async () => {
    await running;
    return { replace: { 'library-2031': await batch } };
  };
};

const endedBatch: Scene = ({ stack }) => {
  const batch = newRequests(stack, 2).then((requests) => startFed(stack, requests));
  return async () => {
    const id = await batch;
    await ended(stack, id);
    return { replace: { 'library-2031': id, '--out report': `--out report-${id}` } };
  };
};

/** `watch` shows it, and ends by itself: some did not succeed. */
const endedWithFailures: Scene = (world) => {
  const batch = world.drained((fileId) => world.refuse(fileId));
  return async () => ({ replace: { 'library-2031': await batch }, exit: 6 });
};

/** An item is in one redrive only: each command has a batch of its own. */
const redriven: Scene = (world) => {
  const failsAtTheVendor = (fileId: string) =>
    world.stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'task-failure',
      code: 'InternalError',
      fileId,
      times: 2,
    });
  const paid = world.drained(failsAtTheVendor);
  const unpaid = Array.from({ length: 3 }, () => world.drained((fileId) => world.refuse(fileId)));
  return async (command) => {
    const batch = command.includes('InternalError') ? paid : unpaid.pop();
    return { replace: { 'library-2031': (await batch) ?? 'no batch is left' } };
  };
};

/** What a script of somebody's own submitted. */
const scriptsTasks: Scene = ({ stack, folder }) => {
  const file = (async () => {
    const vod = createVodClient({
      endpoint: stack.simulator.url,
      credentials: { secretId: SECRET_ID, secretKey: SECRET_KEY, token: undefined },
    });
    const { fileId } = await stack.request();
    const { taskId } = await vod.submit({ subAppId: SUB_APP_ID, fileId, params: toMpsParams({ name: 'subtitles' }) });
    vod.close();
    writeFileSync(join(folder, 'running.csv'), `fileId,recipe,taskId,resultFileId\n${fileId},subtitles,${taskId},\n`);
  })();
  return async () => {
    await file;
    return undefined;
  };
};

const heldErase: Scene = (world) => async () => ({ replace: { 'order-17': await world.held() } });

const inReview: Scene = (world) => async () => {
  const key = world.newKey();
  await phase(
    await world.stack.client.start(await world.stack.request({ key, review: { timeoutHours: 1 } })),
    'review',
  );
  return { replace: { 'order-17': key } };
};

/** Two blocks: looked at, then resumed. The page promises no exit code for a doctor that sees an open breaker. */
const openBreaker: Scene =
  ({ stack }) =>
  async (command) => {
    if (command.includes('list')) {
      await stack.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'UnauthorizedOperation' });
      await phase(await stack.client.start(await stack.request()), 'held');
    }
    return undefined;
  };

const onWorkersPort: Scene = (world) => async () => ({ replace: { '9464': String(world.monitorPort) } });

const secondWorker: Scene = () => {
  const port = findFreePort({ port: 0, purpose: 'a worker' });
  return async () => ({ replace: { '9464': String(await port) } });
};

const anErase: Scene = ({ stack }) => {
  const id = (async () => {
    const handle = await stack.client.start(await stack.request());
    await handle.result();
    return handle.workflowId;
  })();
  return async () => ({ replace: { WORKFLOW_ID: await id, SUB_APP_ID: String(SUB_APP_ID) } });
};

/** Of a finished erase, whose watch has run, and on a worker that can be asked. */
const anEraseAndWorkersPort: Scene = (world) => {
  const erase = anErase(world);
  const port = onWorkersPort(world);
  return async (command) => ({
    replace: { ...(await erase(command))?.replace, ...(await port(command))?.replace },
  });
};

/** Each kind of decision, on an erase of its own. The one in doubt takes its time, so it is made meanwhile. */
const operator: Scene = (world) => {
  const doubt = world.inDoubt();
  return async (command): Promise<Stand | undefined> => {
    if (command.includes('status')) {
      const { workflowId } = await world.stack.client.start(await world.stack.request());
      return { replace: { 'erase/key/order-17': workflowId } };
    }
    if (command.includes('--task')) {
      const { workflowId, taskId } = await doubt;
      return { replace: { 'erase/key/order-17': workflowId, '1500000001-ProcessMediaByMPS-0123abcd': taskId } };
    }
    if (/order-17|abort/.test(command)) {
      // Faults are cleared when the doubt is made.
      await doubt;
      return { replace: { 'order-17': await world.held() } };
    }
    return undefined;
  };
};

const envFile: Scene =
  ({ folder }) =>
  async () => {
    copyFileSync(ENV_EXAMPLE, join(folder, '.env.example'));
    return undefined;
  };

/** Two builds of a deployment, in a namespace of their own: a current version would take all others' work. */
const twoBuilds: Scene = (world) => {
  const ready = (async () => {
    const env = { TEMPORAL_NAMESPACE: await createTestNamespace('versions') };
    const start = (build: string) =>
      world.startProcess(['worker'], { ...world.stack.env, ...env, SMART_ERASE_BUILD_ID: build });
    await Promise.all([start('one'), start('two')]);
    await Promise.all(['one', 'two'].map((buildId) => known(world.stack, env.TEMPORAL_NAMESPACE, buildId)));
    return env;
  })();
  return async () => ({ env: await ready });
};

/** Until the server has seen a build on every queue it makes nothing current. */
async function known({ temporal }: EraseStack, namespace: string, buildId: string): Promise<void> {
  const asked = { namespace, deploymentVersion: { deploymentName: 'smart-erase', buildId } };
  await eventually(`build ${buildId} is known on its queues`, async () => {
    const seen = await temporal.workflowService.describeWorkerDeploymentVersion(asked).catch(() => undefined);
    const queues = new Set(seen?.workerDeploymentVersionInfo?.taskQueueInfos?.map(({ name }) => name));
    return queues.size === Object.keys(QUEUE).length ? true : undefined;
  });
}

/** By the name of the block; one that is not here needs nothing but the stack. */
export const SCENES: Readonly<Record<string, Scene>> = {
  'README.md ## From your service (3)': spreadsheet,
  'docs/batch.md # Batches: from a spreadsheet to a report': spreadsheet,
  'docs/batch.md ## Plan': spreadsheet,
  'docs/batch.md ## Run': runningBatch,
  'docs/batch.md ## Run (2)': endedWithFailures,
  'docs/batch.md ## A trial first': twoFiles,
  'docs/batch.md ## The report': endedBatch,
  'docs/batch.md ## Redrive': redriven,
  'docs/batch.md ## Adopt': scriptsTasks,
  'docs/contract.md ## Start one from the command line': newErase,
  'docs/contract.md ## Follow': heldErase,
  'docs/contract.md ## Decide on a hold': heldErase,
  'docs/contract.md ## Review': inReview,
  'docs/deploy.md ## Everything on one machine': envFile,
  'docs/operate.md ## Look': secondWorker,
  'docs/operate.md ### SmartEraseBreakerOpen': openBreaker,
  'docs/operate.md ### SmartEraseNoWorker': onWorkersPort,
  'docs/operate.md ### SmartEraseLedgerUnreachable': onWorkersPort,
  'docs/operate.md ### SmartEraseWorkerNotReady': onWorkersPort,
  'docs/operate.md ### SmartEraseWorkerSlow': onWorkersPort,
  'docs/operate.md ### SmartEraseWorkerFull': onWorkersPort,
  'docs/operate.md ### SmartEraseWorkflowTasksFailing': anErase,
  'docs/operate.md ### SmartEraseUnexpectedErrors': onWorkersPort,
  'docs/operate.md ### SmartEraseThrottled': onWorkersPort,
  'docs/operate.md ### SmartEraseVendorErrors': onWorkersPort,
  'docs/operate.md ### SmartEraseVendorSlow': onWorkersPort,
  'docs/operate.md ### SmartEraseCompletionsLate': anEraseAndWorkersPort,
  'docs/operate.md ### SmartEraseHoldsWaiting': anErase,
  'docs/operate.md ### SmartEraseWatchStale': anErase,
  'docs/operate.md ### SmartEraseTasksForgotten (2)': anErase,
  'docs/operate.md ### SmartEraseBatchWaits': runningBatch,
  'docs/reliability.md ## For operators': operator,
  'docs/upgrade.md ## Worker deployment versioning (optional)': twoBuilds,
};
