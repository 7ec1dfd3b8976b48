import { devNull } from 'node:os';
import { DEFAULT_CREDENTIAL, DEFAULT_SUB_APP_ID } from '../../simulator/options.js';

/** Signs the webhooks of local stacks; known to everybody, so good for nothing else. */
export const DEV_WEBHOOK_SECRET = `whsec_${Buffer.from('only for trying on one machine').toString('base64')}`;

/** Nothing of the caller's own Temporal or Tencent Cloud settings may reach what runs here. */
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
    // Webhook receivers under development run on this machine. What the caller set wins.
    SMART_ERASE_WEBHOOK_SECRETS: process.env.SMART_ERASE_WEBHOOK_SECRETS ?? `dev=${DEV_WEBHOOK_SECRET}`,
    SMART_ERASE_WEBHOOK_ALLOW_HTTP: process.env.SMART_ERASE_WEBHOOK_ALLOW_HTTP ?? 'true',
    SMART_ERASE_WEBHOOK_NETWORKS: process.env.SMART_ERASE_WEBHOOK_NETWORKS ?? '127.0.0.0/8,::1/128',
    // A profile of the caller's could ask for TLS.
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
