import { shownDatabase } from './database-address.js';
import { describeMonitorSettings } from './monitor-settings.js';
import type { Settings } from './settings.js';
import { describeWebhookSettings } from './webhook-settings.js';

/** Enough of an id to recognise it, but not to use it. */
function shortened(secretId: string): string {
  return secretId.length <= 12 ? secretId : `${secretId.slice(0, 8)}…${secretId.slice(-2)}`;
}

/** The effective settings by environment variable, without secrets. Parts that are not loaded are omitted. */
export function describeSettings(settings: Partial<Settings>): Record<string, string> {
  const { temporal, databaseUrl, vendor, worker, webhooks, monitor, log } = settings;
  const shown: Record<string, string> = {};
  if (temporal) {
    shown.TEMPORAL_ADDRESS = temporal.address;
    shown.TEMPORAL_NAMESPACE = temporal.namespace;
    shown.TEMPORAL_TLS = String(temporal.tls);
    shown.SMART_ERASE_PREFIX = temporal.prefix || 'not set (none)';
    shown.TEMPORAL_API_KEY = temporal.connectionOptions.reveal().apiKey === undefined ? 'not set' : 'set';
  }
  if (databaseUrl) shown.DATABASE_URL = shownDatabase(databaseUrl.reveal());
  if (vendor) {
    const { credentials } = vendor;
    shown.TENCENTCLOUD_SECRET_ID = credentials ? shortened(credentials.secretId) : 'not set (credential chain)';
    shown.TENCENTCLOUD_SECRET_KEY = credentials ? 'set' : 'not set (credential chain)';
    shown.TENCENTCLOUD_TOKEN = credentials?.token ? 'set' : 'not set';
    shown.VOD_ENDPOINT = vendor.endpoint;
    shown.VOD_SUB_APP_ID = vendor.subAppId === undefined ? 'not set' : String(vendor.subAppId);
    shown.VOD_ALLOWED_SUB_APP_IDS = vendor.allowedSubAppIds?.join(',') ?? 'not set (any)';
    shown.VOD_SUBMIT_RPS = String(vendor.submitsPerSecond);
    shown.VOD_REQUEST_TIMEOUT_SECONDS = String(vendor.requestTimeoutSeconds);
    shown.VOD_SETTLE_SECONDS = String(vendor.settleSeconds);
    shown.VOD_THROTTLED_TOO_LONG_SECONDS = String(vendor.throttledTooLongSeconds);
    shown.VOD_POLL_FIRST_SECONDS = String(vendor.pollFirstSeconds);
    shown.VOD_POLL_MAX_SECONDS = String(vendor.pollMaxSeconds);
    shown.VOD_WATCH_INTERVAL_SECONDS = String(vendor.watchIntervalSeconds);
    shown.VOD_PRICE_FILE = vendor.priceFile ?? 'not set (list prices)';
  }
  if (worker) {
    shown.SMART_ERASE_BUILD_ID = worker.deployment?.buildId ?? 'not set (no versioning)';
    shown.SMART_ERASE_DEPLOYMENT_NAME = worker.deployment?.name ?? 'not used';
    shown.SMART_ERASE_SUBMIT_CONCURRENCY = String(worker.submitConcurrency);
    shown.SMART_ERASE_ACTIVITY_CONCURRENCY = String(worker.activityConcurrency);
    shown.SMART_ERASE_SHUTDOWN_GRACE_SECONDS = String(worker.shutdownGraceSeconds);
    shown.SMART_ERASE_BATCH_OLDEST_TASK_HOURS = String(worker.batchOldestTaskHours);
    shown.SMART_ERASE_WATCH = worker.watch ? 'on' : 'off';
  }
  if (webhooks) Object.assign(shown, describeWebhookSettings(webhooks));
  if (monitor) Object.assign(shown, describeMonitorSettings(monitor));
  if (log) {
    shown.SMART_ERASE_LOG_LEVEL = log.level;
    shown.SMART_ERASE_LOG_FORMAT = log.format;
  }
  return shown;
}
