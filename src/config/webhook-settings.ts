import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { SECRET_NAME } from '../contract/webhook-schema.js';
import { Secret } from './secret.js';

/** A signing secret has at least 192 and at most 512 bits. Source: the Standard Webhooks specification, 1.0.0. */
const KEY_BYTES = { min: 24, max: 64 } as const;
const KEY_PREFIX = 'whsec_';

export interface WebhookSettings {
  /** By name; during a rotation several under one name, each of which signs. */
  secrets: ReadonlyMap<string, Secret<readonly string[]>>;
  allowHttp: boolean;
  /** Private networks that are allowed. */
  networks: readonly { address: string; prefix: number }[];
}

/** Never quote a value of SMART_ERASE_WEBHOOK_SECRETS in a message. */
export const WEBHOOK_VARIABLES = z.object({
  SMART_ERASE_WEBHOOK_SECRETS: list(parseSecret, 'must be a list like name=whsec_…,other=whsec_…').default([]),
  SMART_ERASE_WEBHOOK_ALLOW_HTTP: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default('false')
    .transform((text) => text === 'true'),
  SMART_ERASE_WEBHOOK_NETWORKS: list(parseNetwork, 'must be a list of networks like 10.1.0.0/16,fd00::/8').default([]),
});

export function webhookSettings(value: z.infer<typeof WEBHOOK_VARIABLES>): WebhookSettings {
  const keys = new Map<string, string[]>();
  for (const { name, key } of value.SMART_ERASE_WEBHOOK_SECRETS) keys.set(name, [...(keys.get(name) ?? []), key]);
  return {
    secrets: new Map([...keys].map(([name, all]) => [name, new Secret(all)])),
    allowHttp: value.SMART_ERASE_WEBHOOK_ALLOW_HTTP,
    networks: value.SMART_ERASE_WEBHOOK_NETWORKS,
  };
}

/** By environment variable, without secrets. */
export function describeWebhookSettings({ secrets, allowHttp, networks }: WebhookSettings): Record<string, string> {
  return {
    SMART_ERASE_WEBHOOK_SECRETS: [...secrets.keys()].map((name) => `${name}=set`).join(',') || 'not set',
    SMART_ERASE_WEBHOOK_ALLOW_HTTP: String(allowHttp),
    SMART_ERASE_WEBHOOK_NETWORKS: networks.map(({ address, prefix }) => `${address}/${prefix}`).join(',') || 'not set',
  };
}

/** A comma-separated list. `parse` returns an entry, or a sentence with its problem. */
function list<T extends object>(parse: (entry: string, number: number) => T | string, form: string) {
  return z.string().transform((text, context) => {
    const entries: T[] = [];
    for (const [index, part] of text.split(',').entries()) {
      const entry = parse(part.trim(), index + 1);
      if (typeof entry === 'object') entries.push(entry);
      else context.addIssue({ code: 'custom', message: `${form}: ${entry}` });
    }
    return entries;
  });
}

function parseSecret(entry: string, number: number): { name: string; key: string } | string {
  const equals = entry.indexOf('=');
  const name = entry.slice(0, Math.max(equals, 0));
  if (!SECRET_NAME.test(name)) return `entry ${number} has no name of letters, digits, dots, dashes and underscores`;
  const key = entry.slice(equals + 1);
  const base64 = key.slice(KEY_PREFIX.length);
  if (!key.startsWith(KEY_PREFIX) || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) {
    return `the secret of ${name} is not ${KEY_PREFIX} followed by base64`;
  }
  const bytes = Buffer.from(base64, 'base64').length;
  if (bytes < KEY_BYTES.min || bytes > KEY_BYTES.max) {
    return `the secret of ${name} has ${bytes} bytes, not ${KEY_BYTES.min} to ${KEY_BYTES.max}`;
  }
  return { name, key };
}

function parseNetwork(entry: string): { address: string; prefix: number } | string {
  const [address = '', bits = '', ...more] = entry.split('/');
  const prefix = Number(bits);
  const longest = isIPv4(address) ? 32 : 128;
  const good = isIP(address) !== 0 && !address.includes('%') && /^\d+$/.test(bits) && prefix <= longest;
  return good && more.length === 0 ? { address, prefix } : `"${entry}" is not a network`;
}
