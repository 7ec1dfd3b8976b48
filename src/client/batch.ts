import { startFeederOn } from '../temporal/feeder-start.js';
import { type EraseClientConfig, openSession } from './session.js';

/**
 * Starts the dispatcher workflow of a batch in the ledger, unless it runs. Safe to repeat.
 * @throws UnavailableError, ConfigurationError
 */
export async function startFeeder(batchId: string, config: EraseClientConfig = {}): Promise<void> {
  const session = await openSession(config);
  try {
    await session.call(() => startFeederOn(session.client, batchId, session.names));
  } finally {
    await session.close();
  }
}
