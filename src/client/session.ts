import type { Client, ClientInterceptors, ConnectionLike } from '@temporalio/client';
import { Secret } from '../config/secret.js';
import { checkGiven, loadTemporalSettings, type TemporalSettings } from '../config/temporal-settings.js';
import { withTrustedRoots } from '../config/temporal-tls.js';
import { isPrefix, type Names, namesWith, PREFIX_WORDS } from '../contract/names.js';
import { ConfigurationError } from '../errors.js';
import { clientOf } from '../temporal/client-of.js';
import { connectClient } from '../temporal/connection.js';
import { type ObservedStarts, observeStarts } from '../temporal/observed-starts.js';
import { temporalError } from '../temporal/service-errors.js';

/** Options of every way to connect. */
export interface ClientHooks {
  /**
   * Interceptors of the Temporal SDK, around every call. Those of `@temporalio/interceptors-opentelemetry` put an erase into the
   * trace that starts it.
   */
  interceptors?: ClientInterceptors;
  /**
   * Prefix of the installation, where several share a namespace: its workers' SMART_ERASE_PREFIX. Default: that variable for a
   * connection by environment variables, none on an existing connection.
   */
  prefix?: string;
}

/** The caller's open connection, which the caller closes. */
export interface ExistingConnection extends ClientHooks {
  /** A connection of the Temporal SDK, used unchanged. */
  connection: ConnectionLike;
  /** Default `default`. */
  namespace?: string;
}

/** Where to connect. Omitted settings come from Temporal's own environment variables and configuration file. */
export interface ConnectTo extends ClientHooks {
  /** `host:port`. */
  address?: string;
  /** Default: from the environment, else `default`. */
  namespace?: string;
  /** API key of Temporal Cloud; turns TLS on unless `tls` is set. */
  apiKey?: string;
  /** Default: none without an API key. */
  tls?: boolean;
  /** Default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Timeout of the first connection, in milliseconds. Default 5000. */
  connectTimeoutMs?: number;
}

/** An existing connection, or where to connect. */
export type EraseClientConfig = ExistingConnection | ConnectTo;

/** A connection with the other state of the client. */
export interface Session {
  client: Client;
  namespace: string;
  /** Names of this installation's queues and search attributes. */
  names: Names;
  /** For error messages. */
  address: string;
  /** Makes a call; converts errors that mean "unreachable" or "not allowed". */
  call<T>(work: () => Promise<T>): Promise<T>;
  /** The server's answers to starts. */
  starts: ObservedStarts;
  close(): Promise<void>;
}

export async function openSession(config: EraseClientConfig): Promise<Session> {
  if (config.prefix !== undefined && !isPrefix(config.prefix)) {
    throw new ConfigurationError([`prefix ${PREFIX_WORDS}, not "${config.prefix}"`]);
  }
  if ('connection' in config) {
    const { connection, namespace = 'default', prefix = '' } = config;
    return sessionOn(connection, { namespace, prefix, address: 'the given connection' }, async () => {}, config);
  }
  const settings = withOverrides(loadTemporalSettings(config.env ?? process.env), config);
  const { connection } = await connectClient(settings, { connectTimeoutMs: config.connectTimeoutMs });
  return sessionOn(connection, settings, () => connection.close(), config);
}

function withOverrides(settings: TemporalSettings, config: ConnectTo): TemporalSettings {
  checkGiven({ address: config.address, apiKey: config.apiKey });
  const options = { ...settings.connectionOptions.reveal() };
  if (config.address !== undefined) options.address = config.address;
  if (config.apiKey !== undefined) options.apiKey = config.apiKey;
  if (config.tls !== undefined) options.tls = config.tls;
  else if (config.apiKey !== undefined) options.tls ??= true;
  return {
    address: config.address ?? settings.address,
    namespace: config.namespace ?? settings.namespace,
    tls: options.tls !== undefined && options.tls !== false,
    prefix: config.prefix ?? settings.prefix,
    connectionOptions: new Secret(withTrustedRoots(options, config.env ?? process.env)),
  };
}

function sessionOn(
  connection: ConnectionLike,
  { namespace, prefix, address }: Pick<TemporalSettings, 'namespace' | 'prefix' | 'address'>,
  close: () => Promise<void>,
  { interceptors }: ClientHooks,
): Session {
  const observed = observeStarts(connection);
  const client = clientOf({ connection: observed.connection, namespace, interceptors });
  return {
    client,
    namespace,
    names: namesWith(prefix),
    address,
    async call(work) {
      try {
        return await work();
      } catch (error) {
        throw temporalError(error, address);
      }
    },
    starts: observed,
    close,
  };
}
