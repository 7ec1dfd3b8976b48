import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { EraseClient } from '../src/client.js';
import { QUEUE } from '../src/contract/names.js';
import type { EraseRequest } from '../src/contract/request.js';
import { migrateLedger } from '../src/ledger/db/migrate.js';
import type { OwnedProcess } from '../src/local/owned-process.js';
import { waitUntil } from '../src/local/wait-until.js';
import type { CallDetail, SimulatorOptions } from '../src/simulator/index.js';
import { createDatabase } from '../test/faults/house.js';
import { createNamespace, type SharedServers, type TemporalOnFile } from '../test/faults/servers.js';
import { startTcpProxy, type TcpProxy } from '../test/faults/tcp-proxy.js';
import { startWorkerProcess } from '../test/faults/worker-process.js';
import { manyMedia, SECRET_ID, SECRET_KEY, type SimulatorProcess, SUB_APP_ID } from '../test/support/simulator.js';
import { CallFeed } from './measure/call-feed.js';
import { paymentsOf, submitsAmong } from './measure/door.js';
import { startVendor } from './vendor.js';

export interface WorldOptions {
  name: string;
  /** Of its own simulator. */
  simulator?: SimulatorOptions;
  /** Or one that others use too, with a key pair of ours. */
  sharedSimulator?: { process: SimulatorProcess; secretId: string; secretKey: string };
  /** Settings of the workers; what is left out has the product's defaults. */
  env?: Record<string, string>;
  /** Called with the Temporal server once it is ready. */
  onTemporal?: (server: TemporalOnFile) => void;
  /** Puts a proxy between the workers and PostgreSQL. */
  databaseProxy?: boolean;
}

/** Starts of workflows at a time: more only wait in the server. */
const STARTS_AT_A_TIME = 50;
const FILES_A_CALL = 1_000;
/** More than the grace of a worker that is stopped. */
const DRAINED_WITHIN_MS = 60_000;
/** `TASK_QUEUE_TYPE_WORKFLOW`. */
const WORKFLOW_TASKS = 1;
/** The server counts its queue by estimate. */
const BEGUN_WITH_LESS_THAN = 5;
/** First FileId of a world's own files. */
const FIRST_FILE = 5285000000000000000n;

/** What one scenario runs in: namespace, database, simulator, and workers as an operator runs them. */
export class World {
  readonly workers: OwnedProcess[] = [];
  /** Warnings of the workers, and unexpected exits. */
  readonly complaints: string[] = [];
  /** On the way to the vendor. */
  private readonly proxies: TcpProxy[] = [];
  private readonly feed: CallFeed;
  private expectedEnds = new Set<number>();

  private constructor(
    readonly servers: SharedServers,
    readonly temporalServer: TemporalOnFile,
    readonly env: NodeJS.ProcessEnv,
    readonly simulator: SimulatorProcess,
    readonly ownsSimulator: boolean,
    readonly database: TcpProxy | undefined,
    readonly temporal: Client,
    readonly client: EraseClient,
  ) {
    this.feed = new CallFeed(simulator.url);
  }

  static async start(servers: SharedServers, options: WorldOptions): Promise<World> {
    const id =
      `bench_${options.name.replace(/\W+/g, '_').slice(0, 25)}_${randomBytes(3).toString('hex')}`.toLowerCase();
    // A new one for each: the dev server's database in memory gets slower as it fills, and what is measured last would be measured
    // on a slower server.
    const temporalServer = await servers.startTemporal();
    options.onTemporal?.(temporalServer);
    const shared = options.sharedSimulator;
    const [simulator] = await Promise.all([
      shared?.process ?? startVendor(options.simulator),
      createNamespace(temporalServer.address, id),
      createDatabase(servers.postgres.urlOf('postgres'), id),
    ]);
    const url = new URL(servers.postgres.urlOf(id));
    await migrateLedger(url.href);
    const database = options.databaseProxy ? await startTcpProxy(servers.postgres.port) : undefined;
    if (database !== undefined) url.port = String(database.port);
    const connection = await Connection.connect({ address: temporalServer.address });
    const env = {
      SMART_ERASE_LOG_LEVEL: 'error',
      TEMPORAL_ADDRESS: temporalServer.address,
      TEMPORAL_NAMESPACE: id,
      DATABASE_URL: url.href,
      VOD_ENDPOINT: simulator.url,
      TENCENTCLOUD_SECRET_ID: shared?.secretId ?? SECRET_ID,
      TENCENTCLOUD_SECRET_KEY: shared?.secretKey ?? SECRET_KEY,
      ...options.env,
    };
    const client = await EraseClient.connect({ connection, namespace: id });
    const temporal = new Client({ connection, namespace: id });
    return new World(servers, temporalServer, env, simulator, shared === undefined, database, temporal, client);
  }

  /** @param env settings of this one only */
  async startWorker(env: Record<string, string> = {}): Promise<OwnedProcess> {
    const worker = await startWorkerProcess({ ...this.env, ...env }, this.servers, (line) => {
      if (!line.includes('"ready":true')) this.complaints.push(line);
    });
    this.workers.push(worker);
    void worker.ended.then(({ code, signal }) => {
      if (!this.expectedEnds.has(worker.pid))
        this.complaints.push(`A worker ended by itself (${signal ?? `exit code ${code}`}).`);
    });
    return worker;
  }

  /** @returns settings of a worker whose calls are so much longer on their way to the vendor */
  async fartherFromVendor(wayMs: number): Promise<Record<string, string>> {
    const url = new URL(this.simulator.url);
    const proxy = await startTcpProxy(Number(url.port), { wayMs });
    this.proxies.push(proxy);
    url.port = String(proxy.port);
    return { VOD_ENDPOINT: url.origin };
  }

