import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { EraseClient } from '../../src/client.js';
import type { EraseRequest } from '../../src/contract/request.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { OwnedProcess } from '../../src/local/owned-process.js';
import type { FaultSpec, SimulatorOptions } from '../../src/simulator/index.js';
import { eventually } from '../support/processes.js';
import { SECRET_ID, SECRET_KEY, type SimulatorProcess, startSimulatorProcess } from '../support/simulator.js';
import { createNamespace, type SharedServers, type TemporalOnFile } from './servers.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';
import { startVendorGate, type VendorGate } from './vendor-gate.js';
import { startWorkerProcess } from './worker-process.js';

export interface HouseOptions {
  /** On top of {@link QUICK}. */
  env?: Record<string, string>;
  simulator?: SimulatorOptions;
  /** A Temporal server that only this house uses. */
  ownTemporal?: boolean;
}

export const SUB_APP = 1500000001;
/** Erases that are to be refused as the account's fault have a sub-application of their own: a refusal may stop all of it. */
export const REFUSED_SUB_APP = 1500000002;
/** A person at the console: calls of this key pair are not ours. */
export const COLLEAGUE = { secretId: 'AKIDcolleague', secretKey: 'colleague' };

/** Waits that are a minute in production, short enough for a test. The settle time must be above 2 × timeout + 5. */
const QUICK = {
  VOD_REQUEST_TIMEOUT_SECONDS: '1',
  VOD_SETTLE_SECONDS: '8',
  VOD_POLL_FIRST_SECONDS: '0.2',
  VOD_POLL_MAX_SECONDS: '0.5',
  // A strike of the matrix waits for an exact call of one erase; lists for everybody would be mistaken for it.
  SMART_ERASE_WATCH: 'off',
  SMART_ERASE_SUBMIT_CONCURRENCY: '60',
  SMART_ERASE_LOG_LEVEL: 'error',
};

/** A cell that was not shown: its moment, or its state, and a sentence. */
export interface Missed {
  cell: string;
  what: string;
}

/** In the statement of the last check, and in no other. */
const LAST_LOOK = 'select * from "breaker" where "scope" in';

/** One world for a group of cells: namespace, database, simulator, gates, and workers as processes. */
export class House {
  readonly workers: OwnedProcess[] = [];
  /** What the workers printed, and what was done to them. */
  readonly diary: string[] = [];
  /** What went wrong with the house itself; a group with a problem has not shown what it is for. */
  readonly problems: string[] = [];
  /** What had passed when the strike came: the machine was too busy, and these cells have to be repeated. */
  readonly missed: Missed[] = [];
  /** How many were injected. */
  faults = 0;
  private files = 0;

  private constructor(
    readonly name: string,
    private readonly servers: SharedServers,
    readonly env: NodeJS.ProcessEnv,
    readonly namespace: string,
    readonly temporalServer: TemporalOnFile,
    readonly simulator: SimulatorProcess,
    readonly gate: VendorGate,
    readonly database: TcpProxy,
    /** Of its database, past the proxy. */
    readonly ledgerUrl: string,
    readonly sql: pg.Pool,
    readonly temporal: Client,
    readonly client: EraseClient,
  ) {}

  static async start(name: string, servers: SharedServers, options: HouseOptions = {}): Promise<House> {
    const id = `${name.replace(/\W+/g, '_').slice(0, 30)}_${randomBytes(3).toString('hex')}`.toLowerCase();
    const temporalServer = options.ownTemporal ? await servers.startTemporal() : servers.temporal;
    const [simulator] = await Promise.all([
      startSimulatorProcess({
        taskDurationMs: 400,
        subAppIds: [SUB_APP, REFUSED_SUB_APP],
        credentials: [{ secretId: SECRET_ID, secretKey: SECRET_KEY }, COLLEAGUE],
        ...options.simulator,
      }),
      createNamespace(temporalServer.address, id),
      createDatabase(servers.postgres.urlOf('postgres'), id),
    ]);
    const url = servers.postgres.urlOf(id);
    await migrateLedger(url);
    const gate = await startVendorGate(simulator.url);
    const database = await startTcpProxy(servers.postgres.port);
    const proxied = new URL(url);
    proxied.port = String(database.port);
    const env = {
      ...QUICK,
      TEMPORAL_ADDRESS: temporalServer.address,
      TEMPORAL_NAMESPACE: id,
      DATABASE_URL: proxied.href,
      VOD_ENDPOINT: gate.url,
      TENCENTCLOUD_SECRET_ID: SECRET_ID,
      TENCENTCLOUD_SECRET_KEY: SECRET_KEY,
      ...options.env,
    };
    const connection = await Connection.connect({ address: temporalServer.address });
    const sql = new pg.Pool({ connectionString: url, max: 3 });
    sql.on('error', () => undefined);
    return new House(
      name,
      servers,
      env,
      id,
      temporalServer,
      simulator,
      gate,
      database,
      url,
      sql,
      new Client({ connection, namespace: id }),
      await EraseClient.connect({ connection, namespace: id }),
    );
  }

