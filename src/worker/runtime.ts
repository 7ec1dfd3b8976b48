import { type Logger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { findFreePort, LOOPBACK } from '../local/free-port.js';

/** Forwards native SDK log lines to our log instead of stderr. `filter` is the SDK's default. */
const LOGGING = { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) };

/** Attempts with another port, if another process binds the free port first. */
const PORT_TRIES = 5;

interface Installed {
  /** URL of the SDK's own metrics; undefined when they are off. */
  sdkMetricsUrl: string | undefined;
}

let installed: Promise<Installed> | undefined;

/** The SDK has one runtime per process, so the first worker's log and metrics settings apply. */
export function installRuntime(options: { logger: Logger; metrics: boolean }): Promise<Installed> {
  installed ??= install(options);
  return installed;
}

async function install({ logger, metrics }: { logger: Logger; metrics: boolean }): Promise<Installed> {
  if (!metrics) {
    // The program that runs the workers handles SIGINT and SIGTERM.
    Runtime.install({ logger, shutdownSignals: [], telemetryOptions: { logging: LOGGING } });
    return { sdkMetricsUrl: undefined };
  }
  for (let tries = 1; ; tries += 1) {
    // The SDK's exporter is a separate server; only our /metrics reads it, so that there is one endpoint to scrape.
    const bindAddress = `${LOOPBACK}:${await findFreePort({ port: 0, purpose: 'the Temporal SDK’s metrics' })}`;
    const prometheus = { bindAddress, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };
    try {
      Runtime.install({ logger, shutdownSignals: [], telemetryOptions: { logging: LOGGING, metrics: { prometheus } } });
      return { sdkMetricsUrl: `http://${bindAddress}/metrics` };
    } catch (error) {
      if (tries >= PORT_TRIES) throw error;
    }
  }
}
