import { secretsOfDatabaseUrl } from '../config/database-address.js';
import type { Settings } from '../config/settings.js';

const HIDDEN = '***';

/** A text as short as this stands in every second line by chance: taking it out would hide what was meant to be read. */
const SHORTEST = 4;

/** Takes every secret out of a text, also as it looks inside of JSON or a URL. */
export type Redact = (text: string) => string;

/**
 * Nothing of ours writes a secret on purpose; but errors of others quote what they were given. So every line that leaves
 * the process goes through here.
 */
export function redactor(secrets: readonly string[]): Redact {
  const forms = secrets
    .filter((secret) => secret.length >= SHORTEST)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  // The longest first: one secret may be a part of another.
  const all = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return (text) =>
    all.reduce((hidden, form) => (hidden.includes(form) ? hidden.replaceAll(form, HIDDEN) : hidden), text);
}

/** All that must stay with this process. */
export function secretsOf({ vendor, databaseUrl, temporal, webhooks, monitor }: Settings): string[] {
  const { credentials } = vendor;
  const { apiKey, tls } = temporal.connectionOptions.reveal();
  const clientKey = typeof tls === 'object' ? tls?.clientCertPair?.key : undefined;
  return [
    credentials?.secretKey.reveal(),
    credentials?.token?.reveal(),
    ...secretsOfDatabaseUrl(databaseUrl.reveal()),
    typeof apiKey === 'string' ? apiKey : undefined,
    clientKey === undefined ? undefined : Buffer.from(clientKey).toString('utf8'),
    ...[...webhooks.secrets.values()].flatMap((keys) => [...keys.reveal()]),
    ...(monitor.otlpEndpoint === undefined ? [] : passwordsOf(monitor.otlpEndpoint)),
  ].filter((secret) => secret !== undefined);
}

/** As it stands in the URL, and as it is meant; a password may also stand in the query. */
function passwordsOf(text: string): string[] {
  const { password, searchParams } = new URL(text);
  return [password, decoded(password), searchParams.get('password') ?? ''].filter((each) => each !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
