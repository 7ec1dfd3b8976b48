import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import type { OwnedProcess } from '../../src/local/owned-process.js';
import type { FaultSpec, MediaSpec, SimulatorOptions } from '../../src/simulator/index.js';
import { SECRET_ID, SECRET_KEY, type SimulatorProcess, startSimulatorProcess } from '../support/simulator.js';
import type { Victim } from './batch-scene.js';
import { createDatabase } from './house.js';
import { createNamespace, type PostgresOnFolder, type SharedServers, type TemporalOnFile } from './servers.js';
import { startWorkerProcess } from './worker-process.js';

/** Nothing but this machine limits the batch; its tasks are short. */
const SIMULATOR: SimulatorOptions = {
  taskDurationMs: { minMs: 100, maxMs: 2_000 },
  submitsPerSecond: 0,
  readsPerSecond: 0,
  writesPerSecond: 0,
};
/** As in production, the completion watch notifies; the settle time is shorter, so that the run ends sooner. */
const SETTINGS = {
  VOD_SUBMIT_RPS: '500',
  VOD_WATCH_INTERVAL_SECONDS: '0.5',
  VOD_REQUEST_TIMEOUT_SECONDS: '5',
  VOD_SETTLE_SECONDS: '16',
  SMART_ERASE_SUBMIT_CONCURRENCY: '40',
  SMART_ERASE_LOG_LEVEL: 'error',
};
const FILES_A_CALL = 1_000;

/** One world for a batch, in which everything can be killed and goes on with what it had written. */
export class BatchHouse {
  readonly diary: string[] = [];
  readonly problems: string[] = [];
  private worker: OwnedProcess | undefined;

  private constructor(
    private readonly servers: SharedServers,
    readonly folder: string,
    readonly env: NodeJS.ProcessEnv,
    private readonly temporalServer: TemporalOnFile,
    private readonly postgres: PostgresOnFolder,
    private simulatorProcess: SimulatorProcess,
    private readonly faults: readonly FaultSpec[],
    readonly temporal: Client,
    readonly sql: pg.Pool,
    readonly ledger: Ledger,
  ) {}

  static async start(servers: SharedServers, faults: readonly FaultSpec[]): Promise<BatchHouse> {
    const id = `batch_${randomBytes(3).toString('hex')}`;
    const folder = await mkdtemp(join(tmpdir(), 'smart-erase-faults-'));
    servers.reaper.addFolder(folder);
    const [temporalServer, postgres, simulator] = await Promise.all([
      servers.startTemporal(),
      servers.startPostgres(),
      startSimulatorProcess({ ...SIMULATOR, stateFile: join(folder, 'simulator.jsonl') }, faults),
    ]);
    await createNamespace(temporalServer.address, id);
    await createDatabase(postgres.urlOf('postgres'), id);
    const url = postgres.urlOf(id);
    await migrateLedger(url);
    const env = {
      ...SETTINGS,
      TEMPORAL_ADDRESS: temporalServer.address,
      TEMPORAL_NAMESPACE: id,
      DATABASE_URL: url,
      VOD_ENDPOINT: simulator.url,
      TENCENTCLOUD_SECRET_ID: SECRET_ID,
      TENCENTCLOUD_SECRET_KEY: SECRET_KEY,
    };
    const connection = await Connection.connect({ address: temporalServer.address });
    const sql = new pg.Pool({ connectionString: url, max: 2 });
    sql.on('error', () => undefined);
    const temporal = new Client({ connection, namespace: id });
    const ledger = openLedger(url, { namespace: id, maxConnections: 2 });
    return new BatchHouse(servers, folder, env, temporalServer, postgres, simulator, faults, temporal, sql, ledger);
  }

  /** Another one after each kill; only its admin API outlives them. */
  get simulator() {
    return this.simulatorProcess.admin;
  }

  note(line: string): void {
    this.diary.push(`${new Date().toISOString()} ${line}`);
  }

  async addFiles(media: readonly MediaSpec[]): Promise<void> {
    for (let from = 0; from < media.length; from += FILES_A_CALL)
      await this.simulator.addMedia(media.slice(from, from + FILES_A_CALL));
  }

  async startWorker(): Promise<void> {
    const worker = await startWorkerProcess(this.env, this.servers, (line) => this.note(`worker: ${line}`));
    this.worker = worker;
    void worker.ended.then(({ code, signal }) => {
      if (signal !== 'SIGKILL') this.problems.push(`A worker ended by itself, with exit code ${code}.`);
    });
  }

  /** By SIGKILL, all at once. Gives what starts them again, the servers before the worker that needs them. */
  async kill(victims: readonly Victim[]): Promise<() => Promise<void>> {
    this.note(`kill: ${victims.join(', ')}`);
    const has = (victim: Victim) => victims.includes(victim);
    await Promise.all([
      has('worker') && this.worker?.stop({ signal: 'SIGKILL' }),
      has('temporal') && this.temporalServer.kill(),
      has('simulator') && this.simulatorProcess.kill(),
      has('postgres') && this.postgres.kill(),
    ]);
    return async () => {
      await Promise.all([
        has('temporal') && this.temporalServer.startAgain(),
        has('simulator') && this.startSimulatorAgain(),
        has('postgres') && this.postgres.startAgain(),
      ]);
      if (has('worker')) await this.startWorker();
      this.note(`again: ${victims.join(', ')}`);
    };
  }

  async stop(): Promise<void> {
    await this.worker?.stop({ signal: 'SIGKILL' });
    await this.ledger.close();
    await this.sql.end();
    await this.temporal.connection.close();
    await this.simulatorProcess.kill();
    await Promise.all([this.temporalServer.stop(), this.postgres.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async startSimulatorAgain(): Promise<void> {
    const { port } = this.simulatorProcess;
    const options = { ...SIMULATOR, port, stateFile: join(this.folder, 'simulator.jsonl') };
    this.simulatorProcess = await startSimulatorProcess(options, this.faults);
  }
}
