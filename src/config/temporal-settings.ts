import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { isPrefix, PREFIX_WORDS } from '../contract/names.js';
import { ConfigurationError } from '../errors.js';
import { Secret } from './secret.js';

/** Where a Temporal server listens when nobody says otherwise (the SDK's and the CLI's default). */
const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_NAMESPACE = 'default';

export interface TemporalSettings {
  /** `host:port`. */
  address: string;
  namespace: string;
  tls: boolean;
  /** Before our queues, search attributes and workflow ids in the namespace; empty: none. */
  prefix: string;
  /** All that the SDK connects with, API key and private keys included. */
  connectionOptions: Secret<ClientConnectConfig['connectionOptions']>;
}

/**
 * Temporal's own environment variables and configuration file (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`,
 * `TEMPORAL_PROFILE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_*`), read the way every Temporal tool reads them.
 */
export function loadTemporalSettings(env: NodeJS.ProcessEnv): TemporalSettings {
  const prefix = loadPrefix(env);
  const overrideEnvVars: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // A variable set to nothing is what compose files and CI leave behind; it means "not set".
    if (value !== undefined && value !== '') overrideEnvVars[name] = value;
  }
  let config: ClientConnectConfig;
  try {
    config = loadConfig(overrideEnvVars);
  } catch (error) {
    throw new ConfigurationError([
      `The Temporal configuration cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    ]);
  }
  const given = Object.entries(config.connectionOptions).filter(([, value]) => value !== undefined);
  const connectionOptions: ClientConnectConfig['connectionOptions'] = Object.fromEntries(given);
  connectionOptions.address ??= DEFAULT_ADDRESS;
  return {
    address: connectionOptions.address,
    namespace: config.namespace ?? DEFAULT_NAMESPACE,
    tls: connectionOptions.tls !== undefined && connectionOptions.tls !== false,
    prefix,
    connectionOptions: new Secret(connectionOptions),
  };
}

/**
 * SMART_ERASE_PREFIX: what tells this installation's names from those of others in the same namespace.
 * @throws ConfigurationError
 */
export function loadPrefix(env: NodeJS.ProcessEnv): string {
  const prefix = env.SMART_ERASE_PREFIX ?? '';
  if (!isPrefix(prefix)) throw new ConfigurationError([`SMART_ERASE_PREFIX ${PREFIX_WORDS}, not "${prefix}"`]);
  return prefix;
}

function loadConfig(overrideEnvVars: Record<string, string>): ClientConnectConfig {
  try {
    return loadClientConnectConfig({ overrideEnvVars });
  } catch (error) {
    // The SDK trips over a file without any profile, such as an empty one or /dev/null: there is nothing in it to read.
    if (!(error instanceof TypeError)) throw error;
    const profile = overrideEnvVars.TEMPORAL_PROFILE;
    if (profile !== undefined) throw new Error(`its file has no profile "${profile}".`);
    return loadClientConnectConfig({ overrideEnvVars, disableFile: true });
  }
}
