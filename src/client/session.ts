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

/** What every way to connect may have. */
export interface ClientHooks {
  /**
   * The Temporal SDK's own interceptors, around every call. With those of `@temporalio/interceptors-opentelemetry` an erase
   * belongs to the trace that starts it.
   */
  interceptors?: ClientInterceptors;
  /**
   * Of the installation that is meant, where several share a namespace: what its workers have as SMART_ERASE_PREFIX. Default:
   * that variable where the connection is made by environment variables, none on a connection of the caller's own.
   */
  prefix?: string;
}

/** An open connection of the caller's own; it stays the caller's to close. */
export interface ExistingConnection extends ClientHooks {
  /** Of the Temporal SDK; used as it is. */
  connection: ConnectionLike;
  /** Default `default`. */
  namespace?: string;
}

/** Where to connect. What is left out comes from Temporal's own environment variables and configuration file. */
export interface ConnectTo extends ClientHooks {
  /** `host:port`. */
  address?: string;
  /** Default: of the environment, else `default`. */
  namespace?: string;
  /** Of Temporal Cloud; turns TLS on unless `tls` says otherwise. */
  apiKey?: string;
  /** Default: none without an API key. */
  tls?: boolean;
  /** Default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** How long the first connection may take, in milliseconds. Default 5000. */
  connectTimeoutMs?: number;
}

/** A connection of the caller's own, or where to connect. */
export type EraseClientConfig = ExistingConnection | ConnectTo;

/** A connection with what the rest of the client needs of it. */
export interface Session {
  client: Client;
  namespace: string;
  /** How this installation's queues and search attributes are called. */
  names: Names;
  /** For error messages. */
  address: string;
  /** Runs a call; an error that means "unreachable" or "not allowed" is thrown as such. */
  call<T>(work: () => Promise<T>): Promise<T>;
  /** What the server answered to starts. */
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