  get reaper() {
    return this.servers.reaper;
  }

  note(line: string): void {
    this.diary.push(`${new Date().toISOString()} ${line}`);
  }

  async startWorker(): Promise<OwnedProcess> {
    const worker = await startWorkerProcess(this.env, this.servers, (line) => this.note(`worker: ${line}`));
    this.note(`worker ${worker.pid} is ready`);
    this.workers.push(worker);
    void worker.ended.then(({ code }) => {
      if (code !== null && code !== 0) this.problems.push(`A worker ended by itself, with exit code ${code}.`);
    });
    return worker;
  }

  /** Workers that live; one that is stopped by SIGSTOP lives. */
  living(): OwnedProcess[] {
    return this.workers.filter((worker) => !worker.hasEnded());
  }

  /** A new file in the library, and a request for it. */
  async request(fields: Partial<EraseRequest> = {}): Promise<EraseRequest> {
    this.files += 1;
    const request = { subAppId: SUB_APP, recipe: { name: 'subtitles' }, ...fields };
    const fileId = fields.fileId ?? String(5285000000000000000n + BigInt(this.files));
    await this.simulator.admin.addMedia([
      { fileId, subAppId: request.subAppId, name: `file ${this.files}`, duration: 10, width: 1280, height: 720 },
    ]);
    return { ...request, fileId };
  }

  async fault(fileId: string, ...faults: Omit<FaultSpec, 'fileId'>[]): Promise<void> {
    for (const fault of faults) await this.simulator.admin.addFault({ ...fault, fileId });
  }

  /** While true, a submit with a written intent waits before its last breaker check, right before its slot. */
  holdLastLooks(holding: boolean): void {
    if (holding) this.database.hold(LAST_LOOK);
    else this.database.letGo();
  }

  /** Ends whatever keeps the house from working. */
  async heal(): Promise<void> {
    this.database.refuse(false);
    this.database.thaw();
    this.database.letGo();
    for (const worker of this.living()) signal(worker, 'SIGCONT');
    if (this.living().length === 0) await this.startWorker();
  }

  async stop(): Promise<void> {
    for (const worker of this.living()) signal(worker, 'SIGCONT');
    await Promise.all(this.living().map((worker) => worker.stop({ signal: 'SIGKILL' })));
    await this.client.close();
    await this.temporal.connection.close();
    await this.sql.end();
    await this.gate.close();
    await this.database.close();
    await this.simulator.kill();
    if (this.temporalServer !== this.servers.temporal) await this.temporalServer.stop();
  }
}

export function signal(worker: OwnedProcess, name: NodeJS.Signals): void {
  try {
    process.kill(worker.pid, name);
  } catch {
    // It has ended in between.
  }
}

/** An empty database of this name on the server of `adminUrl`. */
export async function createDatabase(adminUrl: string, name: string): Promise<void> {
  await eventually(`the database ${name}`, async () => {
    const client = new pg.Client({ connectionString: adminUrl });
    try {
      await client.connect();
      await client.query(`create database ${name}`);
      return true;
    } catch (error) {
      // Two at once disturb each other at the template database.
      if (/being accessed by other users/.test(String(error))) return undefined;
      throw error;
    } finally {
      await client.end();
    }
  });
}
