import { type Client, Connection } from '@temporalio/client';
import type { TemporalSettings } from '../config/temporal-settings.js';
import { ConfigurationError, EraseError } from '../errors.js';
import { clientOf } from './client-of.js';
import { GRPC, grpcCode, temporalError, unreachable } from './service-errors.js';
import { whatListens } from './what-listens.js';

/** How long a first connection may take before the server counts as unreachable, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 5_000;

export interface ClientConnection {
  connection: Connection;
  client: Client;
  address: string;
  namespace: string;
}

/**
 * Connects as a client: to start, follow and cancel erases. The worker's connection is in `worker-connection.ts`, so
 * that a client never loads the worker.
 * @throws UnavailableError, ConfigurationError: one sentence with the address and what to do
 */
export async function connectClient(
  settings: TemporalSettings,
  { connectTimeoutMs = CONNECT_TIMEOUT_MS }: { connectTimeoutMs?: number } = {},
): Promise<ClientConnection> {
  const { address, namespace, tls } = settings;
  let connection: Connection;
  try {
    connection = await Connection.connect({
      ...settings.connectionOptions.reveal(),
      // The SDK's own type for the same thing differs between its client and its worker package.
      connectTimeout: connectTimeoutMs,
    } as Parameters<typeof Connection.connect>[0]);
  } catch (error) {
    throw await connectError(error, address, tls);
  }
  return { connection, client: clientOf({ connection, namespace }), address, namespace };
}

/** What a failed connection means: an address that makes no sense, rights that are missing, another server, or nobody there. */
export async function connectError(error: unknown, address: string, tls: boolean): Promise<unknown> {
  if (error instanceof TypeError) {
    return new ConfigurationError([`TEMPORAL_ADDRESS is "${address}", which is not host:port.`], { cause: error });
  }
  const code = grpcCode(error);
  if (code !== undefined && code !== GRPC.unavailable && code !== GRPC.deadlineExceeded) {
    const known = temporalError(error, address);
    if (known instanceof EraseError) return known;
  }
  return unreachable(address, error, tls, await whatListens(address, tls));
}
