// Deep import: the package itself would also load the workflow bundler, which a command does not need.
import { NativeConnection } from '@temporalio/worker/lib/connection.js';
import { DefaultLogger } from '@temporalio/worker/lib/logger.js';
import { Runtime } from '@temporalio/worker/lib/runtime.js';
import type { TemporalSettings } from '../config/temporal-settings.js';
import { connectError } from './connection.js';

export interface WorkerConnection {
  connection: NativeConnection;
  address: string;
  namespace: string;
}

/**
 * Connects as a worker, through the SDK's native core.
 * @throws UnavailableError, ConfigurationError: one sentence with the address and what to do
 */
export async function connectWorker(settings: TemporalSettings): Promise<WorkerConnection> {
  const { address, namespace } = settings;
  try {
    const connection = await NativeConnection.connect(settings.connectionOptions.reveal());
    return { connection, address, namespace };
  } catch (error) {
    throw await connectError(error, settings);
  }
}

/** For a process that connects as a worker but runs none: no SDK log lines, and the program handles signals. */
export function quietRuntime(): void {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
}
