/** Builds and runs the workers of one process. Business services import `client.ts` instead. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { getHeapStatistics } from 'node:v8';
import { type InjectedSinks, Worker, type WorkerOptions } from '@temporalio/worker';
import { FEEDER_TIMINGS, type FeederTimings } from './activities/batch/timings.js';
import { RunningWatches } from './activities/completion-watch/running-watches.js';
import { WATCH_TIMINGS, type WatchTimings } from './activities/completion-watch/timings.js';
import type { ActivityDependencies } from './activities/dependencies.js';
import { createMainActivities, createSubmitActivities } from './activities/index.js';
import { subAppProblem } from './config/allowed-sub-apps.js';
import type { Settings } from './config/settings.js';
import { namesWith, type SearchAttributeKey } from './contract/names.js';
import { VENDOR_MEMORY_MS } from './contract/vendor-limits.js';
import { ConfigurationError, UnavailableError } from './errors.js';
import { LedgerError } from './ledger/db/ledger-error.js';
import { openRateLimitDatabase } from './ledger/db/rate-limit-database.js';
import { openLedger } from './ledger/index.js';
import { instrumentLedger } from './metrics/instrument-ledger.js';
import { countCalls, instrumentVod } from './metrics/instrument-vod.js';
import { LedgerGauges } from './metrics/ledger-gauges.js';
import { WorkerMetrics } from './metrics/worker-metrics.js';
import { RateLimiter } from './rate-limit/index.js';
import { clientOf } from './temporal/client-of.js';
import { createEraseRuns } from './temporal/erase-runs.js';
import { registeredSearchAttributes } from './temporal/search-attributes.js';
import { temporalError } from './temporal/service-errors.js';
import { vodClientOf } from './tencent-vod/client-of-settings.js';
import { estimateUsd } from './tencent-vod/cost.js';
import { MediaReader } from './tencent-vod/media-reader.js';
import { createWebhookSender } from './webhook/sender.js';
import { instrumentActivities } from './worker/activity-watch.js';
import { Health } from './worker/health.js';
import { CurrentConnection } from './worker/keep-connection.js';
import { keepFeeders } from './worker/keep-feeders.js';
import { keepPrices } from './worker/keep-prices.js';
import { keepRuns } from './worker/keep-runs.js';
import { keepWatches } from './worker/keep-watches.js';
import { workerLogger } from './worker/log.js';
import { type MonitorServer, startMonitorServer } from './worker/monitor-server.js';
import { redactor, secretsOf } from './worker/redact.js';
import { installRuntime } from './worker/runtime.js';
import { sdkMetrics } from './worker/sdk-metrics.js';
import type { Tracing } from './worker/tracing.js';
import type { EraseSinks } from './workflows/metrics-sink.js';

/**
 * The queue's own rate limit, as a multiple of the submit budget: a guard against a defect, not the promise. Set at the
 * budget itself it was measured to cost 15% of the rate, and it lets bursts through all the same; the rate
 * limiter keeps the promise.
 */
const QUEUE_RATE_MARGIN = 1.5;

/**
 * Workflow tasks at once. With the SDK's 40, a burst of new runs stands before the submits in one event loop: on full cores 18%
 * fewer submits than with 20, and no fewer with 10 (`docs/adr/0009-workflow-tasks-and-cache.md`).
 */
const WORKFLOW_TASKS_AT_ONCE = 20;

/**
 * Runs kept in memory between two of their workflow tasks, at most. A run waits for minutes, so that its next task finds it
 * there only if thousands are kept; what counts are the seconds around a submit and a result.
 */
const CACHED_WORKFLOWS = 500;
/** Fewer where the heap is small: what the program itself needs, and what a run takes, in MB. Both as the SDK counts them. */
const HEAP_BESIDE_RUNS_MB = 200;
const HEAP_A_RUN_MB = 1.7;
const LEAST_CACHED_WORKFLOWS = 10;

/** How long the read search attributes of the namespace are cached, in milliseconds. */
const SEARCH_ATTRIBUTES_FRESH_MS = 60_000;

/** Timeout of the check whether Temporal answers, in milliseconds. */
const TEMPORAL_LOOK_MS = 2_000;

/** After the grace, how long a worker may take to end what it cut off, in milliseconds. */
const FORCE_AFTER_GRACE_MS = 5_000;

