import type { z } from 'zod';
import { namesWith } from '../contract/names.js';
import { PRICE_LIST, type PriceList } from '../contract/price-list.js';
import { ConfigurationError } from '../errors.js';
import { credentialFileProblems } from './credential-file.js';
import {
  DATABASE_VARIABLES,
  type LOG_FORMATS,
  type LOG_LEVELS,
  LOG_VARIABLES,
  unfitVariables,
  VENDOR_VARIABLES,
  vendorConflicts,
} from './environment.js';
import { MONITOR_VARIABLES, type MonitorSettings, monitorSettings } from './monitor-settings.js';
import { readPriceFile } from './price-file.js';
import { Secret } from './secret.js';
import { loadTemporalSettings, type TemporalSettings } from './temporal-settings.js';
import { keyPairOf } from './vendor-credentials.js';
import { SHUTDOWN_MARGIN_SECONDS, worstRequestSeconds } from './vendor-limits.js';
import { WEBHOOK_VARIABLES, type WebhookSettings, webhookSettings } from './webhook-settings.js';

export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface VendorCredentials {
  secretId: string;
  secretKey: Secret;
  /** Token of temporary credentials. */
  token: Secret | undefined;
}

export interface VendorSettings {
  /** A host, or an http(s) URL without a path. */
  endpoint: string;
  /** Undefined when none are in the environment: the vendor SDK's credential chain is used. */
  credentials: VendorCredentials | undefined;
  /** Default for requests without one. */
  subAppId: number | undefined;
  /** Sub-applications that a worker submits for; undefined: any. */
  allowedSubAppIds: readonly number[] | undefined;
  /** Submits in any second, over all workers that share the ledger. */
  submitsPerSecond: number;
  requestTimeoutSeconds: number;
  /** How long a new task may be missing from the vendor's listing. */
  settleSeconds: number;
  /** The breaker opens when every submit is throttled, and none accepted, for this long. */
  throttledTooLongSeconds: number;
  pollFirstSeconds: number;
  pollMaxSeconds: number;
  /** Interval of the list of finished tasks, for each sub-application that waits; default 5. */
  watchIntervalSeconds: number;
  /** Undefined: the built-in list prices. */
  priceFile: string | undefined;
  prices: PriceList;
}

export interface WorkerSettings {
  /** Concurrent submits, for each submit queue and worker. */
  submitConcurrency: number;
  /** Concurrent other activities, for each worker. */
  activityConcurrency: number;
  /** How long a stopping worker lets its activities continue. */
  shutdownGraceSeconds: number;
  /** Build id and deployment of this worker; undefined: no versioning. */
  deployment: { name: string; buildId: string } | undefined;
  /** A batch starts nothing more while one of its tasks was submitted longer ago than this and has not ended; default 6. */
  batchOldestTaskHours: number;
  /** The completion watch; without it, only polls detect ended tasks. Default on. */
  watch: boolean;
}

export interface Settings {
  temporal: TemporalSettings;
  databaseUrl: Secret;
  vendor: VendorSettings;
  worker: WorkerSettings;
  webhooks: WebhookSettings;
  monitor: MonitorSettings;
  log: { level: LogLevel; format: LogFormat };
}

/** A required part of the settings. A client needs `temporal` only. */
export type Need = 'temporal' | 'database' | 'vendor';

interface SectionsOf {
  temporal: 'temporal';
  database: 'databaseUrl';
  vendor: 'vendor' | 'worker' | 'webhooks' | 'monitor';
}

export type SettingsFor<N extends Need> = Pick<Settings, SectionsOf[N] | 'log'>;

const EVERYTHING: readonly Need[] = ['temporal', 'database', 'vendor'];

/**
 * Reads the settings from environment variables. Parts that are not needed are neither read nor checked.
 * @throws ConfigurationError with all problems
 */
