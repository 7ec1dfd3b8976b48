import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { EraseClient } from '../../src/client.js';
import { loadSettings } from '../../src/config/settings.js';
import type { EraseRequest } from '../../src/contract/request.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import type { MediaSpec, SimulatorOptions } from '../../src/simulator/index.js';
import { type CreateWorkersOptions, createWorkers, type WorkerGroup } from '../../src/worker.js';
import { createTestDatabase } from './postgres.js';
import { SECRET_ID, SECRET_KEY, SimulatorAdmin, type SimulatorProcess, startSimulatorProcess } from './simulator.js';
import { createTestNamespace, sharedTemporal } from './temporal.js';

/** Waits that are a minute in production, short enough for a test. */
const QUICK = {
  VOD_REQUEST_TIMEOUT_SECONDS: '1',
  VOD_SETTLE_SECONDS: '8',
  VOD_POLL_FIRST_SECONDS: '0.2',
  VOD_POLL_MAX_SECONDS: '0.5',
  // Most tests are about one erase and its own calls; those of the watch turn it on.
  SMART_ERASE_WATCH: 'off',
  SMART_ERASE_LOG_LEVEL: 'error',
};

export interface EraseStackOptions {
  simulator?: SimulatorOptions;
  /** On top of the stack's own settings. */
  env?: Record<string, string>;
  searchAttributes?: readonly string[];
  /** One that exists, with its search attributes. Default: a new one. */
  namespace?: string;
  /** Another stack, whose ledger and simulator this one shares; stopped after this one. */
  beside?: EraseStack;
}

/** Everything that an erase needs, on real parts: a namespace and a database of its own, the simulator as a process. */
export class EraseStack {
  private groups: { group: WorkerGroup; ended: Promise<void> }[] = [];
  private media = 0;

  private constructor(
    readonly env: NodeJS.ProcessEnv,
    readonly simulator: SimulatorProcess,
    readonly admin: SimulatorAdmin,
    readonly client: EraseClient,
    readonly temporal: Client,
    readonly ledger: Ledger,
    private readonly closeShared: () => Promise<void>,
  ) {}

  static async start(options: EraseStackOptions = {}): Promise<EraseStack> {
    const { address } = sharedTemporal();
    const { beside } = options;
    const [database, namespace, simulator] = await Promise.all([
      beside === undefined ? createTestDatabase('stack') : { url: beside.env.DATABASE_URL ?? '', drop: undefined },
      options.namespace ?? createTestNamespace('stack', options.searchAttributes),
      beside?.simulator ?? startSimulatorProcess({ taskDurationMs: 300, ...options.simulator }),
    ]);
    await migrateLedger(database.url, { namespace });
    const env = {
      ...QUICK,
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      DATABASE_URL: database.url,
      VOD_ENDPOINT: simulator.url,
      TENCENTCLOUD_SECRET_ID: SECRET_ID,
      TENCENTCLOUD_SECRET_KEY: SECRET_KEY,
      ...options.env,
    };
    const connection = await Connection.connect({ address });
    const temporal = new Client({ connection, namespace });
    const client = await EraseClient.connect({ connection, namespace, prefix: options.env?.SMART_ERASE_PREFIX });
    return new EraseStack(
      env,
      simulator,
      new SimulatorAdmin(simulator.url),
      client,
      temporal,
      openLedger(database.url, { namespace }),
      async () => {
        if (beside === undefined) await simulator.kill();
        await database.drop?.();
      },
    );
  }

  /** A group of workers in this process. */
  async startWorker(
    env: Record<string, string> = {},
    options: Pick<CreateWorkersOptions, 'watchTimings' | 'feederTimings'> = {},
  ): Promise<WorkerGroup> {
    const group = await createWorkers(loadSettings({ ...this.env, ...env }), {
      ...options,
      workflowBundlePath: sharedTemporal().workflowBundle,
    });
    this.groups.push({ group, ended: group.run() });
    return group;
  }

  async stopWorkers(): Promise<void> {
    const groups = this.groups.splice(0);
    for (const { group } of groups) group.shutdown();
    await Promise.all(groups.map(({ ended }) => ended));
  }

  /** A new file in the library, and a request for it. */
  async request(fields: Partial<EraseRequest> & { media?: Partial<MediaSpec> } = {}): Promise<EraseRequest> {
    const { media, ...rest } = fields;
    this.media += 1;
    const fileId = rest.fileId ?? String(5285000000000000000n + BigInt(this.media));
    await this.admin.addMedia([
      { name: `file ${this.media}`, duration: 10, width: 1280, height: 720, ...media, fileId },
    ]);
    return { subAppId: 1500000001, recipe: { name: 'subtitles' }, ...rest, fileId };
  }

  /** How often the vendor's door saw an action for a file, with what outcome. */
  async outcomes(action: string, fileId?: string): Promise<string[]> {
    const calls = await this.admin.calls();
    return calls
      .filter((c) => c.action === action && (fileId === undefined || c.fileId === fileId))
      .map((c) => c.outcome);
  }

  /**
   * Refused submits that one breaker may cost: the first, and what is out until it is in the ledger. Five are out for a quarter of a
   * second; on a busy machine a refusal takes longer, and as long as it takes, twenty leave a second.
   */
  async mostRefused(): Promise<number> {
    const { rows } = await this.query(
      `select coalesce(max(extract(epoch from answered_at - place_at)), 0)::float8 as seconds from submission where error_class = 'account'`,
    );
    return 1 + Math.max(5, Math.ceil(rows[0].seconds * 20));
  }

  /** What an operator's resume would do in the end: a refusal of one test must not stop the next. */
  async closeBreakers(): Promise<void> {
    await this.sql('delete from breaker');
  }

  /** What a test left, whether it passed or not: faults and open breakers must not reach the next one. */
  async clear(): Promise<void> {
    await this.admin.clearFaults();
    await this.closeBreakers();
  }

  /** One statement in the ledger's database, for what only time would do. */
  async sql(statement: string): Promise<void> {
    await this.query(statement);
  }

  async query(statement: string): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: this.env.DATABASE_URL });
    await client.connect();
    try {
      return await client.query(statement);
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    await this.stopWorkers();
    await this.client.close();
    await this.temporal.connection.close();
    await this.ledger.close();
    await this.closeShared();
  }
}