/** The workers of this process, connected and not running yet. */
export interface WorkerGroup {
  /** As Temporal shows them. */
  identity: string;
  /** The queues that they take work from. */
  taskQueues: string[];
  /** Of `/metrics`, `/healthz` and `/readyz`; null when SMART_ERASE_METRICS_PORT is not set. */
  monitorUrl: string | null;
  /** Runs until {@link WorkerGroup.shutdown}; rejects when a worker fails. Closes everything that was opened. */
  run(): Promise<void>;
  /** No new work; what runs may end within the grace. */
  shutdown(): void;
}

/** What is not a setting of the environment. */
export interface CreateWorkersOptions {
  /** Workflow code: a prebuilt bundle, by default the one beside this file. */
  workflowBundlePath?: string;
  /** As Temporal shows the workers. Default: `smart-erase@<host>:<pid>`. */
  identity?: string;
  /** Other times of the completion watch than its own, for tests. Milliseconds. */
  watchTimings?: Partial<WatchTimings>;
  /** The same for batch dispatchers. */
  feederTimings?: Partial<FeederTimings>;
}

/**
 * Connects to Temporal, the ledger and the vendor, and makes one worker for each task queue.
 *
 * @throws ConfigurationError when the ledger is not migrated, or a setting does not fit; UnavailableError when a server
 *   cannot be reached
 */
export async function createWorkers(settings: Settings, options: CreateWorkersOptions = {}): Promise<WorkerGroup> {
  const { vendor, worker } = settings;
  const names = namesWith(settings.temporal.prefix);
  const { port, host } = settings.monitor;
  const logger = workerLogger(settings.log, redactor(secretsOf(settings)));
  const { sdkMetricsUrl } = await installRuntime({ logger, metrics: port !== undefined });
  const metrics = new WorkerMetrics({ submitsPerSecond: vendor.submitsPerSecond });
  const health = new Health();
  const identity = options.identity ?? `smart-erase@${hostname()}:${process.pid}`;
  const opened = openLedger(settings.databaseUrl.reveal(), {
    namespace: settings.temporal.namespace,
    maxConnections: connectionsFor(worker.submitConcurrency),
  });
  const slots = openRateLimitDatabase(settings.databaseUrl.reveal());
  const limiter = new RateLimiter(slots, { name: 'submit', callsPerSecond: vendor.submitsPerSecond });
  const ledger = instrumentLedger(opened, metrics);
  const { otlpEndpoint } = settings.monitor;
  const tracing =
    otlpEndpoint === undefined
      ? undefined
      : (await import('./worker/tracing.js')).startTracing(otlpEndpoint, identity, logger);
  const client = vodClientOf(vendor, { headers: tracing?.headers });
  const counted = instrumentVod(client, countCalls(metrics));
  const vod = tracing === undefined ? counted : instrumentVod(counted, tracing.observeCalls);
  let connection: CurrentConnection | undefined;
  let monitor: MonitorServer | undefined;
  const close = async () => {
    client.close();
    await Promise.allSettled([opened.close(), slots.close(), connection?.close(), monitor?.close(), tracing?.close()]);
  };
  try {
    // First of all: who watches over this process is answered while it starts, too.
    if (port !== undefined) {
      const gauges = new LedgerGauges(metrics.registry, ledger.state, VENDOR_MEMORY_MS / 1_000);
      monitor = await startMonitorServer(
        { port, host },
        { health, metrics: () => allMetrics(metrics, gauges, health, sdkMetricsUrl) },
      );
    }
    await ledger.check();
    const current = await CurrentConnection.open(settings.temporal);
    connection = current;
    const connected = { connection: current.connection, namespace: settings.temporal.namespace };
    const media = new MediaReader(vod, { known: (subAppId, fileIds) => ledger.media.find(subAppId, fileIds) });
    const stopping = new AbortController();
    const watchTimings = { ...WATCH_TIMINGS, intervalMs: vendor.watchIntervalSeconds * 1_000, ...options.watchTimings };
    const mayList = (subAppId: number) => subAppProblem(subAppId, vendor.allowedSubAppIds) === null;
    const watch = {
      running: new RunningWatches(
        ledger,
        worker.watch,
        watchTimings,
        (problem) => logger.warn(problem),
        names,
        mayList,
      ),
      timings: watchTimings,
      stopping: stopping.signal,
    };
    const deps: ActivityDependencies = {
      vod,
      ledger,
      webhooks: createWebhookSender(settings.webhooks),
      allowedSubAppIds: vendor.allowedSubAppIds,
      registeredSearchAttributes: cached(() =>
        registeredSearchAttributes(connected.connection, connected.namespace, names),
      ),
      unfitness: (file) => media.unfitness(file),
      estimateUsd: async ({ recipe, ...file }) => estimateUsd(recipe, await media.measures(file), vendor.prices),
      limiter,
      connectForSubmit: () => client.connectForSubmit(),
      timings: {
        settleMs: vendor.settleSeconds * 1_000,
        throttledTooLongMs: vendor.throttledTooLongSeconds * 1_000,
        pollFirstMs: vendor.pollFirstSeconds * 1_000,
        pollMaxMs: vendor.pollMaxSeconds * 1_000,
      },
      watch,
      feeder: {
        runs: createEraseRuns(connected.connection, connected.namespace, names),
        timings: {
          ...FEEDER_TIMINGS,
          submitsPerSecond: vendor.submitsPerSecond,
          oldestTaskMs: worker.batchOldestTaskHours * 3_600_000,
          ...options.feederTimings,
        },
        stopping: stopping.signal,
      },
    };
    const workers = await Promise.all(
      workerOptions(settings, deps, options, { metrics, tracing }).map((each) =>
        Worker.create({
          ...each,
          interceptors: {
            ...each.interceptors,
            activity: [...(tracing === undefined ? [] : [tracing.activityInterceptors]), instrumentActivities(metrics)],
          },
          connection: current.ofWorkers,
          namespace: connected.namespace,
          identity,
        }),
      ),
    );
    health.started({
      temporal: () =>
        connected.connection.withDeadline(Date.now() + TEMPORAL_LOOK_MS, () =>
          connected.connection.workflowService.getSystemInfo({}),
        ),
      ledger: () => ledger.check(),
      workers: async () => {
        if (!workers.every((each) => each.getState() === 'RUNNING')) throw new Error('Not every worker runs.');
      },
    });
    return {
      identity,
      monitorUrl: monitor?.url ?? null,
      taskQueues: workers.map((w) => w.options.taskQueue),
      run: async () => {
        try {
          keepWatches(watch, clientOf(connected));
          keepPrices(ledger, vendor.prices, stopping.signal);
          keepRuns(ledger, clientOf(connected), stopping.signal);
          keepFeeders(ledger, clientOf(connected), names, stopping.signal);
          const lost = new Promise<never>((_, reject) => {
            current.keep({ workers, logger, stopping: stopping.signal, onLost: reject });
          });
          await runTogether(workers, lost, () => stopping.abort());
        } finally {
          await close();
        }
      },
      shutdown: () => {
        health.drain();
        stopping.abort();
        shutdownAll(workers);
      },
    };
  } catch (error) {
    await close();
    throw toUserFacingError(error, settings.temporal.address);
  }
}

