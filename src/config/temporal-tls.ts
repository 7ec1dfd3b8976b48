import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { ConfigurationError } from '../errors.js';
import { hasCertificates, trustedRoots } from './trusted-roots.js';

/** The SDK's connection options. */
export type ConnectionOptions = ClientConnectConfig['connectionOptions'];

type Environment = Readonly<Record<string, string | undefined>>;

/** The TLS options; undefined when TLS is off, or on without options. */
export function tlsOf({ tls }: ConnectionOptions) {
  return typeof tls === 'object' && tls !== null ? tls : undefined;
}

/**
 * Sets the trusted CA certificates, the same for client and worker, unless some are set for Temporal alone.
 * @throws ConfigurationError when there is none, or a file named by a variable is unreadable
 */
export function withTrustedRoots(options: ConnectionOptions, env: NodeJS.ProcessEnv): ConnectionOptions {
  const { tls, apiKey } = options;
  const on = tls !== undefined && tls !== null ? tls !== false : apiKey !== undefined;
  if (!on || tlsOf(options)?.serverRootCACertificate !== undefined) return options;
  const roots = trustedRoots(env);
  if (roots === null) return options;
  if (roots.problems.length > 0) throw new ConfigurationError(roots.problems);
  if (!hasCertificates(roots.pem)) {
    throw new ConfigurationError([`There are no CA certificates in ${roots.given.join(' and ')}`], {
      advice: 'Without one TLS to Temporal trusts no server. Install ca-certificates, or name a file that has some.',
    });
  }
  return { ...options, tls: { ...tlsOf(options), serverRootCACertificate: roots.pem } };
}

/** Problems of certificate and key, each separately and as a pair; later they would look like a server that does not answer. */
export function certificateProblems(options: ConnectionOptions, env: Environment): string[] {
  const pair = tlsOf(options)?.clientCertPair;
  if (pair === undefined) return halfPair(options, env);
  try {
    const certificate = new X509Certificate(pair.crt);
    const key = createPrivateKey(Buffer.from(pair.key));
    return certificate.checkPrivateKey(key) ? [] : ['The key of the client certificate for Temporal is another one’s'];
  } catch (error) {
    const what = /X509|PEM_read_bio|no start line/i.test(String(error)) ? 'certificate or its key' : 'key';
    return [`The client ${what} for Temporal is not PEM that can be read`];
  }
}

/** If one of the pair is missing, the SDK ignores the other and connects without a certificate. */
function halfPair(options: ConnectionOptions, env: Environment): string[] {
  if (tlsOf(options) === undefined) return [];
  const given = (part: string) =>
    [`TEMPORAL_TLS_CLIENT_${part}_PATH`, `TEMPORAL_TLS_CLIENT_${part}_DATA`].find((name) => env[name] !== undefined);
  const [certificate, key] = [given('CERT'), given('KEY')];
  if ((certificate === undefined) === (key === undefined)) return [];
  return [
    `${certificate ?? key} is set without the ${certificate === undefined ? 'certificate' : 'key'} that belongs to it`,
  ];
}

/** Expiry of the client certificate, in milliseconds since 1970; undefined: there is none. */
export function certificateEnd(options: ConnectionOptions): number | undefined {
  const pair = tlsOf(options)?.clientCertPair;
  return pair === undefined ? undefined : Date.parse(new X509Certificate(pair.crt).validTo);
}
