import { type Client, Connection } from '@temporalio/client';
import type { TemporalSettings } from '../config/temporal-settings.js';
import { ConfigurationError, EraseError } from '../errors.js';
import { clientOf } from './client-of.js';
import { connectionTrouble } from './connection-trouble.js';
import { GRPC, grpcCode, temporalError, unreachable } from './service-errors.js';

/** Timeout of the first connection, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** The worker's connection ignores proxy variables, and both must reach the same server. */
export const DIRECT_CHANNEL = { 'grpc.enable_http_proxy': 0 };

export interface ClientConnection {
  connection: Connection;
  client: Client;
  address: string;
  namespace: string;
}

/**
 * Connects as a client: to start, follow and cancel erases. The worker's connection is in `worker-connection.ts`, so that a
 * client never loads the worker.
 * @throws UnavailableError, ConfigurationError: one sentence with the address and what to do
 */
export async function connectClient(
  settings: TemporalSettings,
  { connectTimeoutMs = CONNECT_TIMEOUT_MS }: { connectTimeoutMs?: number } = {},
): Promise<ClientConnection> {
  const { address, namespace } = settings;
  let connection: Connection;
  try {
    connection = await Connection.connect({
      ...settings.connectionOptions.reveal(),
      channelArgs: DIRECT_CHANNEL,
      // The SDK's client and worker packages have different types for this option.
      connectTimeout: connectTimeoutMs,
    } as Parameters<typeof Connection.connect>[0]);
  } catch (error) {
    throw await connectError(error, settings);
  }
  return { connection, client: clientOf({ connection, namespace }), address, namespace };
}

/** Explains a failed connection: an invalid address, missing rights, or why the server does not answer. */
export async function connectError(error: unknown, settings: TemporalSettings): Promise<unknown> {
  const { address, tls } = settings;
  if (error instanceof TypeError) {
    return new ConfigurationError([`TEMPORAL_ADDRESS is "${address}", which is not host:port.`], { cause: error });
  }
  const code = grpcCode(error);
  if (code !== undefined && code !== GRPC.unavailable && code !== GRPC.deadlineExceeded) {
    const known = temporalError(error, address);
    if (known instanceof EraseError) return known;
  }
  const trouble = await connectionTrouble(settings, error);
  return unreachable(address, error, trouble ?? tls);
}