function workerOptions(
  settings: Settings,
  deps: ActivityDependencies,
  options: CreateWorkersOptions,
  { metrics, tracing }: { metrics: WorkerMetrics; tracing: Tracing | undefined },
): WorkerOptions[] {
  const { vendor, worker } = settings;
  const { queue } = namesWith(settings.temporal.prefix);
  const graceMs = worker.shutdownGraceSeconds * 1_000;
  const cached = cachedWorkflows(getHeapStatistics().heap_size_limit / 2 ** 20);
  const common = {
    shutdownGraceTime: graceMs,
    shutdownForceTime: graceMs + FORCE_AFTER_GRACE_MS,
    ...versioning(worker.deployment),
  };
  const submit = {
    ...common,
    activities: createSubmitActivities(deps),
    maxConcurrentActivityTaskExecutions: worker.submitConcurrency,
    maxTaskQueueActivitiesPerSecond: vendor.submitsPerSecond * QUEUE_RATE_MARGIN,
  };
  return [
    {
      ...common,
      taskQueue: queue.main,
      ...workflowCode(options.workflowBundlePath, tracing),
      sinks: { ...countEnds(metrics), ...tracing?.sinks },
      activities: createMainActivities(deps),
      maxConcurrentActivityTaskExecutions: worker.activityConcurrency,
      maxConcurrentWorkflowTaskExecutions: Math.min(WORKFLOW_TASKS_AT_ONCE, cached),
      maxCachedWorkflows: cached,
    },
    { ...submit, taskQueue: queue.submit },
    { ...submit, taskQueue: queue.submitBatch },
  ];
}

