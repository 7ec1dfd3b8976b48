import { readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import * as tls from 'node:tls';

/** System CA bundles of Linux distributions. Source: the lists of Go and of rustls-native-certs. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The trusted CA certificates for TLS to Temporal, in PEM. */
export interface TrustedRoots {
  pem: Uint8Array;
  /** Variables that name them, each as `NAME=value`; empty: the system's and Node's own. */
  given: string[];
  problems: string[];
}

/**
 * One list of CA certificates for client and worker, whose defaults differ (Node's list, the system's). It has the system store,
 * or SSL_CERT_FILE and SSL_CERT_DIR instead, plus NODE_EXTRA_CA_CERTS.
 *
 * Null where the system store is unreadable: then each keeps its default.
 */
export function trustedRoots(env: NodeJS.ProcessEnv): TrustedRoots | null {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: folders, NODE_EXTRA_CA_CERTS: extra } = env;
  const problems: string[] = [];
  const given = Object.entries({ SSL_CERT_FILE: file, SSL_CERT_DIR: folders, NODE_EXTRA_CA_CERTS: extra })
    .filter(([, value]) => value)
    .map(([name, value]) => `${name}=${value}`);
  const named = (name: string, path: string) => {
    const found = certificatesIn(path);
    if (found === null) problems.push(`${name} is ${path}, which cannot be read`);
    return found ?? [];
  };
  const certificates: string[] = [];
  if (file || folders) {
    if (file) certificates.push(...named('SSL_CERT_FILE', file));
    for (const folder of folders?.split(delimiter) ?? []) certificates.push(...certificatesUnder(folder));
  } else {
    const system = systemStore();
    if (system === null && !extra) return null;
    certificates.push(...(system ?? []), ...tls.rootCertificates);
  }
  if (extra) certificates.push(...named('NODE_EXTRA_CA_CERTS', extra));
  const all = [...new Set(certificates.map((each) => each.replaceAll('\r', '').trim()))];
  return { pem: Buffer.from(`${all.join('\n')}\n`), given, problems };
}

/** Whether it contains any certificate. */
export function hasCertificates(pem: Uint8Array): boolean {
  return Buffer.from(pem).includes('-----BEGIN');
}

/** Null where Node cannot read it: on macOS and Windows before Node 22.15. */
function systemStore(): string[] | null {
  const { getCACertificates } = tls as unknown as { getCACertificates?: (type: 'system') => string[] };
  if (process.platform !== 'linux') return getCACertificates?.('system') ?? null;
  for (const path of SYSTEM_BUNDLES) {
    const found = certificatesIn(path);
    if (found !== null && found.length > 0) return found;
  }
  return [];
}

/** Null when the file is unreadable. */
function certificatesIn(path: string): string[] | null {
  try {
    return readFileSync(path, 'latin1').match(CERTIFICATE) ?? [];
  } catch {
    return null;
  }
}

function certificatesUnder(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => certificatesIn(join(folder, name)) ?? []);
  } catch {
    return [];
  }
}