  async kill(worker: OwnedProcess): Promise<void> {
    this.expectedEnds.add(worker.pid);
    await worker.stop({ signal: 'SIGKILL' });
  }

  /** As an operator stops it. */
  async drain(worker: OwnedProcess): Promise<void> {
    this.expectedEnds.add(worker.pid);
    await worker.stop({ graceMs: DRAINED_WITHIN_MS });
  }

  /** `count` new files in the library; worlds that share a simulator begin at different places. */
  async addFiles(count: number, offset = 0): Promise<string[]> {
    const media = manyMedia(count, FIRST_FILE + BigInt(offset));
    for (let from = 0; from < count; from += FILES_A_CALL)
      await this.simulator.admin.addMedia(media.slice(from, from + FILES_A_CALL));
    return media.map(({ fileId }) => fileId);
  }

  /** Starts an erase of each file. @returns their workflow ids, in the order of the files */
  async startErases(fileIds: readonly string[], fields: Partial<EraseRequest> = {}): Promise<string[]> {
    const workflowIds: string[] = new Array(fileIds.length).fill('');
    let next = 0;
    const lane = async () => {
      for (let at = next++; at < fileIds.length; at = next++) {
        const request = { subAppId: SUB_APP_ID, recipe: { name: 'subtitles' as const }, ...fields };
        const handle = await this.client.start({ ...request, fileId: fileIds[at] as string });
        workflowIds[at] = handle.workflowId;
      }
    };
    await Promise.all(Array.from({ length: STARTS_AT_A_TIME }, lane));
    return workflowIds;
  }

  /** Every call at the door so far by this world's key pair, with all that is known of it. */
  async calls(): Promise<CallDetail[]> {
    return (await this.feed.read()).filter(({ secretId }) => secretId === this.env.TENCENTCLOUD_SECRET_ID);
  }

  /** Waits until so many submits were accepted. @returns whether they were, before the time was over */
  async untilAccepted(count: number, timeoutMs: number): Promise<boolean> {
    const look = async () => submitsAmong(await this.calls()).accepted.length >= count || undefined;
    return (await waitUntil(look, { timeoutMs, everyMs: 250 })) ?? false;
  }

  /** Waits until no workflow stands in the queue for its first task. */
  async untilBegun(timeoutMs: number): Promise<boolean> {
    const look = async () => {
      const { stats } = await this.temporal.workflowService.describeTaskQueue({
        namespace: this.temporal.options.namespace,
        taskQueue: { name: QUEUE.main },
        taskQueueType: WORKFLOW_TASKS,
        reportStats: true,
      });
      return Number(stats?.approximateBacklogCount ?? 1) < BEGUN_WITH_LESS_THAN || undefined;
    };
    return (await waitUntil(look, { timeoutMs, everyMs: 500 })) ?? false;
  }

  /** Waits until every file has an accepted task. Polled rarely: reading the whole log costs CPU time. */
  async untilPaid(fileIds: readonly string[], timeoutMs: number): Promise<boolean> {
    const look = async () => paymentsOf(await this.calls(), fileIds).never === 0 || undefined;
    return (await waitUntil(look, { timeoutMs, everyMs: 2_000 })) ?? false;
  }

  /** How many of the runs have not ended. Counted by Temporal's visibility, which follows within a second. */
  async openRuns(): Promise<number> {
    const { count } = await this.temporal.workflow.count("WorkflowType = 'erase' and ExecutionStatus = 'Running'");
    return count;
  }

  /** Waits until no erase runs any more. */
  async untilDone(timeoutMs: number): Promise<boolean> {
    const look = async () => (await this.openRuns().catch(() => 1)) === 0 || undefined;
    return (await waitUntil(look, { timeoutMs, everyMs: 1_000 })) ?? false;
  }

  async succeededRuns(): Promise<number> {
    const { count } = await this.temporal.workflow.count("WorkflowType = 'erase' and ExecutionStatus = 'Completed'");
    return count;
  }

  /** What a person needs to know of files that were never paid for: the state of their runs, in a line each. */
  async tellUnpaid(fileIds: readonly string[], workflowIds: readonly string[]): Promise<string[]> {
    const calls = await this.calls();
    const unpaid = [...fileIds.keys()].filter((at) => paymentsOf(calls, [fileIds[at] as string]).never > 0);
    return Promise.all(
      unpaid.slice(0, 5).map(async (at) => {
        const { raw } = await this.temporal.workflow.getHandle(workflowIds[at] as string).describe();
        const pending = raw.pendingActivities?.map(
          ({ activityId, attempt, lastFailure }) => `${activityId}, attempt ${attempt}: ${lastFailure?.message ?? ''}`,
        );
        return `never accepted: ${fileIds[at]}: ${pending?.join('; ') || 'no activity is pending'}`;
      }),
    );
  }

  living(): OwnedProcess[] {
    return this.workers.filter((worker) => !worker.hasEnded());
  }

  async stop(): Promise<void> {
    this.database?.refuse(false);
    this.database?.thaw();
    // SIGKILL reaches a stopped process too.
    await Promise.all(this.living().map((worker) => this.kill(worker)));
    await this.client.close();
    await this.temporal.connection.close();
    await Promise.all([this.database, ...this.proxies].map((proxy) => proxy?.close()));
    if (this.ownsSimulator) await this.simulator.kill();
    await this.temporalServer.stop();
  }
}
