import { secretsOfDatabaseUrl } from '../config/database-address.js';
import type { Settings } from '../config/settings.js';

const HIDDEN = '***';

/** Secrets shorter than this also occur by chance; removing them would hide other text. */
const SHORTEST = 4;

/** Removes every secret from a text, also in its JSON and URL encodings. */
export type Redact = (text: string) => string;

/** Third-party errors may quote their input, so every log line passes through here. */
export function redactor(secrets: readonly string[]): Redact {
  const forms = secrets
    .filter((secret) => secret.length >= SHORTEST)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  // Longest first, since one secret may contain another.
  const all = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return (text) =>
    all.reduce((hidden, form) => (hidden.includes(form) ? hidden.replaceAll(form, HIDDEN) : hidden), text);
}

/** All secrets of the settings. */
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

/** The password as written in the URL and decoded; it may also be a query parameter. */
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