export function loadSettings<N extends Need = Need>(
  env: NodeJS.ProcessEnv = process.env,
  { need }: { need?: readonly N[] } = {},
): SettingsFor<N> {
  const needed: readonly Need[] = need ?? EVERYTHING;
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const problems: string[] = [];
  const settings: Partial<Settings> = {};

  const log = parsed(LOG_VARIABLES, given, problems);
  if (log) settings.log = { level: log.SMART_ERASE_LOG_LEVEL, format: log.SMART_ERASE_LOG_FORMAT };
  if (needed.includes('temporal')) {
    try {
      settings.temporal = loadTemporalSettings(env);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (needed.includes('database')) {
    const database = parsed(DATABASE_VARIABLES, given, problems);
    if (database) settings.databaseUrl = new Secret(database.DATABASE_URL);
  }
  if (needed.includes('vendor')) {
    const vendor = parsed(VENDOR_VARIABLES, given, problems);
    if (vendor) {
      problems.push(...vendorConflicts(vendor));
      if (keyPairOf(vendor) === null) problems.push(...credentialFileProblems());
      const unfitFile = problems.some((problem) => problem.startsWith('VOD_PRICE_FILE '));
      Object.assign(
        settings,
        vendorSections(vendor, pricesOf(unfitFile ? undefined : vendor.VOD_PRICE_FILE, problems)),
      );
    }
    const webhooks = parsed(WEBHOOK_VARIABLES, given, problems);
    if (webhooks) settings.webhooks = webhookSettings(webhooks);
    const monitor = parsed(MONITOR_VARIABLES, given, problems);
    if (monitor) settings.monitor = monitorSettings(monitor);
    // Read by OpenTelemetry's packages; it may contain a key.
    problems.push(...unfitVariables(given, ['OTEL_EXPORTER_OTLP_HEADERS']));
  }
  // Two parts validate the prefix, so its problem may occur twice.
  if (problems.length > 0) throw new ConfigurationError([...new Set(problems)]);
  return settings as SettingsFor<N>;
}

/** The log settings. Their problems are reported by {@link loadSettings}; until then the defaults apply. */
export function loadLogSettings(env: NodeJS.ProcessEnv = process.env): Settings['log'] {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const log = parsed(LOG_VARIABLES, given, []) ?? LOG_VARIABLES.parse({});
  return { level: log.SMART_ERASE_LOG_LEVEL, format: log.SMART_ERASE_LOG_FORMAT };
}

/** The prices of this shell, for a command that needs no other vendor setting. @throws ConfigurationError */
export function loadPrices(env: NodeJS.ProcessEnv = process.env): PriceList {
  const problems: string[] = [];
  const prices = pricesOf(env.VOD_PRICE_FILE || undefined, problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return prices;
}

function parsed<Schema extends z.ZodObject>(
  schema: Schema,
  env: Record<string, unknown>,
  problems: string[],
): z.infer<Schema> | undefined {
  const unfit = unfitVariables(env, Object.keys(schema.shape));
  problems.push(...unfit);
  const outcome = schema.safeParse(env);
  // Unfit values are reported above; all other problems are reported with them.
  if (outcome.success) return outcome.data;
  for (const issue of outcome.error.issues) {
    const name = issue.path.join('.');
    if (!unfit.some((problem) => problem.startsWith(`${name} `))) problems.push(`${name} ${issue.message}`);
  }
  return undefined;
}

function pricesOf(file: string | undefined, problems: string[]): PriceList {
  if (file === undefined) return PRICE_LIST;
  const read = readPriceFile(file);
  if ('prices' in read) return read.prices;
  problems.push(...read.problems.map((problem) => `VOD_PRICE_FILE: ${problem}`));
  return PRICE_LIST;
}

function vendorSections(
  value: z.infer<typeof VENDOR_VARIABLES>,
  prices: PriceList,
): Pick<Settings, 'vendor' | 'worker'> {
  const pair = keyPairOf(value);
  return {
    vendor: {
      endpoint: value.VOD_ENDPOINT,
      credentials:
        pair === null
          ? undefined
          : {
              secretId: pair.secretId,
              secretKey: new Secret(pair.secretKey),
              token: pair.token === undefined ? undefined : new Secret(pair.token),
            },
      subAppId: value.VOD_SUB_APP_ID,
      allowedSubAppIds: value.VOD_ALLOWED_SUB_APP_IDS,
      submitsPerSecond: value.VOD_SUBMIT_RPS,
      requestTimeoutSeconds: value.VOD_REQUEST_TIMEOUT_SECONDS,
      settleSeconds: value.VOD_SETTLE_SECONDS,
      throttledTooLongSeconds: value.VOD_THROTTLED_TOO_LONG_SECONDS,
      pollFirstSeconds: value.VOD_POLL_FIRST_SECONDS,
      pollMaxSeconds: value.VOD_POLL_MAX_SECONDS,
      watchIntervalSeconds: value.VOD_WATCH_INTERVAL_SECONDS,
      priceFile: value.VOD_PRICE_FILE,
      prices,
    },
    worker: {
      deployment:
        value.SMART_ERASE_BUILD_ID === undefined
          ? undefined
          : {
              name: value.SMART_ERASE_DEPLOYMENT_NAME ?? namesWith(value.SMART_ERASE_PREFIX).queue.main,
              buildId: value.SMART_ERASE_BUILD_ID,
            },
      submitConcurrency: value.SMART_ERASE_SUBMIT_CONCURRENCY,
      activityConcurrency: value.SMART_ERASE_ACTIVITY_CONCURRENCY,
      shutdownGraceSeconds:
        value.SMART_ERASE_SHUTDOWN_GRACE_SECONDS ??
        worstRequestSeconds(value.VOD_REQUEST_TIMEOUT_SECONDS) + SHUTDOWN_MARGIN_SECONDS,
      watch: value.SMART_ERASE_WATCH === 'on',
      batchOldestTaskHours: value.SMART_ERASE_BATCH_OLDEST_TASK_HOURS,
    },
  };
}
