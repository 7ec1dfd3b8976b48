import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { isPrefix, PREFIX_WORDS } from '../contract/names.js';
import { ConfigurationError } from '../errors.js';
import { unfitVariables } from './environment.js';
import { unfitWords } from './fit-value.js';
import { Secret } from './secret.js';
import { type ConnectionOptions, certificateProblems, withTrustedRoots } from './temporal-tls.js';

/** Default address of a Temporal server (the SDK's and the CLI's). */
const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_NAMESPACE = 'default';

/** Temporal's own variables that are read here. */
const READ = /^TEMPORAL_(ADDRESS|NAMESPACE|PROFILE|CONFIG_FILE|API_KEY|TLS|TLS_.*|GRPC_META_.*)$/;

export interface TemporalSettings {
  /** `host:port`. */
  address: string;
  namespace: string;
  tls: boolean;
  /** Prefix of our queues, search attributes and workflow ids in the namespace; empty: none. */
  prefix: string;
  /** The SDK's connection options, including API key and private keys. */
  connectionOptions: Secret<ConnectionOptions>;
  /**
   * Loads the settings again from the same variables and files, for a process that outlives its certificates; throws a
   * ConfigurationError. Not set: nothing is reloaded.
   */
  reread?: () => TemporalSettings;
}

/**
 * Reads Temporal's own environment variables and configuration file (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`,
 * `TEMPORAL_PROFILE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_*`) like every Temporal tool.
 */
export function loadTemporalSettings(env: NodeJS.ProcessEnv): TemporalSettings {
  const prefix = loadPrefix(env);
  const overrideEnvVars: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // An empty variable, as compose files and CI set it, means "not set".
    if (value !== undefined && value !== '') overrideEnvVars[name] = value;
  }
  const names = Object.keys(overrideEnvVars).filter((name) => READ.test(name));
  refuseWith([...unfitVariables(overrideEnvVars, names), ...flagProblems(overrideEnvVars)]);
  let config: ClientConnectConfig;
  try {
    config = loadConfig(overrideEnvVars);
  } catch (error) {
    throw new ConfigurationError([
      `The Temporal configuration cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    ]);
  }
  const given = Object.entries(config.connectionOptions).filter(([, value]) => value !== undefined);
  const connectionOptions: ConnectionOptions = Object.fromEntries(given);
  connectionOptions.address ??= DEFAULT_ADDRESS;
  const { address, apiKey } = connectionOptions;
  // Variables were validated above, so these values come from the file.
  refuseWith([
    ...unfitInFile({ address, api_key: apiKey }),
    ...certificateProblems(connectionOptions, overrideEnvVars),
  ]);
  return {
    address,
    namespace: config.namespace ?? DEFAULT_NAMESPACE,
    tls: connectionOptions.tls !== undefined && connectionOptions.tls !== false,
    prefix,
    connectionOptions: new Secret(withTrustedRoots(connectionOptions, overrideEnvVars)),
    reread: () => loadTemporalSettings(env),
  };
}

/**
 * SMART_ERASE_PREFIX: distinguishes this installation's names from others in the same namespace.
 * @throws ConfigurationError
 */
export function loadPrefix(env: NodeJS.ProcessEnv): string {
  const prefix = env.SMART_ERASE_PREFIX ?? '';
  refuseWith(unfitVariables(env, ['SMART_ERASE_PREFIX']));
  if (!isPrefix(prefix)) throw new ConfigurationError([`SMART_ERASE_PREFIX ${PREFIX_WORDS}, not "${prefix}"`]);
  return prefix;
}

/** Values given in code, such as an API key, are validated like variables. @throws ConfigurationError */
export function checkGiven(given: Readonly<Record<string, unknown>>): void {
  refuseWith(
    Object.entries(given).flatMap(([name, value]) => {
      const words = typeof value === 'string' ? unfitWords(value, { plain: true }) : null;
      return words === null ? [] : [`${name} ${words}`];
    }),
  );
}

function unfitInFile(values: Readonly<Record<string, unknown>>): string[] {
  try {
    checkGiven(values);
    return [];
  } catch (error) {
    return (error as ConfigurationError).problems.map((problem) => `In Temporal's configuration file, ${problem}`);
  }
}

/** The SDK interprets any other word as "false", which would silently disable TLS. */
function flagProblems(env: Readonly<Record<string, string>>): string[] {
  const value = env.TEMPORAL_TLS;
  if (value === undefined || ['1', 'true', '0', 'false'].includes(value)) return [];
  return unfitVariables(env, ['TEMPORAL_TLS']).length > 0 ? [] : ['TEMPORAL_TLS must be true or false'];
}

function refuseWith(problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigurationError(problems);
}

function loadConfig(overrideEnvVars: Record<string, string>): ClientConnectConfig {
  try {
    return loadClientConnectConfig({ overrideEnvVars });
  } catch (error) {
    // The SDK throws a TypeError for a file without any profile, such as an empty one or /dev/null.
    if (!(error instanceof TypeError)) throw error;
    const profile = overrideEnvVars.TEMPORAL_PROFILE;
    if (profile !== undefined) throw new Error(`its file has no profile "${profile}".`);
    return loadClientConnectConfig({ overrideEnvVars, disableFile: true });
  }
}
