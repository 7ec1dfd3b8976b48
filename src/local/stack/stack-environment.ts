import { devNull } from 'node:os';
import { DEFAULT_CREDENTIAL, DEFAULT_SUB_APP_ID } from '../../simulator/options.js';

/** Webhook secret of local stacks; it is public, so use it nowhere else. */
export const DEV_WEBHOOK_SECRET = `whsec_${Buffer.from('only for trying on one machine').toString('base64')}`;

/** The caller's own Temporal and Tencent Cloud settings must not apply to the local stack. */
export function stackEnvironment(stack: {
  temporal: { address: string; namespace: string };
  databaseUrl: string;
  simulatorUrl: string | undefined;
}): NodeJS.ProcessEnv {
  const { temporal, databaseUrl, simulatorUrl } = stack;
  const foreign = Object.keys(process.env).filter((name) => /^(TEMPORAL_|TENCENTCLOUD_)/.test(name));
  const environment: NodeJS.ProcessEnv = Object.fromEntries(foreign.map((name) => [name, undefined]));
  Object.assign(environment, {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    // Webhook receivers under development run on this machine. The caller's value takes precedence.
    SMART_ERASE_WEBHOOK_SECRETS: process.env.SMART_ERASE_WEBHOOK_SECRETS ?? `dev=${DEV_WEBHOOK_SECRET}`,
    SMART_ERASE_WEBHOOK_ALLOW_HTTP: process.env.SMART_ERASE_WEBHOOK_ALLOW_HTTP ?? 'true',
    SMART_ERASE_WEBHOOK_NETWORKS: process.env.SMART_ERASE_WEBHOOK_NETWORKS ?? '127.0.0.0/8,::1/128',
    // The caller's profile could enable TLS.
    TEMPORAL_CONFIG_FILE: devNull,
    DATABASE_URL: databaseUrl,
  });
  if (simulatorUrl) {
    Object.assign(environment, {
      VOD_ENDPOINT: simulatorUrl,
      VOD_SUB_APP_ID: String(DEFAULT_SUB_APP_ID),
      TENCENTCLOUD_SECRET_ID: DEFAULT_CREDENTIAL.secretId,
      TENCENTCLOUD_SECRET_KEY: DEFAULT_CREDENTIAL.secretKey,
    });
  }
  return environment;
}