/** How many runs a worker with such a heap keeps in memory: 500, or what there is room for, at least 10. */
export function cachedWorkflows(heapLimitMb: number): number {
  const room = Math.floor((heapLimitMb - HEAP_BESIDE_RUNS_MB) / HEAP_A_RUN_MB);
  return Math.min(CACHED_WORKFLOWS, Math.max(LEAST_CACHED_WORKFLOWS, room));
}

/** What workflow code reports about its end. */
function countEnds(metrics: WorkerMetrics): InjectedSinks<EraseSinks> {
  return { erases: { ended: { fn: (_info, end, errorClass) => metrics.ended(end, errorClass) } } };
}

/** Erases stay with the build that began them; src/workflows/index.ts names what moves on. */
function versioning(deployment: Settings['worker']['deployment']): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  if (deployment === undefined) return {};
  const version = { deploymentName: deployment.name, buildId: deployment.buildId };
  return { workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' } };
}

/** The bundle that the build made; from sources, where there is none, it is made at every start. */
function workflowCode(
  path: string | undefined,
  tracing: Tracing | undefined,
): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath' | 'bundlerOptions' | 'interceptors'> {
  if (path !== undefined) return { workflowBundle: { codePath: path } };
  const name = tracing === undefined ? './workflow-bundle.js' : './workflow-bundle-traced.js';
  const built = fileURLToPath(new URL(name, import.meta.url));
  if (existsSync(built)) return { workflowBundle: { codePath: built } };
  const converter = fileURLToPath(new URL('./contract/payload-converter.js', import.meta.url));
  return {
    workflowsPath: fileURLToPath(new URL('./workflows/index.js', import.meta.url)),
    // As in the bundle that the build makes; for workflow code only, which alone is given values of others.
    bundlerOptions: {
      webpackConfigHook: (config) => ({
        ...config,
        resolve: {
          ...config.resolve,
          alias: { ...config.resolve?.alias, __temporal_custom_payload_converter$: converter },
        },
      }),
    },
    ...(tracing === undefined ? {} : { interceptors: { workflowModules: [tracing.workflowModule] } }),
  };
}

/**
 * When one worker fails the others stop too: half a process would look alive and do half of the work. The same when the
 * connection is lost permanently.
 */
async function runTogether(workers: Worker[], lost: Promise<never>, onFailure: () => void): Promise<void> {
  let why: { error: unknown } | undefined;
  const stopFor = (error: unknown) => {
    if (why !== undefined) return;
    why = { error };
    onFailure();
    shutdownAll(workers);
  };
  lost.catch(stopFor);
  await Promise.all(workers.map((worker) => worker.run().catch(stopFor)));
  if (why !== undefined) throw why.error;
}

function shutdownAll(workers: Worker[]): void {
  for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
}

/**
 * Connections to the ledger of one process: a submit that waits holds none. Four processes stay below PostgreSQL's default limit
 * of 100.
 */
const MAX_LEDGER_CONNECTIONS = 18;

/** Two submit queues, and the reads of the ledger by the other activities. */
function connectionsFor(submitConcurrency: number): number {
  return Math.min(2 * submitConcurrency + 5, MAX_LEDGER_CONNECTIONS);
}

function cached(read: () => Promise<SearchAttributeKey[]>): () => Promise<SearchAttributeKey[]> {
  let fresh: { value: Promise<SearchAttributeKey[]>; untilMs: number } | undefined;
  return () => {
    if (fresh === undefined || performance.now() > fresh.untilMs) {
      const value = read();
      fresh = { value, untilMs: performance.now() + SEARCH_ATTRIBUTES_FRESH_MS };
      value.catch(() => {
        fresh = undefined;
      });
    }
    return fresh.value;
  };
}

/** One scrape has it all: ours, the ledger's, Node's and the Temporal SDK's. */
async function allMetrics(
  metrics: WorkerMetrics,
  gauges: LedgerGauges,
  health: Health,
  sdkMetricsUrl: string | undefined,
): Promise<string> {
  const [{ ready }, sdk] = await Promise.all([health.readiness(), sdkMetrics(sdkMetricsUrl), gauges.refresh()]);
  metrics.worker({ ready, draining: health.draining });
  return `${await metrics.registry.metrics()}\n${sdk}`;
}

function toUserFacingError(error: unknown, address: string): unknown {
  if (!(error instanceof LedgerError)) return temporalError(error, address);
  return error.kind === 'unavailable'
    ? new UnavailableError(error.message, { code: 'ledger.unavailable', cause: error })
    : new ConfigurationError([error.message], { code: `ledger.${error.kind}`, cause: error });
}
