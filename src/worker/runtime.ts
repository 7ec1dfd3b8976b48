import { type Logger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { findFreePort, LOOPBACK } from '../local/free-port.js';

/**
 * Lines of the SDK's native part go to our log, and not past it to stderr. `filter` is what it would print by itself.
 */
const LOGGING = { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) };

/** How often another port is taken when somebody was faster. */
const PORT_TRIES = 5;

interface Installed {
  /** Where the SDK tells its own metrics; undefined: it was not asked to. */
  sdkMetricsUrl: string | undefined;
}

let installed: Promise<Installed> | undefined;

/** The SDK has one runtime a process: the first worker's log and metrics settings stand. */
export function installRuntime(options: { logger: Logger; metrics: boolean }): Promise<Installed> {
  installed ??= install(options);
  return installed;
}

async function install({ logger, metrics }: { logger: Logger; metrics: boolean }): Promise<Installed> {
  if (!metrics) {
    // SIGINT and SIGTERM belong to the program that runs the workers.
    Runtime.install({ logger, shutdownSignals: [], telemetryOptions: { logging: LOGGING } });
    return { sdkMetricsUrl: undefined };
  }
  for (let tries = 1; ; tries += 1) {
    // The SDK's exporter is a server of its own; here it is asked by our /metrics only, so that there is one to scrape.
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
